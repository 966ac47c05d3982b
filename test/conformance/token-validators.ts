import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { JwtVerifier } from 'aws-jwt-verify';
import type { Jwks } from 'aws-jwt-verify/jwk';
import express from 'express';
import { auth, type AuthResult } from 'express-oauth2-jwt-bearer';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import passport from 'passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { createResourceServer } from '../../src/sdk/resource-server.ts';

/** What every validator has to know. */
export interface ValidatorSettings {
  readonly issuer: string;
  readonly jwksUri: string;
  readonly audience: string;
}

/** A way to check an access token, set up as its documentation says. */
export interface Validator {
  /** The subject of a token it accepts, undefined for one it refuses. */
  subjectOf(token: string): Promise<string | undefined>;
  close(): Promise<void>;
}

const nothingToClose = () => Promise.resolve();

async function orUndefined(subject: () => Promise<unknown>): Promise<string | undefined> {
  try {
    return String(await subject());
  } catch {
    return undefined;
  }
}

function behalf({ issuer, audience }: ValidatorSettings): Validator {
  const server = createResourceServer({ issuer, resource: audience });
  const headers = (token: string) => new Headers({ authorization: `Bearer ${token}` });
  return {
    subjectOf: (token) => orUndefined(async () => (await server.verify({ method: 'GET', url: audience, headers: headers(token) })).subject),
    close: nothingToClose,
  };
}

function jose({ issuer, audience, jwksUri }: ValidatorSettings): Validator {
  const keys = createRemoteJWKSet(new URL(jwksUri));
  const expected = { issuer, audience, typ: 'at+jwt', algorithms: ['ES256'] };
  return { subjectOf: (token) => orUndefined(async () => (await jwtVerify(token, keys, expected)).payload.sub), close: nothingToClose };
}

async function aws({ issuer, audience, jwksUri }: ValidatorSettings): Promise<Validator> {
  const verifier = JwtVerifier.create({ issuer, audience, jwksUri });
  // It fetches over https alone; here it is given the keys, as its documentation says for such cases.
  verifier.cacheJwks((await (await fetch(jwksUri)).json()) as Jwks);
  return { subjectOf: (token) => orUndefined(async () => (await verifier.verify(token)).sub), close: nothingToClose };
}

/** A real Express application behind a port, asked with a bearer token; its routes answer the subject. */
async function overHttp(listener: RequestListener): Promise<Validator> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    async subjectOf(token) {
      const answer = await fetch(address, { headers: { authorization: `Bearer ${token}` } });
      const text = await answer.text();
      if (answer.status !== 200 && answer.status !== 401) throw new Error(`answered ${answer.status}: ${text}`);
      return answer.status === 200 ? text : undefined;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function expressOauth2({ issuer, audience }: ValidatorSettings): Promise<Validator> {
  const app = express();
  app.use(auth({ issuerBaseURL: issuer, audience, strict: true }));
  // The MCP SDK declares a property of the same name, for another type.
  app.get('/', (request, response) => void response.send((request.auth as unknown as AuthResult | undefined)?.payload.sub));
  return overHttp(app);
}

/** Finds the key of a token among the published ones; passport-jwt leaves this to its user. */
async function pemOf(token: string, jwksUri: string): Promise<string> {
  const { kid } = decodeProtectedHeader(token);
  const { keys } = (await (await fetch(jwksUri)).json()) as { keys: (JsonWebKey & { kid?: string })[] };
  const key = keys.find((candidate) => candidate.kid === kid);
  if (!key) throw new Error('no such key');
  return createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString();
}

function passportJwt({ issuer, audience, jwksUri }: ValidatorSettings): Promise<Validator> {
  const guard = new passport.Passport();
  const options = {
    jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
    issuer,
    audience,
    algorithms: ['ES256' as const],
    secretOrKeyProvider: (_: unknown, token: string, done: (error: unknown, key?: string) => void) =>
      void pemOf(token, jwksUri).then((key) => done(null, key), done),
  };
  guard.use(new Strategy(options, (claims: { sub: string }, done) => done(null, { sub: claims.sub })));
  const app = express();
  app.use(guard.initialize());
  app.get('/', guard.authenticate('jwt', { session: false }), (request, response) => {
    response.send((request.user as { sub: string }).sub);
  });
  return overHttp(app);
}

/** Ours, and four that we did not write, by name. */
export const validators: Readonly<Record<string, (settings: ValidatorSettings) => Validator | Promise<Validator>>> = {
  'behalf/resource-server': behalf,
  jose,
  'express-oauth2-jwt-bearer, strict': expressOauth2,
  'aws-jwt-verify': aws,
  'passport-jwt': passportJwt,
};
