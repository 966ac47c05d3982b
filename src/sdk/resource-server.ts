/**
 * What an MCP server or API imports to protect itself with tokens of Behalf, or of any issuer of RFC 9068 access tokens.
 *
 * It verifies who asks (RFC 9068, RFC 9449, RFC 8705), tells in whose name (RFC 8693 `act`), refuses in words a client can act
 * upon (RFC 6750, RFC 9728) and sees to it that an approved act happens once. It keeps no sessions, issues nothing and needs
 * nothing of the server: `jose` and Node alone.
 */
import { acceptedAlgorithms, verifyAccessToken } from './access-token.ts';
import { insertWellKnown, parseSecureUrl } from './addresses.ts';
import { type Authorization, requireScope } from './authorization.ts';
import { createChallenge } from './challenge.ts';
import { machineClock } from './clock.ts';
import { equalsInConstantTime } from './compare.ts';
import { type ProofExpectations, verifyProof } from './dpop.ts';
import { createIssuer } from './issuer.ts';
import { createLivenessCheck } from './liveness.ts';
import { type IncomingRequest, type Presentation, peerCertificateThumbprint, publicUrl, readPresentation } from './presentation.ts';
import type { ResourceServer, ResourceServerOptions } from './protection.ts';
import { AccessRefused, invalidToken } from './refusal.ts';
import { createMemorySingleUseStore, type SingleUseStore, takeOnce } from './single-use.ts';
import { createStatusCheck } from './status-list.ts';

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
export type { Challenge } from './challenge.ts';
export type { SdkClock } from './clock.ts';
export { authenticate, type ConnectMiddleware, type ConnectRequest, type NodeHandler, protect } from './http.ts';
export type { Fetch } from './issuer.ts';
export type { IntrospectionCredentials, LivenessOptions } from './liveness.ts';
export { authorizationOf, type McpAuthInfo, type McpHandler, type McpProtection, type McpRequest, protectMcp } from './mcp.ts';
export type { IncomingRequest, NodeRequest, WebRequest } from './presentation.ts';
export type { ResourceServer, ResourceServerOptions } from './protection.ts';
export { AccessRefused, type RefusalCode, type RefusalDetails } from './refusal.ts';
export { createMemorySingleUseStore, type MemorySingleUseOptions, type SingleUseStore } from './single-use.ts';
export type { StatusListUse } from './status-list.ts';

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

/** Whether the presenter holds the key or certificate the token is bound to, and shows a bound token as one. */
function createPossessionCheck(options: ResourceServerOptions, proofs: ProofExpectations) {
  const resource = parseSecureUrl(options.resource, 'resource');
  const urlOf = options.requestUrl ?? ((request: IncomingRequest) => publicUrl(request, resource).href);
  const thumbprintOf = options.clientCertificateThumbprint ?? peerCertificateThumbprint;

  async function checkProof(request: IncomingRequest, presented: Presentation, jwkThumbprint: string | undefined): Promise<void> {
    if (!jwkThumbprint) {
      if (presented.scheme === 'Bearer' && options.dpop !== 'required') return;
      throw new AccessRefused('invalid_token', 'the access token is not bound to a DPoP key', {
        scheme: options.dpop === 'required' ? 'DPoP' : 'Bearer',
      });
    }
    if (presented.scheme !== 'DPoP')
      throw new AccessRefused('invalid_token', 'a bound access token needs the DPoP scheme', { scheme: 'DPoP' });
    if (!presented.proof) throw new AccessRefused('invalid_dpop_proof', 'the DPoP proof is missing', { scheme: 'DPoP' });
    const proven = { method: presented.method, url: new URL(urlOf(request)), token: presented.token, jwkThumbprint };
    await verifyProof(presented.proof, proven, proofs);
  }

  return async (request: IncomingRequest, presented: Presentation, authorization: Authorization): Promise<void> => {
    const { jwkThumbprint, certificateThumbprint } = authorization.token.boundTo;
    if (certificateThumbprint) {
      const given = thumbprintOf(request);
      if (!given || !equalsInConstantTime(given, certificateThumbprint))
        throw invalidToken('the access token is bound to another certificate');
    }
    await checkProof(request, presented, jwkThumbprint);
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

/**
 * Sets up the protection of one resource. Nothing is fetched until the first request.
 * @throws TypeError when an address is neither https nor loopback, or a number is out of its range.
 */
export function createResourceServer(options: ResourceServerOptions): ResourceServer {
  const clock = options.clock ?? machineClock;
  const fetchImpl = options.fetch ?? fetch;
  const issuer = createIssuer(options.issuer, fetchImpl, clock);
  const metadataUrl = insertWellKnown(parseSecureUrl(options.resource, 'resource'), 'oauth-protected-resource');
  const requiredScopes = options.requiredScopes ?? [];
  const checkPossession = createPossessionCheck(options, {
    windowSeconds: bounded(options.proofWindowSeconds ?? 300, 'proofWindowSeconds', [1, 300]),
    replayStore: options.replayStore ?? createMemorySingleUseStore({ clock }),
    clock,
  });
  const clockToleranceSeconds = bounded(options.clockToleranceSeconds ?? 10, 'clockToleranceSeconds', [0, 60]);
  const expected = {
    issuer: options.issuer,
    resource: options.resource,
    key: issuer.key,
    clockToleranceSeconds,
    maxActors: bounded(options.maxActors ?? 4, 'maxActors', [1, 16]),
    clock,
  };
  const asking = { issuer, issuerId: options.issuer, fetch: fetchImpl, clock };
  const checkLiveness = options.checkLiveness && createLivenessCheck(options.checkLiveness, asking);
  const checkStatus = createStatusCheck(options.statusList ?? 'checked', { ...asking, clockToleranceSeconds });

  return {
    issuer: options.issuer,
    resource: options.resource,
    metadataPath: `${metadataUrl.pathname}${metadataUrl.search}`,
    async verify(request) {
      const presented = readPresentation(request);
      const authorization = await verifyAccessToken(presented.token, expected);
      await checkPossession(request, presented, authorization);
      await checkStatus(authorization);
      await checkLiveness?.(presented.token);
      requireScope(authorization, ...requiredScopes);
      return authorization;
    },
    useOnce: createUseOnce(options.maxUsesStore ?? createMemorySingleUseStore({ clock })),
    protectedResourceMetadata: () => metadataDocument(options),
    challenge: (error) =>
      createChallenge(error, { metadataUrl: metadataUrl.href, requiredScopes, scheme: options.dpop === 'required' ? 'DPoP' : 'Bearer' }),
  };
}
