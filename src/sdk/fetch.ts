import type { Authorization } from './authorization.ts';
import { metadataAnswer } from './metadata.ts';
import { requestTarget } from './presentation.ts';
import type { ResourceServer } from './protection.ts';

/** Serves a verified request of the Fetch standard. */
export type FetchHandler = (request: Request, authorization: Authorization) => Promise<Response> | Response;

/** A request handler as Deno, Bun, Cloudflare Workers and Hono call it. */
export type FetchListener = (request: Request) => Promise<Response>;

function withHeaders(response: Response, headers: Readonly<Record<string, string>>): Response {
  if (Object.keys(headers).length === 0) return response;
  const changed = new Response(response.body, response);
  for (const [name, value] of Object.entries(headers)) changed.headers.set(name, value);
  return changed;
}

/**
 * A handler from Request to Response that serves the resource metadata, lets verified requests through to `handler` and answers
 * the rest. What `handler` throws is answered too: a refusal as its challenge, anything else as a bare 500.
 */
export function protectFetch(server: ResourceServer, handler: FetchHandler): FetchListener {
  return async (request) => {
    const open = metadataAnswer(server, request.method, requestTarget(request));
    if (open) return new Response(open.body ?? null, { status: open.status, headers: open.headers });
    try {
      const authorization = await server.verify(request);
      return withHeaders(await handler(request, authorization), server.responseHeaders(authorization));
    } catch (error) {
      const { status, headers, body } = server.challenge(error);
      return new Response(body, { status, headers });
    }
  };
}
