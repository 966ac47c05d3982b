import type { Authorization, AuthorizationDetail } from './authorization.ts';
import type { CallCounter } from './call-counter.ts';
import type { Challenge } from './challenge.ts';
import type { SdkClock } from './clock.ts';
import type { Fetch } from './issuer.ts';
import type { LivenessOptions } from './liveness.ts';
import type { DpopNonceOptions } from './nonce.ts';
import type { IncomingRequest } from './presentation.ts';
import type { SingleUseStore } from './single-use.ts';
import type { StatusListUse } from './status-list.ts';

/** How one protected resource is set up. Only `issuer` and `resource` are needed. */
export interface ResourceServerOptions {
  /** The authorization server's issuer identifier, exactly as in its metadata. https, or http on loopback. */
  readonly issuer: string;
  /** This API's resource identifier (RFC 8707), exactly as registered: the `aud` that tokens must have. */
  readonly resource: string;
  /** Published in the resource metadata (RFC 9728 §2). */
  readonly scopesSupported?: readonly string[];
  /** Needed for every request. */
  readonly requiredScopes?: readonly string[];
  /** Published in the resource metadata (RFC 9728 §2). */
  readonly authorizationDetailsTypes?: readonly string[];
  /** A name for people, published in the resource metadata. */
  readonly resourceName?: string;
  /** How far the clocks may be apart, 0–60 s, 10 by default. */
  readonly clockToleranceSeconds?: number;
  /** How far a DPoP proof's `iat` may be from now, 1–300 s, 300 by default. */
  readonly proofWindowSeconds?: number;
  /** Longest delegation chain that is read, 4 by default; a longer one is refused, never cut. */
  readonly maxActors?: number;
  /** `required` refuses tokens that are not bound to a DPoP key. */
  readonly dpop?: 'accepted' | 'required';
  /** DPoP proofs must carry a nonce of this server (RFC 9449 §9); without it no nonce is asked for. */
  readonly dpopNonce?: DpopNonceOptions;
  /** Where used DPoP proofs are remembered; this process's memory by default. */
  readonly replayStore?: SingleUseStore;
  /** Where used approvals are remembered; this process's memory by default: right for a single process only. */
  readonly maxUsesStore?: SingleUseStore;
  /** Where calls of details with `max_calls` are counted; this process's memory by default: right for a single process only. */
  readonly callCounter?: CallCounter;
  /** Ask the issuer whether each token is still alive (RFC 7662). */
  readonly checkLiveness?: LivenessOptions;
  /** Whether a token's entry in the status list it names is looked up; `checked` by default. */
  readonly statusList?: StatusListUse;
  /**
   * `x5t#S256` of the client's certificate, where a proxy ends TLS. Read it only from a connection that is known to be the
   * proxy's. By default the certificate of this process's own TLS connection counts.
   */
  readonly clientCertificateThumbprint?: (request: IncomingRequest) => string | undefined;
  /** The address the client called, where a proxy rewrites paths; by default the resource's origin and the request's path. */
  readonly requestUrl?: (request: IncomingRequest) => string;
  readonly fetch?: Fetch;
  readonly clock?: SdkClock;
}

/** A protected resource: verifies requests, says what it needs, answers those it refuses. */
export interface ResourceServer {
  readonly issuer: string;
  readonly resource: string;
  /** Whose time this server goes by. */
  readonly clock: SdkClock;
  /**
   * Who asks for what in whose name, if the request proves it.
   * @throws AccessRefused; `challenge` turns it into the answer.
   */
  verify(request: IncomingRequest): Promise<Authorization>;
  /**
   * Uses up one use of the approval this token rests on; call it right before the approved act, once per act. Without an
   * approval, or without a bound on its uses, it returns at once.
   * @throws AccessRefused `invalid_token` when it was used up before, 503 when the store cannot tell.
   */
  useOnce(authorization: Pick<Authorization, 'issuer' | 'approval'>): Promise<void>;
  /** Headers for the answer to a verified request: the DPoP nonce to go on with, where one is asked for (RFC 9449 §8.2). */
  responseHeaders(authorization: Pick<Authorization, 'token'>): Readonly<Record<string, string>>;
  /**
   * Uses up one call of the first of `details`, taken from this authorization, that has one left of its `max_calls`. Calls are
   * counted for each access token.
   * @throws AccessRefused 403 `insufficient_authorization` when all are used up, 503 when the counter cannot tell.
   */
  useCall(
    authorization: Pick<Authorization, 'issuer' | 'authorizationDetails' | 'token'>,
    details: readonly AuthorizationDetail[],
  ): Promise<void>;
  /** The address of the RFC 9728 document, as challenges name it. */
  readonly metadataUrl: string;
  /** The RFC 9728 document. */
  protectedResourceMetadata(): Readonly<Record<string, unknown>>;
  /** The path to serve it at: `/.well-known/oauth-protected-resource` and the resource's path (RFC 9728 §3.1). */
  readonly metadataPath: string;
  /** Status, headers and body for an error that `verify` or a `require…` threw. */
  challenge(error: unknown): Challenge;
}
