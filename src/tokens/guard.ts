import type { ArtifactStore } from '../oidc/index.ts';
import { issuerOf } from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import { AppError, type ErrorCode } from '../platform/errors.ts';
import type { ApiCaller, ApiGuard, ApiNeed, OwnResource, Role } from '../platform/http/web.ts';
import { isProven, PROOF_ALGORITHMS } from './proof.ts';
import type { TokenService, VerifiedToken } from './service.ts';

/** What the guard asks of the client behind a token, anew at each call (R6). */
export interface GuardedClient {
  readonly purpose: 'agent' | 'application' | 'service' | 'resource_server' | 'management';
  /** Marked for management by an administrator. */
  readonly isManagement: boolean;
  readonly hasGovernance: boolean;
}

/** What the guard is made of; the lookups answer from the database at each call. */
export interface ApiGuardDeps {
  readonly tokens: Pick<TokenService, 'verify'>;
  readonly clients: { find(clientId: string): Promise<GuardedClient | undefined> };
  readonly accounts: { find(accountId: string): Promise<{ readonly role: Role; readonly status: string } | undefined> };
  readonly artifacts: Pick<ArtifactStore, 'recordOnce'>;
  /** What identity providers show in place of an access token, on `/scim/v2` alone (contract.md "Addresses"). */
  readonly provisioning: {
    recognises(value: string): boolean;
    accept(value: string, address: string): Promise<ApiCaller | undefined>;
  };
  /** Whether a sign-in of that strength is enough to decide about approvals (R6). */
  readonly isStrongAcr: (acr: string | undefined) => boolean;
  readonly issuer: URL;
  readonly clock: Clock;
}

type Context = Parameters<ApiGuard['caller']>[0];
type Needs = Parameters<ApiGuard['callerFor']>[1];

const PATHS: Readonly<Record<OwnResource, string>> = { scim: '/scim/v2', api: '/api/v1', access: '/access/v1' };
/** What a person's role lets a token for them do; a scope that is not here is for nobody. */
const ROLES: ReadonlyMap<string, readonly Role[]> = new Map([
  ['scim:read', ['admin', 'auditor']],
  ['scim:write', ['admin']],
  ['admin:read', ['admin', 'auditor']],
  ['admin:write', ['admin']],
  ['access:evaluate', ['admin', 'auditor']],
  ['access:search', ['admin', 'auditor']],
  ['approvals:decide', ['admin', 'approver']],
]);
/** A decision wants a sign-in that is at most this old (R6, R22). */
const FRESH_SECONDS = 900;

/** The identifiers of this server's own resources (contract.md "Addresses"). */
export function ownResourcesOf(issuer: URL): readonly string[] {
  return Object.values(PATHS).map((path) => `${issuerOf(issuer)}${path}`);
}

/** A refusal of the call: OAuth's error for the challenge (RFC 6750 §3.1, RFC 9449 §7.1), ours for the answer. */
class CallRefused extends Error {
  readonly code: Extract<ErrorCode, 'unauthenticated' | 'forbidden'>;
  readonly error: string | undefined;

  constructor(code: CallRefused['code'], error: string | undefined, message: string) {
    super(message);
    this.code = code;
    this.error = error;
  }
}

function invalidToken(message = 'The access token is not valid here, or no longer.'): CallRefused {
  return new CallRefused('unauthenticated', 'invalid_token', message);
}

function insufficient(message: string): CallRefused {
  return new CallRefused('forbidden', 'insufficient_scope', message);
}

function presentedBy(ctx: Context): { scheme: 'bearer' | 'dpop'; token: string } {
  const header = ctx.get('authorization');
  if (header === '') throw new CallRefused('unauthenticated', undefined, 'Send an access token in the Authorization header.');
  const [, scheme = '', token = ''] = /^(bearer|dpop) ([\w.~+/=-]+)$/i.exec(header) ?? [];
  if (token === '') throw invalidToken('The Authorization header has no access token in it.');
  return { scheme: scheme.toLowerCase() as 'bearer' | 'dpop', token };
}

/** RFC 9449 §7.2: a bound token is never taken without its proof, an unbound one never with the DPoP scheme. */
async function checkBinding(
  ctx: Context,
  presented: { scheme: string; token: string },
  token: VerifiedToken & { deps: ApiGuardDeps },
): Promise<void> {
  const { cnf } = token.record;
  if (cnf === undefined && presented.scheme === 'bearer') return;
  if (cnf?.jkt === undefined || presented.scheme !== 'dpop' || cnf['x5t#S256'] !== undefined)
    throw invalidToken('The access token is bound to a key, or is not, other than it was sent.');
  const { issuer } = token.deps;
  const address = `${issuer.origin}${new URL(ctx.originalUrl, issuer).pathname}`;
  const call = { method: ctx.method, address, token: presented.token, thumbprint: cnf.jkt };
  if (await isProven(ctx.get('dpop'), call, token.deps)) return;
  throw new CallRefused('unauthenticated', 'invalid_dpop_proof', 'The DPoP proof does not fit this call, or was used before.');
}

/** R6: never through exchange, never with an actor, only for what it was issued for. */
function checkToken({ record, payload }: VerifiedToken, resource: string, scope: string): void {
  if (record.resource !== resource) throw invalidToken('The access token is for another resource.');
  if (record.act !== undefined || payload['act'] !== undefined || record.parentJti !== undefined)
    throw new CallRefused('forbidden', 'invalid_token', 'A token that somebody else acts with is not taken here.');
  if (!record.scope.split(' ').includes(scope)) throw insufficient(`This needs the scope ${scope}.`);
}

async function checkPerson({ record }: VerifiedToken, scope: string, deps: ApiGuardDeps): Promise<void> {
  const { accounts, clock, isStrongAcr } = deps;
  if (record.accountId === undefined) {
    if (scope === 'approvals:decide') throw insufficient('Only a person decides.');
    return;
  }
  const account = await accounts.find(record.accountId);
  if (account?.status !== 'active') throw invalidToken();
  if (ROLES.get(scope)?.includes(account.role) !== true) throw insufficient('The role of this person does not allow it.');
  if (scope !== 'approvals:decide') return;
  const age = record.authTime === undefined ? Number.POSITIVE_INFINITY : clock.epochSeconds() - record.authTime.getTime() / 1000;
  if (age <= FRESH_SECONDS && isStrongAcr(record.acr)) return;
  // RFC 9470 §3: tells the client which sign-in would do
  throw new CallRefused('unauthenticated', 'insufficient_user_authentication', 'Sign in again, with a second factor, to decide.');
}

/** RFC 6750 §3, RFC 9449 §7.1. Nothing of the token or the caller is repeated. */
function challenge(ctx: Context, { error, message }: CallRefused, need: ApiNeed & { issuer: string }): void {
  const age = error === 'insufficient_user_authentication' ? `, max_age="${FRESH_SECONDS}"` : '';
  const why = error === undefined ? '' : `, error="${error}", error_description="${message}"${age}`;
  const scope = error === 'insufficient_scope' || error === undefined ? `, scope="${need.scope}"` : '';
  const realm = `realm="${need.issuer}"`;
  ctx.append('www-authenticate', `Bearer ${realm}${why}${scope}`);
  ctx.append('www-authenticate', `DPoP ${realm}${why}${scope}, algs="${PROOF_ALGORITHMS}"`);
}

const OF_RESOURCE_SERVER: GuardedClient = { purpose: 'resource_server', isManagement: false, hasGovernance: false };
const MOST_KNOWN = 1_000;

/**
 * Clients that were seen to be a resource server's own. What a client is for never changes, and whether it is alive was read with
 * its token: so a resource server that asks about each of its calls is not looked up each time.
 */
function createKnownServers(): Pick<Set<string>, 'has'> & { add(clientId: string): void } {
  const known = new Set<string>();
  return {
    has: (clientId) => known.has(clientId),
    add(clientId) {
      if (known.size >= MOST_KNOWN) known.clear();
      known.add(clientId);
    },
  };
}

/**
 * The guard of `<issuer>/scim/v2`, `/api/v1` and `/access/v1` (R6). Every call is judged anew: one read for the token and all it
 * stands on, one for its client, one for its person; a bound token costs one write more, for its proof. A provisioning token is
 * one read, with its client.
 */
export function createApiGuard(deps: ApiGuardDeps): ApiGuard {
  const issuer = issuerOf(deps.issuer);
  const known = createKnownServers();

  const check = async (verified: VerifiedToken, { resource, scope }: ApiNeed): Promise<ApiCaller> => {
    checkToken(verified, `${issuer}${PATHS[resource]}`, scope);
    const { record } = verified;
    const client = resource === 'access' && known.has(record.clientId) ? OF_RESOURCE_SERVER : await deps.clients.find(record.clientId);
    if (client?.purpose === 'resource_server') known.add(record.clientId);
    const isAllowed = client?.isManagement === true || (resource === 'access' && client?.purpose === 'resource_server');
    if (client === undefined || !isAllowed)
      throw new CallRefused('forbidden', 'invalid_token', 'This client is not marked for management.');
    await checkPerson(verified, scope, deps);
    const { clientId, subject, subjectProfile, accountId, jti } = record;
    const scopes = new Set(record.scope.split(' '));
    return { clientId, subject, subjectProfile, accountId, jti, scopes, hasGovernance: client.hasGovernance };
  };
  const checkAny = async (verified: VerifiedToken, needs: Needs) => {
    const refusals: CallRefused[] = [];
    for (const need of needs) {
      try {
        return { caller: await check(verified, need), need };
      } catch (error) {
        if (!(error instanceof CallRefused)) throw error;
        refusals.push(error);
      }
    }
    throw refusals.find(({ error }) => error === 'insufficient_user_authentication') ?? refusals[0];
  };
  const admit = async (ctx: Context, needs: Needs) => {
    const presented = presentedBy(ctx);
    const [{ resource, scope }] = needs;
    if (resource === 'scim' && presented.scheme === 'bearer' && deps.provisioning.recognises(presented.token)) {
      const provider = await deps.provisioning.accept(presented.token, ctx.ip);
      // the same words for an unknown one, an ended one and one from a wrong address: the audit tells an administrator which
      if (provider === undefined) throw invalidToken();
      if (!provider.scopes.has(scope)) throw insufficient(`This needs the scope ${scope}.`);
      return { caller: provider, need: needs[0] };
    }
    const verified = await deps.tokens.verify(presented.token);
    if (verified === undefined) throw invalidToken();
    await checkBinding(ctx, presented, { ...verified, deps });
    return checkAny(verified, needs);
  };
  const callerFor: ApiGuard['callerFor'] = async (ctx, needs) => {
    try {
      return await admit(ctx, needs);
    } catch (error) {
      if (!(error instanceof CallRefused)) throw error;
      challenge(ctx, error, { ...needs[0], issuer });
      throw new AppError(error.code, error.message);
    }
  };
  return { callerFor, caller: async (ctx, need) => (await callerFor(ctx, [need])).caller };
}
