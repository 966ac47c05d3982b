import { createHash } from 'node:crypto';
import { decodeJwt, type JWTPayload } from 'jose';
import { systemClock } from '../../src/platform/clock.ts';
import { ACCESS_TOKEN, EXCHANGE, type ExchangeServer, type TestClient } from './exchange-server.ts';

/** What came back, with the claims when it is a token. */
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly claims: JWTPayload;
}

/** One request to the token endpoint. */
export async function ask(
  server: ExchangeServer,
  client: Pick<TestClient, 'headers'>,
  parameters: Record<string, string | string[]>,
): Promise<Answer> {
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) for (const each of [value].flat()) body.append(name, each);
  const response = await fetch(`${server.issuer}/token`, { method: 'POST', headers: client.headers, body });
  const answer = (await response.json()) as Record<string, unknown>;
  const token = answer['access_token'];
  return {
    status: response.status,
    body: answer,
    claims: typeof token === 'string' && token.split('.').length === 3 ? decodeJwt(token) : {},
  };
}

/** What a person granted: scopes by resource, and details. */
export interface Consent {
  readonly resources: Readonly<Record<string, string>>;
  readonly details?: readonly object[];
  readonly openid?: string;
}

/** The person's grant to a client, as consent stores it. */
export async function makeGrant(server: ExchangeServer, client: TestClient, { resources, details = [], openid }: Consent): Promise<string> {
  const provider = server.oidc.current();
  const grant = new provider.Grant({ accountId: server.accountId, clientId: client.clientId });
  if (openid !== undefined) grant.addOIDCScope(openid);
  for (const [resource, scope] of Object.entries(resources)) grant.addResourceScope(resource, scope);
  for (const detail of details) (grant as unknown as { addRar(detail: object): void }).addRar(detail);
  return grant.save();
}

/** A token for the person, by the authorization code grant; its resource is the first of the consent. */
export async function personToken(
  server: ExchangeServer,
  client: TestClient,
  consent: Consent & { headers?: Record<string, string> },
): Promise<Answer> {
  const code = await makeCode(server, client, consent);
  const headers = { ...client.headers, ...consent.headers };
  return ask(
    server,
    { headers },
    { grant_type: 'authorization_code', code, redirect_uri: 'https://client.example/cb', code_verifier: VERIFIER, ...publicId(client) },
  );
}

function publicId({ clientId, headers }: TestClient): Record<string, string> {
  return headers['authorization'] === undefined ? { client_id: clientId } : {};
}

const VERIFIER = 'v'.repeat(43);

/** An authorization code as the engine stores it after consent. */
export async function makeCode(server: ExchangeServer, client: TestClient, consent: Consent): Promise<string> {
  const provider = server.oidc.current();
  const [resource, scope] = Object.entries(consent.resources)[0] ?? [];
  const engineClient = await provider.Client.find(client.clientId);
  const code = new provider.AuthorizationCode({
    accountId: server.accountId,
    client: engineClient,
    grantId: await makeGrant(server, client, consent),
    scope: [consent.openid, scope].filter((each) => each !== undefined).join(' '),
    resource,
    redirectUri: 'https://client.example/cb',
    codeChallenge: createHash('sha256').update(VERIFIER).digest('base64url'),
    codeChallengeMethod: 'S256',
    acr: 'urn:test:acr',
    authTime: systemClock.epochSeconds(),
    ...(consent.details === undefined ? {} : { rar: consent.details }),
  } as never);
  return code.save();
}

/** An exchange of `subject` by a client. */
export function exchangeFor(
  server: ExchangeServer,
  client: Pick<TestClient, 'headers'>,
  parameters: { readonly subject: unknown } & Readonly<Record<string, unknown>>,
): Promise<Answer> {
  const { subject, ...rest } = parameters;
  const fixed = { grant_type: EXCHANGE, subject_token: String(subject), subject_token_type: ACCESS_TOKEN };
  return ask(server, client, { ...fixed, ...(rest as Record<string, string>) });
}
