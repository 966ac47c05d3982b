import { type CryptoKey, type JWK, type KeyObject, SignJWT } from 'jose';
import { epochSeconds, type SdkClock } from './clock.ts';
import { freshJwtId } from './ids.ts';

const assertionLifetimeSeconds = 60;

/** How this resource server proves itself to the issuer (RFC 6749 §2.3.1, RFC 7523 §2.2). */
export type ClientCredentials =
  | { readonly method: 'client_secret_basic'; readonly clientId: string; readonly clientSecret: string }
  | {
      readonly method: 'private_key_jwt';
      readonly clientId: string;
      readonly privateKey: CryptoKey | KeyObject | JWK;
      readonly algorithm: 'ES256' | 'EdDSA' | 'Ed25519' | 'RS256' | 'PS256';
      readonly keyId?: string;
    };

function formEncode(value: string): string {
  return new URLSearchParams({ v: value }).toString().slice(2);
}

async function clientAssertion(
  credentials: ClientCredentials & { method: 'private_key_jwt' },
  { issuerId, clock }: { readonly issuerId: string; readonly clock: SdkClock },
): Promise<string> {
  const now = epochSeconds(clock.now());
  return new SignJWT()
    .setProtectedHeader({ alg: credentials.algorithm, ...(credentials.keyId && { kid: credentials.keyId }) })
    .setIssuer(credentials.clientId)
    .setSubject(credentials.clientId)
    .setAudience(issuerId)
    .setJti(freshJwtId())
    .setIssuedAt(now)
    .setExpirationTime(now + assertionLifetimeSeconds)
    .sign(credentials.privateKey);
}

/** A form for an endpoint of the issuer, with the proof of who sends it. */
export async function authenticatedForm(
  parameters: Readonly<Record<string, string>>,
  credentials: ClientCredentials,
  by: { readonly issuerId: string; readonly clock: SdkClock },
): Promise<RequestInit> {
  const headers: Record<string, string> = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' };
  const form = new URLSearchParams(parameters);
  if (credentials.method === 'client_secret_basic') {
    const pair = `${formEncode(credentials.clientId)}:${formEncode(credentials.clientSecret)}`;
    headers['authorization'] = `Basic ${Buffer.from(pair).toString('base64')}`;
  } else {
    form.set('client_id', credentials.clientId);
    form.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
    form.set('client_assertion', await clientAssertion(credentials, by));
  }
  return { method: 'POST', headers, body: form.toString() };
}
