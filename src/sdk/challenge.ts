import { acceptedAlgorithms } from './access-token.ts';
import { AccessRefused, type RefusalCode } from './refusal.ts';

/** An answer ready to be written; header names are lower case. */
export interface Challenge {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body: string;
}

/** What every challenge of one resource server has in common. */
export interface ChallengeContext {
  readonly metadataUrl: string;
  readonly requiredScopes: readonly string[];
  /** The scheme to ask for where the request does not show which. */
  readonly scheme: 'Bearer' | 'DPoP';
  /** The nonce that DPoP proofs must carry, where they must. */
  readonly dpopNonce: (() => string) | undefined;
}

/** A quoted-string of RFC 9110 §5.6.4, reduced to the characters RFC 6750 §3 allows inside. */
function quote(value: string): string {
  return `"${value.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, ' ')}"`;
}

const schemeOf = (refusal: AccessRefused, context: ChallengeContext) => refusal.scheme ?? context.scheme;

function wwwAuthenticate(refusal: AccessRefused, context: ChallengeContext): string {
  const scheme = schemeOf(refusal, context);
  const scopes = [...new Set([...context.requiredScopes, ...refusal.scopes])];
  const parameters: [string, string][] = [['resource_metadata', context.metadataUrl]];
  if (scopes.length > 0) parameters.push(['scope', scopes.join(' ')]);
  if (refusal.code !== 'token_missing') parameters.push(['error', refusal.code], ['error_description', refusal.message]);
  if (refusal.assurance?.acrValues) parameters.push(['acr_values', refusal.assurance.acrValues.join(' ')]);
  if (refusal.assurance?.maxAgeSeconds !== undefined) parameters.push(['max_age', String(refusal.assurance.maxAgeSeconds)]);
  if (scheme === 'DPoP') parameters.push(['algs', acceptedAlgorithms.join(' ')]);
  return `${scheme} ${parameters.map(([name, value]) => `${name}=${quote(value)}`).join(', ')}`;
}

const bodyCode = (code: RefusalCode): string => (code === 'token_missing' ? 'invalid_token' : code);

/**
 * The answer to a refused request (RFC 6750 §3, RFC 9728 §5.1, RFC 9449 §7.1 and §9, RFC 9470 §3). An error that is no refusal becomes a 500 that
 * says nothing about its cause.
 */
export function createChallenge(error: unknown, context: ChallengeContext): Challenge {
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  if (!(error instanceof AccessRefused)) {
    return { status: 500, headers, body: JSON.stringify({ error: 'server_error', error_description: 'the request failed' }) };
  }
  const body = JSON.stringify({ error: bodyCode(error.code), error_description: error.message });
  if (error.status === 503) return { status: 503, headers: { ...headers, 'retry-after': '2' }, body };
  const nonce = context.dpopNonce && schemeOf(error, context) === 'DPoP' && { 'dpop-nonce': context.dpopNonce() };
  return { status: error.status, headers: { ...headers, 'www-authenticate': wwwAuthenticate(error, context), ...nonce }, body };
}
