import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import { ROUTES } from '../oidc/index.ts';
import { FACTS_MEMBER, type FactsBook } from './client-facts.ts';
import { type ClientSecrets, PLACEHOLDER } from './client-secrets.ts';

const CORS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'WWW-Authenticate, Retry-After, RateLimit, RateLimit-Policy',
};
const PREFLIGHT = {
  ...CORS,
  'access-control-allow-headers': 'authorization, content-type, mcp-protocol-version',
  'access-control-max-age': '3600',
};

/** What a caller may read of a registration: one `scope`, no member of ours, a secret only when it was just made. */
function clean(body: Record<string, unknown>): void {
  const scopes = [body['scope'], body['resource_scope']].filter((part) => typeof part === 'string' && part !== '');
  if (scopes.length > 0) body['scope'] = scopes.join(' ');
  delete body['resource_scope'];
  delete body[FACTS_MEMBER];
  if (body['client_secret'] !== PLACEHOLDER) return;
  delete body['client_secret'];
  delete body['client_secret_expires_at'];
}

/**
 * In front of the engine's registration routes: browsers may call them from any origin, because a bearer token and nothing
 * that a browser adds by itself opens them; and answers are cleaned of what is ours (RFC 7591 §3.2.1, RFC 7592 §3).
 */
export function addRegistrationAnswers(provider: Provider): void {
  provider.use(async (ctx, next) => {
    const isOurs = ctx.path === ROUTES.registration || ctx.path.startsWith(`${ROUTES.registration}/`);
    if (!isOurs) return next();
    if (ctx.method === 'OPTIONS') {
      ctx.set({ ...PREFLIGHT, 'access-control-allow-methods': ctx.path === ROUTES.registration ? 'POST' : 'GET, PUT, DELETE' });
      ctx.status = 204;
      return;
    }
    ctx.set(CORS);
    await next();
    if (typeof ctx.body === 'object' && ctx.body !== null) clean(ctx.body as Record<string, unknown>);
  });
}

type Update = { route?: string; client?: Parameters<FactsBook['secretsOf']>[0] };

/**
 * RFC 7592 §2.2: an update may repeat the client's secret, which must then be the current one. The engine would compare it with
 * the placeholder, so it is compared here, with the hash, at the moment the body arrives.
 */
export function acceptRepeatedSecrets(provider: Provider, deps: { book: FactsBook; secrets: ClientSecrets }): void {
  const { prototype } = (provider as unknown as { OIDCContext: { prototype: object } }).OIDCContext;
  const bodies = new WeakMap<object, unknown>();
  Object.defineProperty(prototype, 'body', {
    configurable: true,
    get(this: object) {
      return bodies.get(this);
    },
    set(this: KoaContextWithOIDC['oidc'], body: unknown) {
      const { route, client } = this as Update;
      const repeated = (body as { client_secret?: unknown } | undefined)?.client_secret;
      if (route !== 'client_update' || client === undefined || repeated === undefined || repeated === null) {
        bodies.set(this, body);
        return;
      }
      const hashes = deps.book.secretsOf(client);
      const isRight = typeof repeated === 'string' && hashes !== undefined && deps.secrets.matches(client.clientId, repeated, hashes);
      bodies.set(this, { ...(body as object), client_secret: isRight ? PLACEHOLDER : 'does not match' });
    },
  });
}
