import type { Provider, TokenEndpointGrantContext } from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { AuditRecorder } from '../audit/index.ts';
import { type AuthorizationDetail, parseDetails } from '../authorization-details/index.ts';
import { type GrantHelpers, type GrantTypeContribution, type IssuedToken, Refusal as EngineRefusal, refuse } from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import type { FactsSource, PolicyService } from '../policy/index.ts';
import { canonicalResourceUri } from '../resource-servers/index.ts';
import { issuanceOf } from '../tokens/index.ts';
import { actorsOf } from './act-chain.ts';
import { decideExchange, type ExchangeDeps, type ExchangeResult, type Requester } from './exchange.ts';
import type { SubjectToken } from './presented-token.ts';
import type { ExchangeError, Refusal } from './refusal.ts';
import { type ExchangeTarget, readExchangeRequest, type TokenExchangeRequest } from './request.ts';

/** RFC 8693 §2.1. */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

/** What the grant stands on besides what an exchange asks of the records. */
export interface GrantDeps extends ExchangeDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly audit: AuditRecorder;
  readonly policy: Pick<PolicyService, 'refuse'>;
  readonly facts: FactsSource;
}

/** A token whose resource server says nothing lives this long (contract.md "Tokens"). */
const DEFAULT_LIFETIME_SECONDS = 300;

/** The smallest change that would allow what was refused. */
const REMEDIES: Readonly<Record<ExchangeError, string>> = {
  invalid_request: 'Present a live access token of this server.',
  invalid_grant: 'Present a live token that this client holds.',
  invalid_scope: 'Ask only for scopes that the subject token holds.',
  invalid_target: 'Ask for the resource of the subject token, or for one that its grant covers.',
  invalid_authorization_details: 'Ask for authorization details inside those of the subject token.',
  unauthorized_client: 'Use a client that authenticates and is linked to an active agent.',
  actor_unauthorized: 'An administrator can record a delegation between the two agents.',
};

type Context = TokenEndpointGrantContext;
type ResourceServer = NonNullable<IssuedToken['resourceServer']>;

/** The parts of one request that a refusal is recorded with. */
interface Asked {
  readonly clientId: string;
  readonly agentId?: string | undefined;
  readonly resource?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly subject?: SubjectToken | undefined;
}

function paramsOf(ctx: Context): Record<string, unknown> {
  return (ctx.oidc.params ?? {}) as Record<string, unknown>;
}

function canonicalTarget(target: ExchangeTarget): string | undefined {
  if (target.kind === 'resource') return target.resource;
  const canonical = canonicalResourceUri(target.audience);
  return canonical.ok ? canonical.uri : undefined;
}

/** Refusals of RFC 8693: malformed ones are told and audited; those by a rule are decisions with an id. */
function refusals(deps: GrantDeps) {
  const malformed = (clientId: string, { error, description }: Refusal): never =>
    refuse(deps.db, {
      error,
      description,
      record: () =>
        deps.audit.record({
          type: 'token.refused',
          actor: { kind: 'client', id: clientId },
          clientId,
          outcome: 'refused',
          cause: error,
          remedy: description,
        }),
    });
  const byRule = (asked: Asked, { error, description }: Refusal): never => {
    const { clientId, agentId, resource, scopes, subject } = asked;
    const chain = actorsOf(subject?.chain).map(({ iss, sub }) => ({ iss, sub }));
    return deps.policy.refuse({
      rule: `exchange-${error.replaceAll('_', '-')}`,
      error,
      reason: `${description.charAt(0).toUpperCase()}${description.slice(1)}.`,
      remedy: REMEDIES[error],
      clientId,
      agentId,
      subjectId: subject?.sub,
      resource,
      action: 'issue_token',
      input: { grant_type: TOKEN_EXCHANGE, scope: scopes?.join(' ') ?? null, actors: chain, parent: subject?.jti ?? null },
    });
  };
  return { malformed, byRule };
}

/** Keys this request proved (RFC 9449 §5, RFC 8705 §3); a proof is used up whether the exchange succeeds or not. */
async function proveKeys(ctx: Context, helpers: GrantHelpers) {
  const dPoP = await helpers.validateDpop(ctx);
  helpers.checkDpopRequired(ctx, dPoP);
  const certificate = helpers.checkMtlsCert(ctx);
  await helpers.checkDpopReplay(ctx, dPoP, ctx.oidc.client.clientId);
  return { dPoP, certificate };
}

/** The request with its target defaulted by the client's record where it names none (RFC 8707 §2.1). */
async function readRequest(ctx: Context, helpers: GrantHelpers) {
  const params = paramsOf(ctx);
  const isOpen = [params['resource'], params['audience']].every((value) => value === undefined || value === '');
  if (isOpen && params['subject_token'] !== undefined) await helpers.resolveRequestedResources(ctx);
  // for details the engine wants a resource before we are asked: then the audience itself stands there as the default
  const audience = canonicalResourceUri(params['audience']);
  const isSame = audience.ok && audience.uri === params['resource'];
  return readExchangeRequest(isSame ? { ...params, resource: undefined } : params);
}

function fillNotes(ctx: Context, { subject, chain, actorSource, basis, delegationId }: ExchangeResult, resource: string): void {
  const issuance = issuanceOf(ctx);
  issuance.subject = subject.sub;
  issuance.subjectProfile = subject.profile;
  issuance.parentJti = subject.jti;
  issuance.actorSource = actorSource;
  issuance.basis = basis;
  if (delegationId !== undefined) issuance.delegationId = delegationId;
  const agentId = chain === undefined ? (subject.profile === 'ai_agent' ? subject.sub : undefined) : agentOf(chain);
  if (chain !== undefined) issuance.actors = chain;
  if (agentId !== undefined) issuance.agentId = agentId;
  if (subject.acr !== undefined) issuance.acr = subject.acr;
  if (subject.authTime !== undefined) issuance.authTime = subject.authTime;
  // what a person approved, they approved at that resource: elsewhere the claim would say too much
  if (subject.approval !== undefined && subject.resource === resource) issuance.approval = subject.approval;
}

function agentOf({ sub, sub_profile: profile }: { readonly sub: string; readonly sub_profile?: string }): string | undefined {
  return profile === 'ai_agent' ? sub : undefined;
}

function newToken(ctx: Context, provider: Provider, about: { result: ExchangeResult; server: ResourceServer }): IssuedToken {
  const { client } = ctx.oidc;
  const { subject, scopes, lifetimeSeconds } = about.result;
  const { accountId } = subject;
  const token: IssuedToken =
    accountId === undefined
      ? new provider.ClientCredentials({ client } as ConstructorParameters<Provider['ClientCredentials']>[0])
      : new provider.AccessToken({ client, accountId, gty: TOKEN_EXCHANGE } as ConstructorParameters<Provider['AccessToken']>[0]);
  Object.assign(token, { resourceServer: about.server, expiresIn: lifetimeSeconds });
  if (scopes.length > 0) token.scope = scopes.join(' ');
  return token;
}

/** A request with everything the engine knows about its target and keys. */
interface Prepared {
  readonly request: TokenExchangeRequest;
  readonly details: readonly AuthorizationDetail[] | undefined;
  readonly server: ResourceServer;
  readonly resource: string;
  readonly keys: Awaited<ReturnType<typeof proveKeys>>;
}

/** Stores the token, which stamps its claims and writes its ledger row, and answers (RFC 8693 §2.2.1). */
async function issue(ctx: Context, helpers: GrantHelpers, about: { token: IssuedToken; result: ExchangeResult; prepared: Prepared }) {
  const { token, result, prepared } = about;
  const { dPoP, certificate } = prepared.keys;
  if (certificate !== undefined) token.setThumbprint('x5t', certificate);
  if (dPoP !== undefined) token.setThumbprint('jkt', dPoP.thumbprint);
  await helpers.applyAuthorizationDetails(ctx, token, result.details.length === 0 ? undefined : { rar: result.details });
  ctx.oidc.entity(token.kind, token);
  const accessToken = await token.save();
  ctx.body = helpers.buildTokenResponse({
    accessToken,
    issuedTokenType: prepared.request.requestedTokenType,
    tokenType: token.tokenType,
    expiresIn: token.expiration,
    scope: token.scope ?? '',
    authorizationDetails: (token as { rar?: readonly AuthorizationDetail[] }).rar as never,
  });
}

/** The token exchange grant (RFC 8693), with one handler for every refusal and every success. */
export function tokenExchangeGrant(deps: GrantDeps): GrantTypeContribution {
  const { malformed, byRule } = refusals(deps);

  const prepare = async (ctx: Context, helpers: GrantHelpers, clientId: string): Promise<Prepared> => {
    const keys = await proveKeys(ctx, helpers);
    const read = await readRequest(ctx, helpers);
    const request = read.ok ? read.value : malformed(clientId, read.refusal);
    const noTarget: Refusal = { error: 'invalid_target', description: 'the audience is not registered here' };
    const resource = canonicalTarget(request.target) ?? malformed(clientId, noTarget);
    paramsOf(ctx)['resource'] = resource;
    const servers = await helpers.resolveRequestedResources(ctx);
    const server = servers.find((one) => one.identifier() === resource) as ResourceServer;
    if (request.authorizationDetails === undefined) return { request, details: undefined, server, resource, keys };
    const parsed = parseDetails(deps.types, request.authorizationDetails);
    if (parsed.ok) return { request, details: parsed.details, server, resource, keys };
    const description = `authorization_details${parsed.path} ${parsed.message}`;
    return malformed(clientId, { error: 'invalid_authorization_details', description });
  };
  const decide = async (requester: Requester, { request, details, server, resource }: Prepared): Promise<ExchangeResult> => {
    const asked = {
      requester,
      request,
      details,
      resource,
      serverScopes: (server.scope ?? '').split(' '),
      lifetimeSeconds: server.accessTokenTTL ?? DEFAULT_LIFETIME_SECONDS,
      now: deps.clock.now(),
    };
    const { result, subject } = await decideExchange(asked, deps);
    if (result.ok) return result.value;
    const { clientId, facts } = requester;
    return byRule({ clientId, agentId: facts.agent?.id, resource, scopes: request.scopes, subject }, result.refusal);
  };
  const exchange = async (ctx: Context, helpers: GrantHelpers, provider: Provider): Promise<void> => {
    const { clientId, clientAuthMethod: authMethod } = ctx.oidc.client as { clientId: string; clientAuthMethod: string };
    if (authMethod === 'none') {
      byRule({ clientId }, { error: 'unauthorized_client', description: 'token exchange needs a client that authenticates' });
    }
    const prepared = await prepare(ctx, helpers, clientId);
    const { dPoP } = prepared.keys;
    const facts = await deps.facts(clientId);
    const requester = { clientId, authMethod, facts, proof: dPoP === undefined ? {} : { jkt: dPoP.thumbprint } };
    const result = await decide(requester, prepared);
    fillNotes(ctx, result, prepared.resource);
    await issue(ctx, helpers, { token: newToken(ctx, provider, { result, server: prepared.server }), result, prepared });
  };

  return {
    parameters: [
      ...['subject_token', 'subject_token_type', 'actor_token', 'actor_token_type', 'requested_token_type'],
      ...['resource', 'audience', 'scope', 'authorization_details'],
    ],
    duplicates: ['resource', 'audience'],
    async handler(ctx, helpers, provider) {
      try {
        await exchange(ctx, helpers, provider);
      } catch (error) {
        // what the engine itself refuses (unknown resource, bad proof) is recorded here; our own refusals record themselves
        if (error instanceof errors.OIDCProviderError && !(error instanceof EngineRefusal)) {
          const { clientId } = ctx.oidc.client;
          const actor = { kind: 'client', id: clientId } as const;
          await deps.audit.record({ type: 'token.refused', actor, clientId, outcome: 'refused', cause: error.error });
        }
        throw error;
      }
    },
  };
}
