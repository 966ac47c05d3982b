import { createHash, timingSafeEqual } from 'node:crypto';
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import { ROUTES } from '../oidc/index.ts';
import type { Ids } from '../platform/ids.ts';
import { type Bounds, textsOf } from './client.ts';
import { GRANT } from './grant-types.ts';
import { readStatement, type Stated, type VerifyStatement } from './software-statement.ts';

/** What software may have that nobody vouched for: a person lets it act for them, nothing else (security rules R4 and R5). */
export const OPEN_BOUNDS: Bounds = { grantTypes: [GRANT.code, GRANT.refresh] };

/** The name of the policy that the engine runs for every registration. */
export const REGISTRATION_POLICY = 'registration';

/** Which software may register without an initial access token: any, what comes with a signed statement, or none. */
export type Openness = 'open' | 'statement' | 'token';

/** Registration without an initial access token, where the setting lets it, and software statements in any registration. */
export interface OpenRegistration {
  /** Whether a presented initial access token is the one this server itself put in. */
  isOwn(token: string): boolean;
  /** What the statement of the registration under way says. */
  statedIn(ctx: KoaContextWithOIDC): Stated | undefined;
  /** In front of the engine's registration endpoint. */
  middleware(provider: Provider): void;
  /**
   * Asked by the engine before it judges the metadata: what a signed statement says comes first, and what an open client does not
   * get is left out (RFC 7591 §2, §2.3).
   */
  policy(ctx: KoaContextWithOIDC, properties: Record<string, unknown>): Promise<void>;
}

/** What it stands on. */
export interface OpenRegistrationDeps {
  readonly ids: Pick<Ids, 'secret'>;
  readonly openness: () => Promise<Openness>;
  /** Left out: no statement is believed. */
  readonly verifyStatement?: VerifyStatement | undefined;
}

/** Leaves the grants that nobody vouched for out of what is registered. */
function keepOpenGrants(properties: Record<string, unknown>): void {
  const { grant_types: given } = properties;
  const asked = given === undefined ? [GRANT.code, GRANT.refresh] : textsOf(given);
  const kept = asked.filter((grant) => OPEN_BOUNDS.grantTypes.includes(grant));
  if (!kept.includes(GRANT.code)) {
    const why = 'without an initial access token only authorization_code is registered, with refresh_token if you like';
    throw new errors.InvalidClientMetadata(`grant_types has nothing that is registered here: ${why}`);
  }
  properties['grant_types'] = kept;
}

/** The engine wants an initial access token for every registration: for an open one it is a secret that never leaves this process. */
export function createOpenRegistration({ ids, openness, verifyStatement }: OpenRegistrationDeps): OpenRegistration {
  const own = ids.secret(32);
  const digestOf = (value: string) => createHash('sha256').update(value).digest();
  const isOwn = (token: string) => timingSafeEqual(digestOf(token), digestOf(own));
  const stated = new WeakMap<object, Stated>();
  return {
    isOwn,
    statedIn: (ctx) => stated.get(ctx),
    middleware(provider) {
      provider.use(async (ctx, next) => {
        const isOurs = ctx.method === 'POST' && ctx.path === ROUTES.registration && ctx.get('authorization') === '';
        if (isOurs && (await openness()) !== 'token') ctx.req.headers.authorization = `Bearer ${own}`;
        await next();
      });
    },
    async policy(ctx, properties) {
      if (ctx.method !== 'POST') return;
      const { software_statement: text } = properties;
      const statement = await readStatement(properties, verifyStatement);
      delete properties['software_statement'];
      if (statement !== undefined) {
        stated.set(ctx, statement);
        Object.assign(properties, statement.metadata, { software_statement: text });
      }
      if (!isOwn(ctx.oidc.getAccessToken())) return;
      if (statement === undefined && (await openness()) === 'statement')
        throw new errors.InvalidToken('register with an initial access token, or with a software statement that is trusted here');
      keepOpenGrants(properties);
    },
  };
}
