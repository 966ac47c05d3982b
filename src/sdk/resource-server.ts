/**
 * What an MCP server or API imports to protect itself with tokens of Behalf, or of any issuer of RFC 9068 access tokens.
 *
 * It verifies who asks (RFC 9068, RFC 9449, RFC 8705), tells in whose name (RFC 8693 `act`), refuses in words a client can act
 * upon (RFC 6750, RFC 9728) and sees to it that an approved act happens once. It keeps no sessions, issues nothing and needs
 * nothing of the server: `jose` and Node alone.
 */
import { acceptedAlgorithms, verifyAccessToken } from './access-token.ts';
import { insertWellKnown, parseSecureUrl, resourceIdentifier } from './addresses.ts';
import { requireScope } from './authorization.ts';
import { createMemoryCallCounter, useCall } from './call-counter.ts';
import { type ChallengeContext, createChallenge } from './challenge.ts';
import { machineClock, type SdkClock } from './clock.ts';
import { createIssuer } from './issuer.ts';
import { createLivenessCheck } from './liveness.ts';
import { createNonces, type Nonces } from './nonce.ts';
import { createPossessionCheck } from './possession.ts';
import { readPresentation } from './presentation.ts';
import type { ResourceServer, ResourceServerOptions } from './protection.ts';
import { invalidToken } from './refusal.ts';
import { createMemorySingleUseStore, type SingleUseStore, takeOnce } from './single-use.ts';
import { createStatusCheck } from './status-list.ts';

export {
  type AccessClient,
  type AccessClientOptions,
  type AccessDecision,
  type AccessEntity,
  type AccessQuestion,
  type AccessQuestions,
  AccessUnavailable,
  createAccessClient,
} from './access-client.ts';
export { type ApprovalReceipt, type ReceiptExpectations, ReceiptRefused, verifyApprovalReceipt } from './approval-receipt.ts';
export { requireAssurance } from './assurance.ts';
export {
  type Actor,
  type Approval,
  type Authorization,
  type AuthorizationDetail,
  type PresentedToken,
  requireActor,
  requireDetail,
  requireScope,
} from './authorization.ts';
export {
  type BudgetAct,
  type BudgetAmount,
  type BudgetOptions,
  type BudgetReceipt,
  type Budgets,
  BudgetRefused,
  createBudgets,
} from './budgets.ts';
export { type CallCounter, createMemoryCallCounter, type MemoryCallCounterOptions } from './call-counter.ts';
export type { Challenge } from './challenge.ts';
export type { ClientCredentials } from './client-authentication.ts';
export type { SdkClock } from './clock.ts';
export { createMcpAccess, declaredMappings, type JsonRpcError, type McpAccess, type McpAccessOptions, type McpMessages } from './coaz.ts';
export { authenticateFastify, type FastifyLike, type FastifyReplyLike, type FastifyRequestLike } from './fastify.ts';
export { type FetchHandler, type FetchListener, protectFetch } from './fetch.ts';
export {
  answerRefusals,
  authenticate,
  type ConnectErrorMiddleware,
  type ConnectMiddleware,
  type ConnectRequest,
  type NodeHandler,
  protect,
} from './http.ts';
export type { Fetch } from './issuer.ts';
export { authenticateKoa, type KoaContext, type KoaMiddleware } from './koa.ts';
export type { IntrospectionCredentials, LivenessOptions } from './liveness.ts';
export { type McpFetchHandler, type McpHandler, type McpProtection, type McpRequest, protectMcp, protectMcpFetch } from './mcp.ts';
export { authorizationOf, type McpAuthInfo } from './mcp-auth-info.ts';
export type { DpopNonceOptions } from './nonce.ts';
export type { IncomingRequest, NodeRequest, WebRequest } from './presentation.ts';
export type { ResourceServer, ResourceServerOptions } from './protection.ts';
export { AccessRefused, type Assurance, type RefusalCode, type RefusalDetails } from './refusal.ts';
export { createMemorySingleUseStore, type MemorySingleUseOptions, type SingleUseStore } from './single-use.ts';
export type { StatusListUse } from './status-list.ts';
export { createTokenVerifier, type McpErrors, type TokenVerifier } from './token-verifier.ts';
export { allowsCall, type ToolCall } from './tool-details.ts';
export { admitToolCalls, type ToolRules } from './tool-rules.ts';

function bounded(value: number, name: string, range: readonly [number, number]): number {
  if (!(value >= range[0] && value <= range[1])) throw new TypeError(`${name} must be between ${range[0]} and ${range[1]}`);
  return value;
}

function metadataDocument(options: ResourceServerOptions): Readonly<Record<string, unknown>> {
  return {
    resource: options.resource,
    authorization_servers: [options.issuer],
    bearer_methods_supported: ['header'],
    dpop_signing_alg_values_supported: acceptedAlgorithms,
    ...(options.dpop === 'required' && { dpop_bound_access_tokens_required: true }),
    ...(options.scopesSupported && { scopes_supported: options.scopesSupported }),
    ...(options.authorizationDetailsTypes && { authorization_details_types_supported: options.authorizationDetailsTypes }),
    ...(options.resourceName !== undefined && { resource_name: options.resourceName }),
  };
}

function createUseOnce(store: SingleUseStore): ResourceServer['useOnce'] {
  return async ({ issuer, approval }) => {
    if (approval?.maxUses === undefined) return;
    for (let use = 1; use <= approval.maxUses; use += 1) {
      if (await takeOnce(store, `approval ${issuer} ${approval.id} ${use}`, approval.approvedUntil)) return;
    }
    throw invalidToken('the approval behind this access token has been used');
  };
}

interface Surroundings {
  readonly clock: SdkClock;
  readonly nonces: Nonces | undefined;
}

/** Every check of a request, in order: what costs nothing first, what asks others last. */
function createVerify(options: ResourceServerOptions, { clock, nonces }: Surroundings): ResourceServer['verify'] {
  const fetchImpl = options.fetch ?? fetch;
  const issuer = createIssuer(options.issuer, fetchImpl, clock);
  const clockToleranceSeconds = bounded(options.clockToleranceSeconds ?? 10, 'clockToleranceSeconds', [0, 60]);
  const maxActors = bounded(options.maxActors ?? 4, 'maxActors', [1, 16]);
  const expected = { issuer: options.issuer, resource: options.resource, key: issuer.key, clockToleranceSeconds, maxActors, clock };
  const checkPossession = createPossessionCheck(options, {
    windowSeconds: bounded(options.proofWindowSeconds ?? 300, 'proofWindowSeconds', [1, 300]),
    nonces,
    replayStore: options.replayStore ?? createMemorySingleUseStore({ clock }),
    clock,
  });
  const asking = { issuer, issuerId: options.issuer, fetch: fetchImpl, clock };
  const checkStatus = createStatusCheck(options.statusList ?? 'checked', { ...asking, clockToleranceSeconds });
  const checkLiveness = options.checkLiveness && createLivenessCheck(options.checkLiveness, asking);

  return async (request) => {
    const presented = readPresentation(request);
    const authorization = await verifyAccessToken(presented.token, expected);
    await checkPossession(request, presented, authorization);
    await checkStatus(authorization);
    await checkLiveness?.(presented.token);
    requireScope(authorization, ...(options.requiredScopes ?? []));
    return authorization;
  };
}

/**
 * Sets up the protection of one resource. Nothing is fetched until the first request.
 * @throws TypeError when an address is neither https nor loopback, or a number is out of its range.
 */
export function createResourceServer(given: ResourceServerOptions): ResourceServer {
  const options = { ...given, resource: resourceIdentifier(given.resource) };
  const clock = options.clock ?? machineClock;
  const metadataUrl = insertWellKnown(parseSecureUrl(options.resource, 'resource'), 'oauth-protected-resource');
  const nonces = options.dpopNonce && createNonces(options.dpopNonce, { resource: options.resource, clock });
  const counter = options.callCounter ?? createMemoryCallCounter({ clock });
  const challengeContext: ChallengeContext = {
    metadataUrl: metadataUrl.href,
    requiredScopes: options.requiredScopes ?? [],
    scheme: options.dpop === 'required' ? 'DPoP' : 'Bearer',
    dpopNonce: nonces?.current,
  };

  return {
    issuer: options.issuer,
    resource: options.resource,
    clock,
    metadataUrl: metadataUrl.href,
    metadataPath: `${metadataUrl.pathname}${metadataUrl.search}`,
    verify: createVerify(options, { clock, nonces }),
    useOnce: createUseOnce(options.maxUsesStore ?? createMemorySingleUseStore({ clock })),
    useCall: (authorization, details) => useCall(counter, authorization, details),
    protectedResourceMetadata: () => metadataDocument(options),
    responseHeaders: ({ token }) => (nonces && token.boundTo.jwkThumbprint ? { 'dpop-nonce': nonces.current() } : {}),
    challenge: (error) => createChallenge(error, challengeContext),
  };
}
