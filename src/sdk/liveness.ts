import { isJsonObject } from './claims.ts';
import { authenticatedForm, type ClientCredentials } from './client-authentication.ts';
import type { SdkClock } from './clock.ts';
import { sha256Base64Url } from './compare.ts';
import { boundFetch, type Fetch, type Issuer } from './issuer.ts';
import { AccessRefused, invalidToken, unavailable } from './refusal.ts';

/** How this resource server proves itself to the issuer (RFC 6749 §2.3.1, RFC 7523 §2.2). */
export type IntrospectionCredentials = ClientCredentials;

/** Asking the issuer whether a token is still alive (RFC 7662). */
export interface LivenessOptions {
  readonly credentials: IntrospectionCredentials;
  /** How old an answer may be, in seconds; 0 asks at every request. */
  readonly maxAgeSeconds: number;
  /** Answers kept at most, 10 000 by default; the oldest goes first. */
  readonly maxAnswers?: number;
}

/** What the question needs. */
export interface LivenessDeps {
  readonly issuer: Issuer;
  readonly issuerId: string;
  readonly fetch: Fetch;
  readonly clock: SdkClock;
}

/** Returns for a living token. @throws AccessRefused `invalid_token` for a dead one, 503 when nobody can say. */
export type LivenessCheck = (token: string) => Promise<void>;

async function askIssuer(token: string, credentials: IntrospectionCredentials, deps: LivenessDeps): Promise<boolean> {
  try {
    const endpoint = await deps.issuer.introspectionEndpoint();
    const form = { token, token_type_hint: 'access_token' };
    const response = await boundFetch(deps.fetch)(endpoint.href, await authenticatedForm(form, credentials, deps));
    if (response.status !== 200) throw new TypeError(`introspection answered ${response.status}`);
    const answer: unknown = await response.json();
    if (!isJsonObject(answer) || typeof answer['active'] !== 'boolean') throw new TypeError('introspection gave no answer');
    return answer['active'];
  } catch (error) {
    throw error instanceof AccessRefused ? error : unavailable('whether the access token is alive cannot be asked', error);
  }
}

/**
 * Asks the issuer once per token and `maxAgeSeconds`, requests in between share the answer. Failures are not remembered and
 * refuse the request.
 * @throws TypeError when `maxAgeSeconds` is negative or no number.
 */
export function createLivenessCheck(options: LivenessOptions, deps: LivenessDeps): LivenessCheck {
  if (!(options.maxAgeSeconds >= 0)) throw new TypeError('maxAgeSeconds must not be negative');
  const answers = new Map<string, { readonly isActive: Promise<boolean>; readonly staleAt: number }>();

  function remember(key: string, isActive: Promise<boolean>): void {
    answers.delete(key);
    const oldest = answers.keys().next().value;
    if (answers.size >= (options.maxAnswers ?? 10_000) && oldest !== undefined) answers.delete(oldest);
    const entry = { isActive, staleAt: deps.clock.now().getTime() + options.maxAgeSeconds * 1000 };
    answers.set(key, entry);
    isActive.catch(() => {
      if (answers.get(key) === entry) answers.delete(key);
    });
  }

  function ask(token: string): Promise<boolean> {
    const key = sha256Base64Url(token);
    const known = answers.get(key);
    if (known && deps.clock.now().getTime() < known.staleAt) return known.isActive;
    const isActive = askIssuer(token, options.credentials, deps);
    remember(key, isActive);
    return isActive;
  }

  return async (token) => {
    if (!(await ask(token))) throw invalidToken('the access token has been revoked');
  };
}
