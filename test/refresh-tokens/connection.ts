import { createHash, randomBytes } from 'node:crypto';
import { dpopProof, type ProofKey } from '../support/seeding.ts';
import type { InhabitedServer } from '../support/inhabited-server.ts';
import { createSend } from '../support/http-exchange.ts';
import type { Filling, Person } from '../support/person.ts';

export const REDIRECT_URI = 'https://client.example/cb';

/** What the token endpoint answered. */
export interface Answered {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly access: string;
  readonly refresh: string;
}

/** Software of any kind that connects for a person and goes on by itself: what is asked is written as it is sent. */
export interface Connecting {
  readonly clientId: string;
  /** An authorization request with PKCE; `more` adds and overwrites parameters, a list stands for a repeated one. */
  request(more: Readonly<Record<string, string | readonly string[]>>): string;
  redeem(callback: URL, more?: Readonly<Record<string, string>>): Promise<Answered>;
  /** Request, answer of the person, redemption. */
  connect(person: Person, more: Readonly<Record<string, string>>, filling?: Filling): Promise<Answered>;
  refresh(token: string, more?: Readonly<Record<string, string>> | URLSearchParams): Promise<Answered>;
  revoke(token: string): Promise<number>;
}

const send = createSend();
const VERIFIER = randomBytes(32).toString('base64url');
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');

function queryOf(parameters: Readonly<Record<string, string | readonly string[]>>): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) for (const each of [value].flat()) query.append(name, each);
  return query;
}

/** A client that registered; without a secret it is a public one, with a key it proves it at each request (RFC 9449). */
export function connecting(server: InhabitedServer, client: { clientId: string; clientSecret?: string; key?: ProofKey }): Connecting {
  const { clientId, clientSecret, key } = client;
  const { issuer } = server;
  const isPublic = clientSecret === undefined || clientSecret === '';
  const basic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
  const post = async (path: string, form: URLSearchParams) => {
    if (isPublic) form.set('client_id', clientId);
    const proof: Record<string, string> = key === undefined ? {} : { dpop: dpopProof(`${issuer}${path}`, key) };
    const headers = { ...proof, ...(isPublic ? {} : { authorization: `Basic ${basic}` }) };
    return send({ url: `${issuer}${path}`, form, headers });
  };
  const token = async (form: URLSearchParams): Promise<Answered> => {
    const { status, body } = await post('/token', form);
    return { status, body, access: String(body['access_token'] ?? ''), refresh: String(body['refresh_token'] ?? '') };
  };
  const request: Connecting['request'] = (more) => {
    const own = { client_id: clientId, response_type: 'code', redirect_uri: REDIRECT_URI, state: 'here' };
    return `${issuer}/authorize?${queryOf({ ...own, code_challenge: CHALLENGE, code_challenge_method: 'S256', ...more })}`;
  };
  const redeem: Connecting['redeem'] = (callback, more = {}) => {
    const code = callback.searchParams.get('code');
    if (code === null) throw new Error(`no code: ${callback.search}`);
    const form = { grant_type: 'authorization_code', code, code_verifier: VERIFIER, redirect_uri: REDIRECT_URI, ...more };
    return token(new URLSearchParams(form));
  };
  return {
    clientId,
    request,
    redeem,
    connect: async (person, more, filling) => redeem(await person.authorize(request(more), filling)),
    refresh(value, more = {}) {
      const form = new URLSearchParams([...new URLSearchParams(more)]);
      form.set('grant_type', 'refresh_token');
      form.set('refresh_token', value);
      return token(form);
    },
    revoke: async (value) => (await post('/revoke', new URLSearchParams({ token: value }))).status,
  };
}
