import { type Adapter, type AdapterPayload, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import { type ArtifactStore, createArtifactAdapter, hashOf, type OidcContribution } from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import { issuanceOf, type TokenService, type VerifiedToken } from '../tokens/index.ts';
import type { PresentedTokens } from './presented-token.ts';

/** What introspection and revocation at the engine are made of. */
export interface RevocationContributionDeps {
  readonly tokens: Pick<TokenService, 'end' | 'arePartiesLive'>;
  readonly presented: PresentedTokens;
  readonly artifacts: ArtifactStore;
  readonly clock: Clock;
  /** What is left of each detail of a token that has a budget, for its introspection; undefined when none has. */
  readonly budgetsOf?: (token: VerifiedToken['record']) => Promise<readonly object[] | undefined>;
  /** Whether this client belongs to the resource server that the resource names (R24). */
  readonly isClientOfResource: (clientId: string, resource: string) => Promise<boolean>;
}

type Model = 'AccessToken' | 'ClientCredentials';
type AskingClient = NonNullable<KoaContextWithOIDC['oidc']['client']>;
type AskedToken = { readonly jti: string; readonly clientId?: string | undefined; readonly accountId?: string };

function defined(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

/**
 * The token as the engine would have stored it. Without `accountId` and `grantId`: the subject stands in `extra`, person and
 * grant are part of the ledger's own answer, and what the engine does not know it cannot revoke along with the token.
 */
function storedForm({ record, payload }: VerifiedToken, budgets: readonly object[] | undefined): AdapterPayload {
  const { jti, kind, clientId, resource, scope, details, cnf, act, acr, approval, subject, subjectProfile } = record;
  const extra = defined({ sub: subject, sub_profile: subjectProfile, act, acr, auth_time: payload['auth_time'], approval, budgets });
  const key = { jkt: cnf?.jkt, 'x5t#S256': cnf?.['x5t#S256'] };
  return defined({
    jti,
    kind,
    clientId,
    iat: payload.iat,
    exp: payload.exp,
    aud: resource,
    scope,
    rar: details,
    ...key,
    extra,
  }) as AdapterPayload;
}

/** Storage of access tokens: JWTs are read from the ledger when one is presented, opaque ones (userinfo) are artifacts. */
function accessTokenAdapter(model: Model, deps: RevocationContributionDeps): Adapter {
  const { tokens, presented, artifacts, clock } = deps;
  const familyOfRequest = () => (Provider.ctx === undefined ? undefined : issuanceOf(Provider.ctx).familyHash);
  const opaque = createArtifactAdapter(model, { store: artifacts, clock, familyOfRequest });
  const end = (selector: Parameters<TokenService['end']>[0], cause: string) => {
    const clientId = Provider.ctx?.oidc.client?.clientId;
    const by = clientId === undefined ? ({ kind: 'system', id: 'revocation' } as const) : ({ kind: 'client', id: clientId } as const);
    return tokens.end(selector, { cause, by });
  };
  return {
    ...opaque,
    async find(value) {
      const ctx = Provider.ctx;
      const asked = presented.of(ctx);
      if (asked?.handle === value) {
        const verified = await asked.verified();
        if (verified?.record.kind !== model) return undefined;
        const isAsked = ctx?.oidc.route === 'introspection' && verified.record.details !== undefined;
        return storedForm(verified, isAsked ? await deps.budgetsOf?.(verified.record) : undefined);
      }
      const found = await opaque.find(value);
      if (found === undefined || ctx?.oidc.route !== 'revocation') return found;
      // revoking one access token ends that one, not the grant it came from
      const { grantId: _grantId, ...alone } = found as AdapterPayload;
      return alone as AdapterPayload;
    },
    async destroy(value) {
      const verified = await presented.of(Provider.ctx)?.verified();
      if (verified?.record.jti !== value) return opaque.destroy(value);
      await end({ by: 'jti', jti: value }, 'revoked by its client');
    },
    async revokeByGrantId(grantId) {
      await opaque.revokeByGrantId(grantId);
      await end({ by: 'grant', grantHash: hashOf(grantId) }, 'its refresh token or grant was revoked');
    },
  };
}

/**
 * Introspection (RFC 7662, signed answers RFC 9701) and revocation (RFC 7009) of JWT access tokens and opaque tokens. Client
 * authentication, duplicates and the form of the answer are the engine's.
 */
export function revocationContribution(deps: RevocationContributionDeps): OidcContribution {
  const { tokens, presented, isClientOfResource } = deps;

  /** R24: the client it was issued to and clients of its resource server; for everyone else it does not exist. R4: not for public clients. */
  const mayIntrospect = async (ctx: KoaContextWithOIDC, client: AskingClient, token: AskedToken): Promise<boolean> => {
    if (client.clientAuthMethod === 'none') return false;
    const verified = await presented.of(ctx)?.verified();
    if (verified !== undefined) {
      const { clientId, resource } = verified.record;
      return client.clientId === clientId || isClientOfResource(client.clientId, resource);
    }
    return token.clientId === client.clientId && tokens.arePartiesLive(client.clientId, token.accountId);
  };
  return {
    features: {
      introspection: { enabled: true, allowedPolicy: (ctx, client, token) => mayIntrospect(ctx, client, token) },
      jwtIntrospection: { enabled: true },
      // RFC 7009 §2.1; silent for others, so that nobody learns which tokens exist
      revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
    },
    // a grant is shared by all connections of a client and a person: revoking what came from it leaves what was consented to
    revokeGrantPolicy: (ctx) => ctx.oidc.route !== 'revocation',
    adapters: {
      AccessToken: accessTokenAdapter('AccessToken', deps),
      ClientCredentials: accessTokenAdapter('ClientCredentials', deps),
    },
  };
}
