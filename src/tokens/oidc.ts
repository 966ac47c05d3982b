import type { AuditEventInput, AuditRecorder } from '../audit/index.ts';
import { hashOf, type IssuedToken, type OidcContribution, refuse } from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import type { NewRow } from '../platform/db/row-set.ts';
import { type Issuance, issuanceOf } from './issuance.ts';
import type { Fault, TokenStore } from './store.ts';
import { type ActClaim, actorsOf, type Confirmation, type GrantedDetail, type NewToken, type SubjectProfile } from './token-record.ts';

/** Who a client stands for (R5): one agent, a service or application an administrator registered, or nobody. */
export type ClientPrincipal =
  | { readonly kind: 'agent'; readonly id: string }
  | { readonly kind: 'service' | 'application'; readonly id: string }
  | { readonly kind: 'none'; readonly reason: string };

/** What the writing of claims needs besides the store. */
export interface TokenClaimsDeps {
  readonly db: Db;
  readonly store: Pick<TokenStore, 'insertIfLive' | 'faultsOf'>;
  readonly clock: Clock;
  readonly audit: AuditRecorder & { rowOf(input: AuditEventInput): NewRow };
  readonly issuer: string;
  /** Asked only when neither policy nor exchange said who the subject is. */
  readonly principalOf: (clientId: string) => Promise<ClientPrincipal>;
  /** `sha-256:…` of granted details, for the audit. */
  readonly detailsHash: (details: readonly GrantedDetail[]) => string;
  /**
   * Runs right before a token is written, in its transaction: what it takes off a budget is gone if and only if the token is there.
   * May end the request by a refusal.
   */
  readonly onIssuing?: (token: NewToken) => Promise<void>;
  /** A token was written in which these agents act or are the subject. Must not wait or fail. */
  readonly onIssued: (agentIds: readonly string[]) => void;
}

type Context = Parameters<NonNullable<OidcContribution['tokenClaims']>['claims']>[0];
type Payload = Readonly<Record<string, unknown>>;

interface Parties {
  readonly subject: string;
  readonly subjectProfile: SubjectProfile;
  readonly act: ActClaim | undefined;
}

function personOf(token: IssuedToken): string | undefined {
  return 'accountId' in token && typeof token.accountId === 'string' ? token.accountId : undefined;
}

/** When and how the person signed in, as the code, device code or refresh token remembers it (RFC 9068 §2.2.1). */
function signInOf(ctx: Context): { acr?: string; authTime?: Date } {
  const { AuthorizationCode, DeviceCode, RefreshToken } = ctx.oidc.entities;
  const source = AuthorizationCode ?? DeviceCode ?? RefreshToken;
  return {
    ...(source?.acr === undefined ? {} : { acr: source.acr }),
    ...(source?.authTime === undefined ? {} : { authTime: new Date(source.authTime * 1000) }),
  };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function seconds(at: Date): number {
  return Math.floor(at.getTime() / 1000);
}

/** Agents of this server named anywhere in the token. */
function agentsOf({ subject, subjectProfile, act }: Parties, issuer: string): string[] {
  const actors = actorsOf(act).filter((actor) => actor.iss === issuer && actor.sub_profile === 'ai_agent');
  return [...new Set([...actors.map((actor) => actor.sub), ...(subjectProfile === 'ai_agent' ? [subject] : [])])];
}

function newToken(input: { ctx: Context; token: IssuedToken; payload: Payload; parties: Parties; issuer: string; now: Date }): NewToken {
  const { ctx, token, payload, parties, issuer, now } = input;
  const notes = issuanceOf(ctx);
  const signIn = signInOf(ctx);
  const agentIds = agentsOf(parties, issuer);
  const { grantId } = token as { grantId?: string };
  const approvalId = notes.approval?.['id'];
  return {
    jti: text(payload['jti']),
    kind: token.kind === 'ClientCredentials' ? 'ClientCredentials' : 'AccessToken',
    clientId: text(payload['client_id']),
    subject: parties.subject,
    subjectProfile: parties.subjectProfile,
    accountId: personOf(token) ?? (parties.subjectProfile === 'user' ? parties.subject : undefined),
    agentId: notes.agentId ?? agentIds[0],
    agentIds: notes.agentId === undefined ? agentIds : [...new Set([notes.agentId, ...agentIds])],
    actorSource: notes.actorSource,
    grantHash: grantId === undefined ? undefined : hashOf(grantId),
    familyHash: notes.familyHash,
    parentJti: notes.parentJti,
    grantType: text(ctx.oidc.params?.['grant_type']) || undefined,
    basis: notes.basis,
    delegationId: notes.delegationId,
    resource: text(payload['aud']),
    scope: text(payload['scope']),
    details: payload['authorization_details'] as readonly GrantedDetail[] | undefined,
    act: parties.act,
    cnf: payload['cnf'] as Confirmation | undefined,
    acr: notes.acr ?? signIn.acr,
    authTime: notes.authTime ?? signIn.authTime,
    approval: notes.approval,
    approvalId: typeof approvalId === 'string' ? approvalId : undefined,
    decisionId: notes.decisionId,
    policyVersion: notes.policyVersion,
    issuedAt: now,
    expiresAt: new Date(Math.min(Number(payload['exp']) * 1000, notes.notAfter?.getTime() ?? Number.POSITIVE_INFINITY)),
  };
}

function eventOf(token: NewToken, detailsHash: TokenClaimsDeps['detailsHash']): AuditEventInput {
  const actor: AuditEventInput['actor'] =
    token.agentId === undefined ? { kind: 'client', id: token.clientId } : { kind: 'agent', id: token.agentId };
  const chain = actorsOf(token.act).map(({ iss, sub }) => ({ iss, sub }));
  return {
    type: 'token.issued',
    actor,
    clientId: token.clientId,
    subjectId: token.subject,
    resource: token.resource,
    tokenId: token.jti,
    outcome: 'permitted',
    ...(token.agentId === undefined ? {} : { agentId: token.agentId }),
    ...(chain.length === 0 ? {} : { chain }),
    ...(token.scope === '' ? {} : { action: token.scope.slice(0, 2_000) }),
    ...(token.details === undefined ? {} : { detailsHash: detailsHash(token.details) }),
    ...(token.decisionId === undefined ? {} : { decisionId: token.decisionId }),
    ...(token.approvalId === undefined ? {} : { approvalId: token.approvalId }),
    ...(token.parentJti === undefined ? {} : { cause: token.parentJti }),
  };
}

function claimsOf(token: NewToken): Readonly<Record<string, unknown>> {
  return {
    sub: token.subject,
    sub_profile: token.subjectProfile,
    ...(token.act === undefined ? {} : { act: token.act }),
    ...(token.acr === undefined ? {} : { acr: token.acr }),
    ...(token.authTime === undefined ? {} : { auth_time: seconds(token.authTime) }),
    ...(token.approval === undefined ? {} : { approval: token.approval }),
  };
}

const STATUS = { invalid_client: 401, invalid_grant: 400, invalid_target: 400, temporarily_unavailable: 503 } as const;

interface Refused {
  readonly error: 'invalid_client' | 'invalid_grant' | 'invalid_target' | 'temporarily_unavailable';
  readonly description: string;
}

/** RFC 6749 §5.2, RFC 8707 §2; contract.md "Errors": a suspended agent's client is 401 `invalid_client`. */
function refusedBy(faults: readonly Fault[]): Refused {
  if (faults.includes('client')) return { error: 'invalid_client', description: 'the client is not active' };
  if (faults.includes('actor')) return { error: 'invalid_client', description: 'the agent of this client is not active' };
  if (faults.includes('agent')) return { error: 'invalid_grant', description: 'an agent in the chain is not active' };
  if (faults.includes('account')) return { error: 'invalid_grant', description: 'the person this is for cannot be acted for' };
  if (faults.includes('grant')) return { error: 'invalid_grant', description: 'what was granted has ended' };
  if (faults.includes('family'))
    return { error: 'invalid_grant', description: 'this connection was ended; the person has to sign in again' };
  if (faults.includes('resource')) return { error: 'invalid_target', description: 'the resource is not known here' };
  if (faults.includes('parent')) return { error: 'invalid_grant', description: 'the token this is made from has ended' };
  if (faults.includes('policy')) return { error: 'temporarily_unavailable', description: 'the policies are being changed; try again' };
  return { error: 'invalid_grant', description: 'something this token stands on has just ended' };
}

/**
 * The claims of every JWT access token, its row in the ledger and its audit event. The row is written only if everything the
 * token stands on is alive in the statement that writes it (R13): no row, no token, and nothing the request used is burnt.
 */
export function tokenClaims(deps: TokenClaimsDeps): NonNullable<OidcContribution['tokenClaims']> {
  const { db, store, clock, audit, issuer } = deps;

  const stop = (clientId: string, refused: Refused): never =>
    refuse(db, {
      ...refused,
      status: STATUS[refused.error],
      record: () =>
        audit.record({
          type: 'token.refused',
          actor: { kind: 'client', id: clientId },
          clientId,
          cause: refused.error,
          remedy: refused.description,
        }),
    });
  const partiesOf = async (notes: Issuance, token: IssuedToken, clientId: string): Promise<Parties> => {
    const person = personOf(token);
    if (notes.subject !== undefined)
      return {
        subject: notes.subject,
        subjectProfile: notes.subjectProfile ?? (person === notes.subject ? 'user' : 'service'),
        act: notes.actors,
      };
    const principal = await deps.principalOf(clientId);
    if (principal.kind === 'none') return stop(clientId, { error: 'invalid_client', description: principal.reason });
    const isAgent = principal.kind === 'agent';
    if (person === undefined) return { subject: principal.id, subjectProfile: isAgent ? 'ai_agent' : 'service', act: notes.actors };
    const act: ActClaim | undefined = isAgent ? { iss: issuer, sub: principal.id, sub_profile: 'ai_agent' } : undefined;
    return { subject: person, subjectProfile: 'user', act: notes.actors ?? act };
  };
  /** Once more, decided anew, when all that stood in the way were policies that changed meanwhile. */
  const settle = async (notes: Issuance, write: () => Promise<{ token: NewToken; expiresAt: Date | undefined }>) => {
    const first = await write();
    if (first.expiresAt !== undefined || notes.decideAgain === undefined) return first;
    const faults = await store.faultsOf(first.token);
    if (!faults.includes('policy') || faults.length > 1) return first;
    await notes.decideAgain();
    return write();
  };
  return {
    names: ['sub', 'sub_profile', 'act', 'acr', 'auth_time', 'approval', 'exp'],
    async claims(ctx, issued, payload) {
      const clientId = text(payload['client_id']);
      const parties = await partiesOf(issuanceOf(ctx), issued, clientId);
      if (parties.subject === clientId) throw new Error('A token was about to name a client as its subject.');
      const tokenNow = () => newToken({ ctx, token: issued, payload, parties, issuer, now: clock.now() });
      // once, though what follows may be tried again under newer policies
      await deps.onIssuing?.(tokenNow());
      const write = async () => {
        const token = tokenNow();
        const event = audit.rowOf(eventOf(token, deps.detailsHash));
        return { token, expiresAt: await store.insertIfLive({ token, event, companion: issuanceOf(ctx).alongside }) };
      };
      const { token, expiresAt } = await settle(issuanceOf(ctx), write);
      if (expiresAt === undefined) return stop(clientId, refusedBy(await store.faultsOf(token)));
      db.afterCommit(() => deps.onIssued(token.agentIds));
      // the answer's expires_in is read from here after the claims are written
      Object.assign(issued, { expiresIn: seconds(expiresAt) - Number(payload['iat']) });
      return { ...claimsOf(token), exp: seconds(expiresAt) };
    },
  };
}
