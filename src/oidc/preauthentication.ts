import { Provider } from 'oidc-provider';

/** The request of a context, as the engine and what stands in front of it both see it. */
interface WithRequest {
  readonly req: { readonly headers: Record<string, unknown> };
}

const established = new WeakMap<object, string>();
/** What stands where a secret would; it opens nothing. */
const NO_SECRET = 'established-before';

/**
 * Tells the engine which client a request speaks for, when something in front of it has established that by a proof the engine
 * does not know, like the token of a platform. Only for a request that names no client and brings no credentials of its own.
 */
export function preauthenticate({ req }: WithRequest, clientId: string): void {
  established.set(req, clientId);
  req.headers['authorization'] = `Basic ${Buffer.from(`${clientId}:${NO_SECRET}`).toString('base64')}`;
}

/** Whether the request under way was established to speak for this client: the only proof of a client that has no other. */
export function isPreauthenticated(clientId: string): boolean {
  const { ctx } = Provider;
  return ctx !== undefined && established.get(ctx.req) === clientId;
}
