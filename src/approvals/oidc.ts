import { errors, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { AuditRecorder } from '../audit/index.ts';
import { type AuthorizationDetail, detailsHash, locationsWithin, parseDetails } from '../authorization-details/index.ts';
import { hashOf, type IssuedToken, issuerOf, type OidcContribution, refuse, type TokenPolicy } from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import type { Vault } from '../platform/vault.ts';
import { type Approval, MAX_PENDING, statusAt, waitingSeconds } from './approval.ts';
import { faultOfBindingMessage } from './deceptive-text.ts';
import type { Directory } from './directory.ts';
import { type Difference, differenceOf } from './less/less.ts';
import type { LoginHints } from './login-hint.ts';
import { approvedByOf } from './receipts/service.ts';
import type { ApprovalService } from './service.ts';
import { scopesOf } from './shown.ts';
import type { ApprovalStore } from './store.ts';

/** The notes of a token request that approvals fill in (the tokens capability's `issuanceOf`). */
export interface IssuanceNotes {
  approval?: Readonly<Record<string, unknown>>;
  /** No token of the request lives longer. */
  notAfter?: Date;
  approvedBy?: string;
  acr?: string;
  authTime?: Date;
}

/** What CIBA stands on. */
export interface CibaDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly vault: Pick<Vault, 'fingerprint'>;
  readonly audit: AuditRecorder;
  readonly store: Pick<ApprovalStore, 'poll' | 'findByRequest'>;
  readonly service: Pick<ApprovalService, 'open'>;
  readonly directory: Directory;
  readonly hints: LoginHints;
  readonly issuanceOf: (ctx: object) => IssuanceNotes;
  readonly issuer: URL;
}

type Context = KoaContextWithOIDC;
type Params = Readonly<Record<string, unknown>>;
/** The engine's request, whose members its type does not list. */
interface BackchannelRequest {
  readonly kind: string;
  readonly jti: string;
  readonly scope?: string;
  readonly resource?: string | readonly string[];
  readonly expiration: number;
}

export const CIBA_GRANT = 'urn:openid:params:grant-type:ciba';
const MODEL = 'BackchannelAuthenticationRequest';
/** Seconds between two polls (CIBA Core §7.3 `interval`); the store's first value. */
const INTERVAL = 5;
const MAX_REQUEST_CONTEXT = 2_000;

function paramsOf(ctx: Context): Params {
  return (ctx.oidc.params ?? {}) as Params;
}

function clientOf(ctx: Context) {
  const { client } = ctx.oidc;
  if (client === undefined) throw new errors.InvalidClient('client authentication is required');
  return client;
}

/** R4 and R10, before anything of the request is looked at: an authenticated client, and no refresh token beyond the approval. */
function checkRequest(ctx: Context, context: unknown): void {
  if (clientOf(ctx).clientAuthMethod === 'none') throw new errors.UnauthorizedClient('clients without credentials cannot ask people');
  const params = ctx.oidc.params as Record<string, unknown>;
  if (typeof params['scope'] === 'string') {
    params['scope'] = scopesOf(params['scope'])
      .filter((scope) => scope !== 'offline_access')
      .join(' ');
  }
  if (context === undefined) return;
  if (typeof context !== 'string' || context.length > MAX_REQUEST_CONTEXT || !isJsonObject(context))
    throw new errors.InvalidRequest(`request_context is not a JSON object of at most ${MAX_REQUEST_CONTEXT} characters`);
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function checkBindingMessage(message: unknown): void {
  if (message === undefined) return;
  const fault = typeof message === 'string' ? faultOfBindingMessage(message) : 'the binding_message is not a text';
  if (fault !== undefined) throw new errors.InvalidBindingMessage(fault);
}

/** The details of the request, inside its resource (R2). */
function detailsOf(ctx: Context, directory: Directory, resource: string | undefined): readonly AuthorizationDetail[] {
  const text = paramsOf(ctx)['authorization_details'];
  if (typeof text !== 'string') return [];
  const parsed = parseDetails(directory.detailTypes(), text);
  if (!parsed.ok) throw new errors.InvalidAuthorizationDetails(`authorization_details${parsed.path} ${parsed.message}`);
  if (resource === undefined) throw new errors.InvalidTarget('authorization_details need a resource');
  const inside = locationsWithin(parsed.details, resource);
  if (!inside.within) throw new errors.InvalidAuthorizationDetails(`authorization_details${inside.path} ${inside.reason}`);
  return parsed.details;
}

/** Splits what is asked as the token will hold it: identity, and the scopes that the resource knows. */
function scopesAsked(ctx: Context, request: BackchannelRequest) {
  const resources = [request.resource ?? []].flat();
  if (resources.length > 1) throw new errors.InvalidTarget('ask for one resource at a time');
  const resource = resources[0];
  const servers = ctx.oidc.resourceServers as Readonly<Record<string, { readonly scopes: ReadonlySet<string> }>> | undefined;
  const known = resource === undefined ? undefined : servers?.[resource]?.scopes;
  const asked = scopesOf(request.scope ?? '');
  const identity = asked.filter((scope) => ctx.oidc.requestParamOIDCScopes.has(scope));
  const unknown = asked.find((scope) => !identity.includes(scope) && known?.has(scope) !== true);
  if (unknown !== undefined) throw new errors.InvalidScope('the resource does not know this scope', unknown);
  return { resource, scope: asked.filter((scope) => known?.has(scope) === true).join(' '), identityScope: identity.join(' ') };
}

/** CIBA Core §7.3: keeps the question, tells the person, and tells the client how often to ask. */
function opener({ db, clock, service, directory, audit }: CibaDeps) {
  return async (ctx: Context, engineRequest: object, account: { accountId: string }): Promise<void> => {
    const request = engineRequest as BackchannelRequest;
    const { clientId } = clientOf(ctx);
    const agent = await directory.agents.findByClient(clientId);
    if (agent === undefined || (agent.status !== 'active' && !agent.actsUnderReview))
      throw new errors.UnauthorizedClient('only the client of an active agent can ask people');
    const asked = scopesAsked(ctx, request);
    const message = paramsOf(ctx)['binding_message'];
    const opened = await service.open({
      clientId,
      agentId: agent.id,
      accountId: account.accountId,
      ...asked,
      details: detailsOf(ctx, directory, asked.resource),
      bindingMessage: typeof message === 'string' ? message : undefined,
      authReqHash: hashOf(request.jti),
      expiresAt: new Date((clock.epochSeconds() + request.expiration) * 1000),
    });
    if (opened !== undefined) {
      Object.assign(ctx.body as object, { interval: INTERVAL });
      return;
    }
    const actor = { kind: 'agent', id: agent.id } as const;
    refuse(db, {
      error: 'access_denied',
      status: 403,
      description: `${MAX_PENDING} questions of this agent wait for this person already; let them be answered first`,
      record: () =>
        audit.record({
          type: 'token.refused',
          actor,
          clientId,
          agentId: agent.id,
          subjectId: account.accountId,
          cause: 'too_many_pending',
        }),
    });
  };
}

/**
 * What the engine's own look-up does not do (CIBA Core §11): a client that asks too early while nobody has decided is told to slow
 * down, and one whose question ran out learns that, even when the engine has forgotten the request.
 */
function pacing({ clock, store }: CibaDeps) {
  return async (value: string): Promise<void> => {
    const ctx = Provider.ctx;
    if (ctx === undefined || paramsOf(ctx)['grant_type'] !== CIBA_GRANT) return;
    const { clientId } = clientOf(ctx);
    const poll = await store.poll(hashOf(value), clientId, clock.now());
    if (poll?.isEarly === true) throw new errors.SlowDown(`ask again in ${poll.intervalSeconds} seconds`);
    if (poll !== undefined) return;
    const approval = await store.findByRequest(hashOf(value));
    if (approval?.clientId !== clientId) return;
    if (statusAt(approval, clock.now()) === 'expired') throw new errors.ExpiredToken('nobody decided in time');
    if (approval.status === 'withdrawn') throw new errors.AccessDenied('the request was withdrawn');
  };
}

function pacePolls(deps: CibaDeps): (provider: Provider) => void {
  const pace = pacing(deps);
  return (provider) => {
    const model = provider.BackchannelAuthenticationRequest as unknown as { find: (value: string, ...rest: unknown[]) => Promise<unknown> };
    const find = model.find.bind(model);
    Object.assign(model, {
      find: async (value: string, ...rest: unknown[]) => {
        await pace(value);
        return find(value, ...rest);
      },
    });
  };
}

/** The engine announces user codes whenever CIBA is on; there are none here (CIBA Core §4). */
async function announceNoUserCode(ctx: { readonly body: unknown }, next: () => Promise<unknown>): Promise<void> {
  await next();
  const metadata = ctx.body;
  if (typeof metadata !== 'object' || metadata === null || !('backchannel_user_code_parameter_supported' in metadata)) return;
  metadata.backchannel_user_code_parameter_supported = false;
}

/** The `approval` claim (contract.md "Tokens"). `approved_by` is the same for one person at one resource and says nothing else. */
function claimOf(approval: Approval, vault: Pick<Vault, 'fingerprint'>): Readonly<Record<string, unknown>> {
  const { decision, approvedUntil, maxUses } = approval;
  const seconds = (at: Date | undefined) => Math.floor((at?.getTime() ?? 0) / 1000);
  return {
    id: approval.id,
    approved_at: seconds(decision?.at),
    approved_until: seconds(approvedUntil),
    details_hash: approval.detailsHash,
    approved_by: approvedByOf(approval, vault),
    by: 'subject',
    ...(maxUses === undefined ? {} : { max_uses: maxUses }),
  };
}

/** What less was approved than asked, by the request that fetches the token. */
type Differences = WeakMap<object, readonly Difference[]>;

/** RFC 9396 §7: the answer tells what was granted; this says in which members it is less, so that no program has to compare. */
function tellDifference(differences: Differences) {
  return async (ctx: { readonly body: unknown }, next: () => Promise<unknown>): Promise<void> => {
    await next();
    const [found, { body }] = [differences.get(ctx), ctx];
    if (found === undefined || typeof body !== 'object' || body === null || !('access_token' in body)) return;
    Object.assign(body, { approval_difference: found });
  };
}

/** A token from an approval lives no longer than the approval, and carries the details that were decided or none at all (R10, R12). */
function approvalPolicy({ clock, store, vault, issuanceOf, directory }: CibaDeps, differences: Differences): TokenPolicy {
  return async (ctx, token, source) => {
    const request = source as BackchannelRequest | undefined;
    if (request?.kind !== MODEL) return;
    const approval = await store.findByRequest(hashOf(request.jti));
    if (approval?.status !== 'approved' || approval.approvedUntil === undefined) throw new errors.InvalidGrant('nobody approved this');
    const left = Math.floor(approval.approvedUntil.getTime() / 1000) - clock.epochSeconds();
    if (left <= 0) throw new errors.ExpiredToken('the approval is over');
    const { rar } = token as IssuedToken & { rar?: readonly AuthorizationDetail[] };
    if (detailsHash(rar ?? []) !== approval.detailsHash) throw new errors.InvalidGrant('these are not the details that were approved');
    const mutable = token as { expiresIn?: number; readonly expiration: number };
    mutable.expiresIn = Math.min(mutable.expiration, left);
    if (approval.asked !== undefined) differences.set(ctx, differenceOf(approval.asked, approval, directory.detailTypes()));
    const notes = issuanceOf(ctx);
    notes.approval = claimOf(approval, vault);
    notes.notAfter = new Date(Math.floor(approval.approvedUntil.getTime() / 1000) * 1000);
    if (approval.decision !== undefined) notes.approvedBy = approval.decision.by;
    if (approval.decision?.acr !== undefined) notes.acr = approval.decision.acr;
    if (approval.decision?.authTime !== undefined) notes.authTime = approval.decision.authTime;
  };
}

/** Client-Initiated Backchannel Authentication (CIBA Core 1.0), poll delivery: an agent asks, a person decides elsewhere. */
export function approvalsOidc(deps: CibaDeps): OidcContribution {
  const { hints } = deps;
  const paceOn = pacePolls(deps);
  const differences: Differences = new WeakMap();
  return {
    features: {
      ciba: {
        enabled: true,
        deliveryModes: ['poll'],
        processLoginHint: (ctx, hint) => hints.accountOf(clientOf(ctx).clientId, hint ?? ''),
        processLoginHintToken: () => {
          throw new errors.InvalidRequest('login_hint_token is not supported; send login_hint or id_token_hint');
        },
        // the only hook that also runs for id_token_hint, whose subject the engine has verified by then
        verifyUserCode: async (ctx, account) => {
          if (paramsOf(ctx)['id_token_hint'] === undefined) return;
          const allowed = await hints.accountOf(clientOf(ctx).clientId, account.accountId);
          if (allowed === undefined) throw new errors.UnknownUserId('could not identify end-user');
        },
        validateBindingMessage: async (_ctx, message) => checkBindingMessage(message),
        validateRequestContext: async (ctx, context) => checkRequest(ctx, context),
        triggerAuthenticationDevice: opener(deps),
      },
    },
    ttl: { BackchannelAuthenticationRequest: (ctx) => waitingSeconds(paramsOf(ctx)['requested_expiry']) },
    discovery: { approval_receipts_jwks_uri: `${issuerOf(deps.issuer)}/jwks/receipts` },
    tokenPolicy: approvalPolicy(deps, differences),
    patch: (provider) => {
      paceOn(provider);
      provider.use(announceNoUserCode);
      provider.use(tellDifference(differences));
    },
  };
}
