import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';

/** How the address of the keys answers: the keys, or whatever a test wants to see survived. */
export type KeysAnswer = (request: IncomingMessage, response: ServerResponse) => void;

/** Somebody else's issuer with keys at an address on loopback: an identity provider, a platform, a publisher. */
export interface ForeignIssuer {
  readonly issuer: string;
  readonly jwksUri: string;
  readonly publicJwk: JWK;
  /** How often its keys were asked for. */
  readonly reads: () => number;
  /** A JWT of its key; `header` and `claims` over what every good one has. */
  sign(claims: JWTPayload, header?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Lets the address answer otherwise; undefined: as usual again. */
  answerWith(answer: KeysAnswer | undefined): void;
  /** A new key in place of the old one, under this name. */
  rotate(kid: string): Promise<void>;
  close(): Promise<void>;
}

async function keyNamed(kid: string, alg: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const publicJwk: JWK = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
  return { privateKey, publicJwk };
}

const now = (): number => Math.floor(Date.now() / 1000);

/** Starts one. `alg`: what it signs with. */
export async function startForeignIssuer(alg = 'ES256'): Promise<ForeignIssuer> {
  let key = await keyNamed('k1', alg);
  let special: KeysAnswer | undefined;
  let reads = 0;
  const server = createServer((request, response) => {
    reads += 1;
    if (special !== undefined) return special(request, response);
    response.setHeader('content-type', 'application/json');
    response.setHeader('cache-control', 'max-age=300');
    return response.end(JSON.stringify({ keys: [key.publicJwk] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // a test that fails before it closes this one still ends
  server.unref();
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`;
  return {
    issuer,
    jwksUri: `${issuer}/jwks`,
    get publicJwk() {
      return key.publicJwk;
    },
    reads: () => reads,
    sign: (claims, header = {}) =>
      new SignJWT({ iss: issuer, jti: randomUUID(), iat: now(), exp: now() + 300, ...claims })
        .setProtectedHeader({ alg, kid: String(key.publicJwk.kid), ...header })
        .sign(key.privateKey),
    answerWith(answer) {
      special = answer;
    },
    async rotate(kid) {
      key = await keyNamed(kid, alg);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
