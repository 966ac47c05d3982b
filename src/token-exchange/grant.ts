import { createHash, X509Certificate } from 'node:crypto';
import type { Provider, TokenEndpointGrantContext } from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { AuditRecorder } from '../audit/index.ts';
import { type AuthorizationDetail, parseDetails } from '../authorization-details/index.ts';
import { type GrantHelpers, type GrantTypeContribution, Refusal as EngineRefusal } from '../oidc/index.ts';
import type { Db } from '../platform/db/db.ts';
import type { FactsSource, PolicyService } from '../policy/index.ts';
import { canonicalResourceUri } from '../resource-servers/index.ts';
import type { AskedFor, DelegationRequestService } from './asking/service.ts';
import type { EarlyRefusals } from './early-refusals.ts';
import { decideExchange, type ExchangeDeps, type ExchangeResult, type Requester } from './exchange.ts';
import { fillNotes, issue, type Keys, proveKeys, remember, type ResourceServer, useUp } from './issue.ts';
import type { SubjectToken } from './presented-token.ts';
import type { KeyProof } from './presenter.ts';
import type { Refusal } from './refusal.ts';
import { createRefusals } from './refusing.ts';
import { type ExchangeTarget, readExchangeRequest, type TokenExchangeRequest } from './request.ts';

/** What the grant stands on besides what an exchange asks of the records. */
export interface GrantDeps extends ExchangeDeps {
  readonly db: Db;
  readonly audit: AuditRecorder;
  readonly policy: Pick<PolicyService, 'refuse'>;
  readonly facts: FactsSource;
  readonly requests: Pick<DelegationRequestService, 'ask'>;
  readonly early: Pick<EarlyRefusals, 'reached'>;
}

/** A token whose resource server says nothing lives this long (contract.md "Tokens"). */
const DEFAULT_LIFETIME_SECONDS = 300;

type Context = TokenEndpointGrantContext;

function paramsOf(ctx: Context): Record<string, unknown> {
  return (ctx.oidc.params ?? {}) as Record<string, unknown>;
}

function canonicalTarget(target: ExchangeTarget): string | undefined {
  if (target.kind === 'resource') return target.resource;
  const canonical = canonicalResourceUri(target.audience);
  return canonical.ok ? canonical.uri : undefined;
}

/** The thumbprints of what was proved, as they stand in `cnf` (RFC 9449 §6.1, RFC 8705 §3.1). */
function proofOf({ dPoP, certificate }: Keys): KeyProof {
  const raw =
    certificate === undefined ? undefined : (certificate instanceof X509Certificate ? certificate : new X509Certificate(certificate)).raw;
  return {
    ...(dPoP === undefined ? {} : { jkt: dPoP.thumbprint }),
    ...(raw === undefined ? {} : { 'x5t#S256': createHash('sha256').update(raw).digest('base64url') }),
  };
}

/** The request with its target defaulted by the client's record where it names none (RFC 8707 §2.1). */
async function readRequest(ctx: Context, helpers: GrantHelpers) {
  const params = paramsOf(ctx);
  const isOpen = [params['resource'], params['audience']].every((value) => value === undefined || value === '');
  if (isOpen && params['subject_token'] !== undefined) await helpers.resolveRequestedResources(ctx);
  return readExchangeRequest(params);
}

/** A request with everything the engine knows about its target and keys. */
interface Prepared {
  readonly request: TokenExchangeRequest;
  readonly details: readonly AuthorizationDetail[] | undefined;
  readonly server: ResourceServer;
  readonly resource: string;
  readonly keys: Keys;
}

/** What a refused exchange would need, as something to ask for. */
function wishOf(about: { subject: SubjectToken | undefined; requester: Requester; prepared: Prepared; issuer: string }) {
  const { subject, requester, prepared, issuer } = about;
  const from = subject?.chain ?? (subject?.profile === 'ai_agent' ? subject : undefined);
  const to = requester.facts.agent?.id;
  const { resource, request, details } = prepared;
  const { delegationReason: reason } = request;
  if (reason === undefined || from === undefined || from.iss !== issuer || to === undefined) return undefined;
  const wish: AskedFor = {
    ...{ from: from.sub, to, resources: [resource], reason },
    scopes: request.scopes ?? subject?.scopes ?? [],
    authorization_details_types: [...new Set((details ?? []).map(({ type }) => type))],
  };
  return wish;
}

/** Answers an exchange: the parameters of RFC 8693 §2.1 stand in the context. */
export type ExchangeHandler = GrantTypeContribution['handler'];

/** The handler of the grant, for the engine and for profiles that say the same in other words. */
export function createExchangeHandler(deps: GrantDeps): ExchangeHandler {
  const { malformed, byRule } = createRefusals(deps);

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
  const decide = async (requester: Requester, prepared: Prepared): Promise<ExchangeResult> => {
    const { request, details, server, resource } = prepared;
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
    const wish = result.refusal.error === 'actor_unauthorized' ? wishOf({ ...deps, subject, requester, prepared }) : undefined;
    const id = wish === undefined ? undefined : await deps.requests.ask(wish, { kind: 'agent', id: wish.to });
    const extra = id === undefined ? {} : { extra: { delegation_request: id } };
    return byRule({ clientId, agentId: facts.agent?.id, resource, scopes: request.scopes, subject, ...extra }, result.refusal);
  };
  const exchange = async (ctx: Context, helpers: GrantHelpers, provider: Provider): Promise<void> => {
    const { clientId, clientAuthMethod: authMethod } = ctx.oidc.client as { clientId: string; clientAuthMethod: string };
    if (authMethod === 'none') {
      byRule({ clientId }, { error: 'unauthorized_client', description: 'token exchange needs a client that authenticates' });
    }
    const prepared = await prepare(ctx, helpers, clientId);
    const { keys, resource, server, request } = prepared;
    const facts = await deps.facts(clientId);
    const { client_assertion: assertion } = paramsOf(ctx);
    const clientAssertion = typeof assertion === 'string' ? assertion : undefined;
    const requester = { clientId, authMethod, facts, proof: proofOf(keys), clientAssertion };
    const result = await decide(requester, prepared);
    fillNotes(ctx, result, resource);
    const before = async () => {
      const used = await useUp(result, deps);
      const asked = { clientId, agentId: facts.agent?.id, resource, scopes: request.scopes, subject: result.subject };
      if (!used.ok) byRule(asked, used.refusal);
    };
    const tokenId = await issue(ctx, { helpers, provider }, { result, server, keys, requestedType: request.requestedTokenType, before });
    await remember(deps, result, { clientId, resource, tokenId });
  };
  return async (ctx, helpers, provider) => {
    deps.early.reached(ctx);
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
  };
}

/** The token exchange grant (RFC 8693), with one handler for every refusal and every success. */
export function tokenExchangeGrant(handler: ExchangeHandler): GrantTypeContribution {
  return {
    parameters: [
      ...['subject_token', 'subject_token_type', 'actor_token', 'actor_token_type', 'requested_token_type'],
      ...['resource', 'audience', 'scope', 'authorization_details', 'delegation_request'],
    ],
    duplicates: ['resource', 'audience'],
    handler,
  };
}
