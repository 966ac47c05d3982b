import {
  type Adapter,
  type AdapterPayload,
  type Client,
  errors,
  type KoaContextWithOIDC,
  Provider,
  type RefreshToken as EngineRefreshToken,
} from 'oidc-provider';
import {
  type ArtifactStore,
  createArtifactAdapter,
  hashOf,
  type OidcContribution,
  type RefreshTokenStore,
  type StoredRefreshToken,
} from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { issuanceOf } from '../tokens/index.ts';
import { extensionOf, type Holder, isRotated, lifetimeOf, verdictOf } from './refresh-token.ts';
import type { Family, FamilyService } from './service.ts';

/** What the contribution is made of. */
export interface RefreshTokensOidcDeps {
  readonly db: Pick<Db, 'rollback'>;
  readonly store: RefreshTokenStore;
  readonly artifacts: ArtifactStore;
  readonly families: FamilyService;
  readonly clock: Clock;
}

/** The refresh token a request came with, and what was decided about it. */
interface Presented extends StoredRefreshToken {
  readonly value: string;
  isClaimed?: boolean;
  /** What is answered in place of a new one. */
  successor?: string;
}

type PresentedTokens = WeakMap<object, Presented>;

/** Refresh tokens come from a person's own answer in a browser; an approval of one act is used up with it (R10). */
const LASTING_SOURCES: ReadonlySet<string> = new Set(['AuthorizationCode', 'DeviceCode']);

function holderOf(client: Client, token: EngineRefreshToken): Holder {
  return { hasAuthenticated: client.clientAuthMethod !== 'none', isBound: token.isSenderConstrained() };
}

function familyOf({ familyHash, payload }: Presented): Family {
  return { familyHash, clientId: String(payload['clientId']), accountId: String(payload['accountId']) };
}

/** Storage of refresh tokens: notes which one a request presents, and answers each endpoint with what it may see of it. */
function adapterOf({ store, artifacts, families, clock }: RefreshTokensOidcDeps, presented: PresentedTokens): Adapter {
  const plain = createArtifactAdapter('RefreshToken', { store: artifacts, clock });
  const current = () => (Provider.ctx === undefined ? undefined : presented.get(Provider.ctx));
  return {
    ...plain,
    async upsert(value, { jti: _jti, ...payload }, ttlSeconds: number) {
      const { ctx } = Provider;
      const before = current();
      const familyHash = before?.familyHash ?? (ctx === undefined ? undefined : issuanceOf(ctx).familyHash);
      await store.insert({ value, payload, ttlSeconds, familyHash, replaces: before?.isClaimed === true ? before.value : undefined });
    },
    async find(value) {
      const stored = await store.find(value);
      if (stored === undefined) return undefined;
      const { ctx } = Provider;
      if (ctx !== undefined) presented.set(ctx, { ...stored, value });
      const { payload, replacedAt, expiresAt } = stored;
      const { grantId, ...alone } = payload;
      const route = ctx?.oidc.route;
      // at the token endpoint it is ours to say what a replaced token means; a revoked one ends its family, not the grant it came from
      const isShownUsed = replacedAt !== undefined && route !== 'token';
      return {
        ...(route === 'revocation' ? alone : { ...alone, grantId }),
        jti: value,
        exp: Math.floor(expiresAt.getTime() / 1000),
        ...(isShownUsed ? { consumed: Math.floor(replacedAt.getTime() / 1000) } : {}),
      } as AdapterPayload;
    },
    async consume(value) {
      const before = current();
      if (before?.value === value && before.isClaimed === true) return;
      await plain.consume(value);
    },
    async destroy(value) {
      const before = current();
      if (before?.value !== value) return plain.destroy(value);
      await families.endRevoked(familyOf(before));
    },
  };
}

/**
 * Called once everything else about the request is right: takes the token for replacing it, or finds out what a second use of it
 * means. True: the engine replaces it. False: it stays, or its successor is answered.
 */
function rotation({ store, families, clock }: RefreshTokensOidcDeps, presented: PresentedTokens) {
  const judge = async (before: Presented, repeat: { holder: Holder; replacedAt: Date; successor?: string | undefined }) => {
    const { holder, replacedAt, successor } = repeat;
    const verdict = verdictOf({ holder, replacedAt, hasSuccessor: successor !== undefined, now: clock.now() });
    if (verdict === 'answer' && successor !== undefined) {
      before.successor = successor;
      return false;
    }
    if (verdict === 'refuse') throw new errors.InvalidGrant('refresh token already used');
    await families.endReplayed(familyOf(before));
    throw new errors.InvalidGrant('refresh token was replaced and used again: this connection has ended, the person signs in again');
  };
  const keep = async (before: Presented, token: EngineRefreshToken) => {
    const now = clock.epochSeconds();
    const extended = extensionOf({ expiresAt: before.expiresAt, beganAtSeconds: token.iiat ?? now }, now);
    if (extended !== undefined) await store.extend(before.value, extended);
    return false;
  };
  return async (ctx: KoaContextWithOIDC): Promise<boolean> => {
    const { RefreshToken: token, Client: client } = ctx.oidc.entities;
    const before = presented.get(ctx);
    if (token === undefined || client === undefined || before === undefined) throw new errors.InvalidGrant('refresh token not found');
    const holder = holderOf(client, token);
    if (!isRotated(holder))
      return before.replacedAt === undefined ? keep(before, token) : judge(before, { holder, replacedAt: before.replacedAt });
    const claim = await store.claim(before.value);
    if (claim.is === 'gone') throw new errors.InvalidGrant('refresh token not found');
    if (claim.is === 'replaced') return judge(before, { holder, ...claim });
    before.isClaimed = true;
    return true;
  };
}

/** What refresh tokens add to the engine: who gets one, how long it lasts, when it is replaced, and how its family ends. */
export function refreshTokensOidc(deps: RefreshTokensOidcDeps): OidcContribution {
  const { clock, db, families } = deps;
  const presented: PresentedTokens = new WeakMap();
  return {
    issueRefreshToken: async (_ctx, client, source) => client.grantTypeAllowed('refresh_token') && LASTING_SOURCES.has(source.kind),
    rotateRefreshToken: rotation(deps, presented),
    // what a person allowed an agent does not end with their visit; they end it under /me
    expiresWithSession: async () => false,
    onSourceReplayed: async (_ctx, { kind, jti, clientId, accountId }) => {
      if (!LASTING_SOURCES.has(kind) || clientId === undefined || accountId === undefined) return false;
      await families.endCodeReplayed({ familyHash: hashOf(jti), clientId, accountId });
      return true;
    },
    ttl: { RefreshToken: (_ctx, { iiat }) => lifetimeOf(iiat ?? clock.epochSeconds(), clock.epochSeconds()) },
    adapters: { RefreshToken: adapterOf(deps, presented) },
    /** Every access token of a connection knows its family, the first one too, which is made before there is a refresh token. */
    tokenPolicy: async (ctx, _token, source) => {
      const { kind, jti } = (source ?? {}) as { kind?: string; jti?: string };
      const before = presented.get(ctx);
      if (before !== undefined) issuanceOf(ctx).familyHash = before.familyHash;
      else if (kind !== undefined && jti !== undefined && LASTING_SOURCES.has(kind)) issuanceOf(ctx).familyHash = hashOf(jti);
    },
    patch: (provider) => {
      provider.on('grant.success', (ctx) => {
        const successor = presented.get(ctx)?.successor;
        if (successor !== undefined) Object.assign(ctx.body as object, { refresh_token: successor });
      });
      // refused after it was taken, for a wrong resource or scope: the client never saw a successor, so the token stays what it was
      provider.on('grant.error', (ctx) => {
        if (presented.get(ctx)?.isClaimed === true) db.rollback();
      });
    },
  };
}
