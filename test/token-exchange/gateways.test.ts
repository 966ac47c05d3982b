import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SignJWT } from 'jose';
import { asExchange } from '../../src/token-exchange/on-behalf-of.ts';
import { newTrustProvider } from '../../src/trust/provider.ts';
import { type ForeignIssuer, startForeignIssuer } from '../support/foreign-issuer.ts';
import {
  ADMINISTRATOR,
  type Answer,
  ask,
  EXCHANGE,
  type ExchangeServer,
  exchangeFor,
  GRANTS,
  makeAgent,
  makeClient,
  makeResource,
  personToken,
  startExchangeServer,
  type TestClient,
} from './exchange-server.ts';

const API = 'https://api.test';
const DOWN = 'https://down.test';
const JWT = 'urn:ietf:params:oauth:token-type:jwt';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
type Agent = TestClient & { readonly agentId: string };
let server: ExchangeServer;
let front: Agent;
/** The gateway's agent takes over from the one in front. */
let gateway: Agent;
let secret: string;
let subject: string;

beforeAll(async () => {
  server = await startExchangeServer();
  for (const resource of [API, DOWN]) await makeResource(server, resource);
  front = await makeAgent(server, 'Front');
  gateway = await makeAgent(server, 'Gateway', { client: { grant_types: [...GRANTS, JWT_BEARER] } });
  const [, encoded = ''] = String(gateway.headers['authorization']).split(' ');
  secret = decodeURIComponent(Buffer.from(encoded, 'base64').toString().split(':')[1] ?? '');
  await delegate(front, gateway);
  subject = String((await personToken(server, front, { resources: { [API]: 'read write', [DOWN]: 'read' } })).body['access_token']);
});
afterAll(() => server?.close());

function delegate(from: Agent, to: Agent) {
  const until = new Date(Date.now() + 3_600_000).toISOString();
  const input = { from: from.agentId, to: to.agentId, resources: [API, DOWN], scopes: ['read', 'write'], until };
  return server.exchange.delegations.create(input, ADMINISTRATOR);
}
const refusals = async () => (await server.audit.list({ type: 'token.refused', limit: 200 })).events.length;
/** What two answers have to share to be the same answer. */
const shape = ({ status, body, claims }: Answer) => {
  const { sub, aud, scope, act } = claims;
  return { status, error: body['error'], scope: body['scope'], type: body['issued_token_type'], claims: { sub, aud, scope, act } };
};

describe('the form bodies of MuleSoft’s on-behalf-of policy', () => {
  const form = (more: Record<string, string>) => ({
    grant_type: EXCHANGE,
    subject_token: subject,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    scope: 'read',
    ...more,
  });
  const inBody = () => ({ client_id: gateway.clientId, client_secret: secret });

  test.each<[string, Record<string, string>]>([
    ['audience', { audience: API }],
    ['resource', { resource: API }],
  ])('with %s: client_secret in the header and in the body give the same token', async (_, target) => {
    const header = await ask(server, gateway, form(target));
    const body = await ask(server, { headers: {} }, form({ ...target, ...inBody() }));
    expect(shape(header)).toMatchObject({
      status: 200,
      scope: 'read',
      claims: { sub: server.accountId, aud: API, act: { sub: gateway.agentId } },
    });
    expect(shape(body)).toEqual(shape(header));
    const both = await ask(server, gateway, form({ ...target, client_id: gateway.clientId }));
    expect(shape(both)).toEqual(shape(header));
  });
});

describe('Entra’s on-behalf-of request', () => {
  const behalf = (more: Record<string, string>, client: Pick<TestClient, 'headers'> = gateway) =>
    ask(server, client, { grant_type: JWT_BEARER, assertion: subject, requested_token_use: 'on_behalf_of', ...more });

  test('comes to the same token as the exchange it stands for', async () => {
    const exchanged = shape(await exchangeFor(server, gateway, { subject, resource: DOWN, scope: 'read' }));
    expect(exchanged).toMatchObject({ status: 200, claims: { aud: DOWN, act: { sub: gateway.agentId, act: { sub: front.agentId } } } });
    expect(shape(await behalf({ scope: `${DOWN}/read openid offline_access` }))).toEqual(exchanged);
    expect(shape(await behalf({ scope: `${DOWN}/.default` }))).toEqual(exchanged);
    expect(shape(await behalf({ resource: DOWN, scope: 'read' }))).toEqual(exchanged);
    expect(shape(await behalf({ audience: DOWN }))).toEqual(exchanged);
  });

  test.each<[string, Record<string, string>, string]>([
    ['two resources in the scopes', { scope: `${DOWN}/read ${API}/read` }, 'invalid_target'],
    ['scopes that contradict the resource', { resource: API, scope: `${DOWN}/read` }, 'invalid_target'],
    ['no target', { scope: 'read' }, 'invalid_target'],
    ['more than is held', { scope: `${DOWN}/write` }, 'invalid_scope'],
    ['no assertion', { resource: API, assertion: '' }, 'invalid_request'],
    ['an assertion of nobody', { resource: API, assertion: 'x.y.z' }, 'invalid_request'],
    ['another use', { resource: API, requested_token_use: 'something' }, 'invalid_grant'],
  ])('refuses %s with one event', async (_, more, error) => {
    const before = await refusals();
    expect((await behalf(more)).body).toMatchObject({ error });
    expect(await refusals()).toBe(before + 1);
  });

  test('R1 holds: an agent without a delegation, and a client that is not registered for exchange, get nothing', async () => {
    const stranger = await makeAgent(server, 'Stranger', { client: { grant_types: [...GRANTS, JWT_BEARER] } });
    expect((await behalf({ resource: API }, stranger)).body['error']).toBe('actor_unauthorized');
    const narrow = await makeAgent(server, 'Narrow', { client: { grant_types: [JWT_BEARER] } });
    expect((await behalf({ resource: API }, narrow)).body['error']).toBe('unauthorized_client');
  });

  test('the translation keeps what it does not know out', () => {
    expect(asExchange({ assertion: 'a', scope: ['x', 'y'] })).toMatchObject({ ok: false, refusal: { error: 'invalid_request' } });
    expect(asExchange({ assertion: 'a', scope: 'https://a.test/x y', actor_token: 'z' })).toEqual({
      ok: true,
      value: expect.not.objectContaining({ actor_token: 'z' }),
    });
  });
});

describe('Actor Profile: actor tokens that are JWTs', () => {
  const asActor = (token: string) => ({ actor_token: token, actor_token_type: JWT });

  test('the assertion by which the client authenticated names its agent; another client’s is nobody', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256', use: 'sig' }] };
    const client = { token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'ES256', jwks } as never;
    const keyed = await makeAgent(server, 'Keyed', { client });
    await delegate(front, keyed);
    const assertion = async (id = keyed.clientId) =>
      new SignJWT({ iss: id, sub: id, aud: server.issuer, jti: Math.random().toString(36) })
        .setProtectedHeader({ alg: 'ES256', kid: 'k' })
        .setIssuedAt()
        .setExpirationTime('1m')
        .sign(createPrivateKey(privateKey.export({ format: 'pem', type: 'pkcs8' })));
    const by = async (actorToken?: string) => {
      const own = await assertion();
      const parameters = { subject, resource: API, client_assertion_type: ASSERTION_TYPE, client_assertion: own };
      return exchangeFor(server, { headers: {} }, { ...parameters, ...asActor(actorToken ?? own) });
    };
    const answer = await by();
    expect([answer.status, answer.claims['act']]).toEqual([200, expect.objectContaining({ sub: keyed.agentId })]);
    expect((await server.tokens.find(String(answer.claims.jti)))?.actorSource).toBe('actor_token');
    expect((await by(await assertion())).body['error']).toBe('invalid_grant');
  });

  describe('credentials of a workload', () => {
    let platform: ForeignIssuer;
    beforeAll(async () => {
      platform = await startForeignIssuer();
      const input = {
        ...{ name: 'Cluster', kind: 'workload', issuer: platform.issuer, jwks: { keys: [platform.publicJwk] }, agent_id: gateway.agentId },
        ...{ claims: [{ pointer: '/sub', values: ['pod'] }], resources: [API], scopes: ['read'] },
      };
      await server.trust.create(newTrustProvider.parse(input), ADMINISTRATOR);
    });
    afterAll(() => platform?.close());
    const credential = (claims: object = {}) => platform.sign({ sub: 'pod', aud: server.issuer, ...claims });

    test('name the agent of their record, for its own client, once', async () => {
      const token = await credential();
      const with_ = (client: TestClient, actor: string) => exchangeFor(server, client, { subject, resource: API, ...asActor(actor) });
      expect((await with_(front, token)).body['error']).toBe('invalid_grant');
      const answer = await with_(gateway, token);
      expect([answer.status, answer.claims['act']]).toEqual([200, expect.objectContaining({ sub: gateway.agentId })]);
      expect((await with_(gateway, token)).body['error']).toBe('invalid_grant');
      expect((await with_(gateway, await credential({ sub: 'other' }))).body['error']).toBe('invalid_grant');
      expect((await with_(gateway, 'no.jwt.here')).body['error']).toBe('invalid_grant');
    });
  });

  test('R4 a public client is no actor, and a client of nobody names none', async () => {
    const app = await makeClient(server, { purpose: 'application' });
    const own = await personToken(server, app, { resources: { [API]: 'read' } });
    expect((await exchangeFor(server, app, { subject: own.body['access_token'], resource: API })).body['error']).toBe('invalid_request');
  });
});
