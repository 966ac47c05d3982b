import { createHash, randomBytes } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose';
import { createSend, type HttpExchange, type Send } from './http-exchange.ts';

/** The addresses of RFC 8414 metadata that a client uses. */
export interface ServerMetadata {
  readonly issuer: string;
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
  readonly registration_endpoint: string;
  readonly introspection_endpoint: string;
  readonly revocation_endpoint: string;
  readonly backchannel_authentication_endpoint: string;
  readonly device_authorization_endpoint: string;
  readonly pushed_authorization_request_endpoint: string;
}

/** An answer of the token endpoint, with the claims when it holds a JWT. */
export interface TokenAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  /** Empty when there is none. */
  readonly token: string;
  readonly claims: JWTPayload;
  readonly header: Readonly<Record<string, unknown>>;
}

/** What a token is asked for. */
export interface TokenRequest {
  readonly resource?: string;
  readonly scope?: string;
  readonly authorization_details?: readonly object[];
}

/** An authorization request under way (RFC 7636). */
export interface PendingAuthorization {
  readonly url: string;
  readonly state: string;
  readonly verifier: string;
  readonly redirectUri: string;
  readonly resource: string | undefined;
}

export const EXCHANGE_GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const CIBA_GRANT = 'urn:openid:params:grant-type:ciba';
export const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';

/** A confidential OAuth client, as the software of an agent or a resource server is one. */
export interface AgentClient {
  readonly clientId: string;
  token(parameters: Readonly<Record<string, string>>): Promise<TokenAnswer>;
  clientCredentials(what: TokenRequest): Promise<TokenAnswer>;
  /** Where to send the person's browser. */
  authorizationRequest(what: TokenRequest, redirectUri: string): PendingAuthorization;
  /** Redeems the code in the address the browser came back to. @throws when state or issuer (RFC 9207) are wrong, or it brings an error. */
  redeem(pending: PendingAuthorization, callback: URL): Promise<TokenAnswer>;
  refresh(refreshToken: string, what?: TokenRequest): Promise<TokenAnswer>;
  /** RFC 8693; `actorToken` when the actor proves itself by a token of its own. */
  exchange(subjectToken: string, what: TokenRequest & { readonly actorToken?: string }): Promise<TokenAnswer>;
  /** CIBA Core §7.1. */
  askPerson(loginHint: string, what: TokenRequest & { readonly bindingMessage?: string }): Promise<HttpExchange>;
  poll(authReqId: string): Promise<TokenAnswer>;
  introspect(token: string): Promise<HttpExchange>;
  revoke(token: string): Promise<HttpExchange>;
}

/** The metadata of an issuer (RFC 8414 §3). */
export async function discover(issuer: string, send: Send = createSend()): Promise<ServerMetadata> {
  const { body } = await send({ url: `${issuer}/.well-known/oauth-authorization-server` });
  return body as unknown as ServerMetadata;
}

/** `Authorization` of a client with a secret (RFC 6749 §2.3.1). */
export function basic(clientId: string, clientSecret: string): Record<string, string> {
  return {
    authorization: `Basic ${Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString('base64')}`,
  };
}

function tokenAnswerOf({ status, body }: HttpExchange): TokenAnswer {
  const given = body['access_token'];
  const token = typeof given === 'string' ? given : '';
  const isJwt = token.split('.').length === 3;
  return { status, body, token, claims: isJwt ? decodeJwt(token) : {}, header: isJwt ? { ...decodeProtectedHeader(token) } : {} };
}

function parametersOf({ resource, scope, authorization_details: details }: TokenRequest): Record<string, string> {
  return {
    ...(resource === undefined ? {} : { resource }),
    ...(scope === undefined ? {} : { scope }),
    ...(details === undefined ? {} : { authorization_details: JSON.stringify(details) }),
  };
}

function startAuthorization(server: ServerMetadata, clientId: string, asked: TokenRequest & { redirectUri: string }): PendingAuthorization {
  const { redirectUri, ...what } = asked;
  const verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(12).toString('base64url');
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...parametersOf(what),
  });
  return { url: `${server.authorization_endpoint}?${query}`, state, verifier, redirectUri, resource: what.resource };
}

function codeIn(server: ServerMetadata, pending: PendingAuthorization, callback: URL): string {
  const { searchParams } = callback;
  if (searchParams.get('state') !== pending.state) throw new Error(`foreign state in ${callback.href}`);
  if (searchParams.get('iss') !== server.issuer) throw new Error(`foreign issuer in ${callback.href}`);
  const code = searchParams.get('code');
  if (code === null) throw new Error(`no code: ${searchParams.get('error')} ${searchParams.get('error_description')}`);
  return code;
}

/** A client at a server that was discovered before; one with an empty secret is public and only says who it is (RFC 6749 §2.3). */
export function createAgentClient(
  server: ServerMetadata,
  credentials: { readonly clientId: string; readonly clientSecret: string },
  send: Send = createSend(),
): AgentClient {
  const { clientId, clientSecret } = credentials;
  const isPublic = clientSecret === '';
  const headers = isPublic ? {} : basic(clientId, clientSecret);
  const post = (url: string, form: Record<string, string>) =>
    send({ url, form: isPublic ? { client_id: clientId, ...form } : form, headers });
  const token = async (form: Readonly<Record<string, string>>) => tokenAnswerOf(await post(server.token_endpoint, form));
  return {
    clientId,
    token,
    clientCredentials: (what) => token({ grant_type: 'client_credentials', ...parametersOf(what) }),
    authorizationRequest: (what, redirectUri) => startAuthorization(server, clientId, { ...what, redirectUri }),
    async redeem(pending, callback) {
      const { verifier: code_verifier, redirectUri: redirect_uri, resource } = pending;
      const code = codeIn(server, pending, callback);
      return token({
        grant_type: 'authorization_code',
        code,
        code_verifier,
        redirect_uri,
        ...parametersOf(resource === undefined ? {} : { resource }),
      });
    },
    refresh: (refresh_token, what = {}) => token({ grant_type: 'refresh_token', refresh_token, ...parametersOf(what) }),
    exchange(subject_token, { actorToken, ...what }) {
      const actor = actorToken === undefined ? {} : { actor_token: actorToken, actor_token_type: ACCESS_TOKEN_TYPE };
      return token({ grant_type: EXCHANGE_GRANT, subject_token, subject_token_type: ACCESS_TOKEN_TYPE, ...actor, ...parametersOf(what) });
    },
    askPerson(login_hint, { bindingMessage, ...what }) {
      const message = bindingMessage === undefined ? {} : { binding_message: bindingMessage };
      return post(server.backchannel_authentication_endpoint, { login_hint, ...message, ...parametersOf(what) });
    },
    poll: (auth_req_id) => token({ grant_type: CIBA_GRANT, auth_req_id }),
    introspect: (value) => post(server.introspection_endpoint, { token: value }),
    revoke: (value) => post(server.revocation_endpoint, { token: value }),
  };
}
