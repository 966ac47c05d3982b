import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, SignJWT } from 'jose';

/** A key pair the issuer may publish. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

/** A tiny authorization server: metadata, keys, introspection; tests bend `metadata` and `answerIntrospection`. */
export interface LocalIssuer {
  readonly issuer: string;
  readonly key: SigningKey;
  readonly metadata: Record<string, unknown>;
  readonly published: JWK[];
  /** Further documents by path. */
  readonly documents: Map<string, () => { status: number; type: string; body: string }>;
  /** Requests per path. */
  readonly requests: { path: string; authorization: string | undefined; body: string }[];
  /** With status 307 the body is where to go. */
  answerIntrospection: (body: URLSearchParams) => { status: number; body: string };
  /** A signed access token: good claims for `resource`, changed by `claims` (undefined removes one) and `header`. */
  token(claims?: Record<string, unknown>, header?: Partial<JWTHeaderParameters>, key?: CryptoKey | Uint8Array): Promise<string>;
  close(): Promise<void>;
}

/** The resource the tests protect, unless they say otherwise. */
export const resource = 'http://127.0.0.1:4999/billing';

/** Seconds since 1970. */
export const now = (): number => Math.floor(Date.now() / 1000);

export async function newKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

async function readAll(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

function goodClaims(issuer: string): Record<string, unknown> {
  return {
    iss: issuer,
    sub: 'usr_1',
    sub_profile: 'user',
    aud: resource,
    client_id: 'cli_1',
    scope: 'invoices:read',
    jti: 'tok_1',
    iat: now(),
    exp: now() + 300,
    act: { iss: issuer, sub: 'agt_1', sub_profile: 'ai_agent' },
  };
}

function withoutUndefined(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}

function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Starts one on a free loopback port. */
export async function startLocalIssuer(): Promise<LocalIssuer> {
  const key = await newKey('key-1');
  const state = { answer: (_: URLSearchParams) => ({ status: 200, body: '{"active":true}' }) };
  const requests: LocalIssuer['requests'] = [];
  const published: JWK[] = [key.publicJwk];
  const metadata: Record<string, unknown> = {};
  const documents: LocalIssuer['documents'] = new Map();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readAll(request);
    requests.push({ path: request.url ?? '', authorization: request.headers.authorization, body });
    const json = { 'content-type': 'application/json' };
    if (request.url === '/.well-known/oauth-authorization-server') response.writeHead(200, json).end(JSON.stringify(metadata));
    else if (request.url === '/jwks') response.writeHead(200, json).end(JSON.stringify({ keys: published }));
    else if (request.url === '/introspect') {
      const { status, body: text } = state.answer(new URLSearchParams(body));
      response.writeHead(status, { ...json, ...(status === 307 && { location: text }) }).end(text);
    } else if (request.url === '/elsewhere') response.writeHead(200, json).end('{"active":true}');
    else {
      const { status, type, body: text } = documents.get(request.url ?? '')?.() ?? { status: 404, type: 'text/plain', body: '' };
      response.writeHead(status, { 'content-type': type, ...(status === 307 && { location: '/elsewhere' }) }).end(text);
    }
  }

  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  Object.assign(metadata, { issuer, jwks_uri: `${issuer}/jwks`, introspection_endpoint: `${issuer}/introspect` });

  return {
    issuer,
    key,
    metadata,
    published,
    documents,
    requests,
    set answerIntrospection(next) {
      state.answer = next;
    },
    get answerIntrospection() {
      return state.answer;
    },
    token: (claims = {}, header = {}, signWith = key.privateKey) =>
      new SignJWT(withoutUndefined({ ...goodClaims(issuer), ...claims }))
        .setProtectedHeader({ ...withoutUndefined({ alg: key.alg, typ: 'at+jwt', kid: key.kid, ...header }), alg: header.alg ?? key.alg })
        .sign(signWith),
    close: () => stop(server),
  };
}
