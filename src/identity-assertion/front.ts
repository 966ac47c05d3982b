import type { IncomingMessage } from 'node:http';

/** A request on its way to the engine. */
export interface FrontContext {
  readonly req: IncomingMessage;
  readonly method: string;
  readonly path: string;
  status: number;
  body: unknown;
  is(type: string): string | false | null;
  get(name: string): string;
  set(fields: Record<string, string>): void;
}

/** What the engine itself takes; whatever is larger it refuses. */
const LARGEST_BODY = 56 * 1024;
/** Headers by which a client proves itself: then the request is not one without a client. */
const CLIENT_HEADERS = ['authorization', 'oauth-client-attestation', 'oauth-client-attestation-pop'];

/** Whether this is a form for the token endpoint, and nothing outside it says who the client is. */
export function mayBeWithoutClient(ctx: FrontContext, tokenPath: string): boolean {
  const { headers } = ctx.req;
  if (ctx.method !== 'POST' || ctx.path !== tokenPath || ctx.is('application/x-www-form-urlencoded') === false) return false;
  return Number(headers['content-length'] ?? 0) <= LARGEST_BODY && CLIENT_HEADERS.every((name) => headers[name] === undefined);
}

/**
 * The body of a request, which the engine can read afterwards as if nobody had: its own parser reads what is put back, so that
 * there is one reading of parameters and duplicates, the engine's. Undefined when it is larger than the engine takes.
 */
export async function readAndPutBack(req: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let received = 0;
  for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    received += chunk.length;
    chunks.push(chunk);
    if (received > LARGEST_BODY) break;
  }
  async function* again() {
    yield* chunks;
    if (received > LARGEST_BODY) yield* req;
  }
  Object.defineProperties(req, { readable: { value: true }, iterator: { value: again } });
  return received > LARGEST_BODY ? undefined : Buffer.concat(chunks).toString('utf8');
}

/** What a request without a client presents: exactly one assertion, and nothing by which a client would name or prove itself. */
export function assertionIn(form: URLSearchParams, grantType: string): string | undefined {
  const grants = form.getAll('grant_type');
  const assertions = form.getAll('assertion');
  const names = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type'];
  if (names.some((name) => form.has(name))) return undefined;
  if (grants.length !== 1 || grants[0] !== grantType || assertions.length !== 1) return undefined;
  return assertions[0];
}
