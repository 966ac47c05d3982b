import { createHash, timingSafeEqual } from 'node:crypto';
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import { ROUTES } from '../oidc/index.ts';
import type { Ids } from '../platform/ids.ts';
import { type Bounds, type StoredMetadata, textsOf } from './client.ts';
import { GRANT } from './grant-types.ts';

/** What software may have that nobody vouched for: a person lets it act for them, nothing else (security rules R4 and R5). */
export const OPEN_BOUNDS: Bounds = { grantTypes: [GRANT.code, GRANT.refresh] };

/** The name of the policy that the engine runs for a registration without a token. */
export const OPEN_POLICY = 'open';

/** Registration without an initial access token, where the setting lets it. */
export interface OpenRegistration {
  /** Whether a presented initial access token is the one this server itself put in. */
  isOwn(token: string): boolean;
  /** In front of the engine's registration endpoint. */
  middleware(provider: Provider): void;
  /** Asked by the engine before it judges the metadata: what such a client does not get is left out (RFC 7591 §2). */
  policy(ctx: KoaContextWithOIDC, properties: Record<string, unknown>): void;
}

/** The engine wants an initial access token for every registration: for an open one it is a secret that never leaves this process. */
export function createOpenRegistration(deps: { ids: Pick<Ids, 'secret'>; isOpen: () => Promise<boolean> }): OpenRegistration {
  const own = deps.ids.secret(32);
  const digestOf = (value: string) => createHash('sha256').update(value).digest();
  return {
    isOwn: (token) => timingSafeEqual(digestOf(token), digestOf(own)),
    middleware(provider) {
      provider.use(async (ctx, next) => {
        const isOurs = ctx.method === 'POST' && ctx.path === ROUTES.registration && ctx.get('authorization') === '';
        if (isOurs && (await deps.isOpen())) ctx.req.headers.authorization = `Bearer ${own}`;
        return next();
      });
    },
    policy(ctx, properties) {
      if (ctx.method !== 'POST') return;
      const metadata: StoredMetadata = properties;
      const asked = metadata['grant_types'] === undefined ? [GRANT.code, GRANT.refresh] : textsOf(metadata['grant_types']);
      const kept = asked.filter((grant) => OPEN_BOUNDS.grantTypes.includes(grant));
      if (!kept.includes(GRANT.code)) {
        const why = 'without an initial access token only authorization_code is registered, with refresh_token if you like';
        throw new errors.InvalidClientMetadata(`grant_types has nothing that is registered here: ${why}`);
      }
      properties['grant_types'] = kept;
    },
  };
}
