import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { JWTPayload } from 'jose';
import type { TokenRules, TrustProvider } from '../../src/trust/index.ts';
import { newTrustProvider } from '../../src/trust/provider.ts';
import { writtenRules } from '../../src/trust/token-rules.ts';
import { type ForeignIssuer, startForeignIssuer } from '../support/foreign-issuer.ts';
import {
  ACCESS_TOKEN,
  ADMINISTRATOR,
  ask,
  type ExchangeServer,
  exchangeFor,
  makeAgent,
  makeResource,
  startExchangeServer,
  type TestClient,
} from './exchange-server.ts';

const API = 'https://api.test';
const OTHER = 'https://other.test';
const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
const JWT = 'urn:ietf:params:oauth:token-type:jwt';
type Agent = TestClient & { readonly agentId: string };

let server: ExchangeServer;
let idp: ForeignIssuer;
let agent: Agent;
let stranger: Agent;
let provider: TrustProvider;

beforeAll(async () => {
  [server, idp] = await Promise.all([startExchangeServer(), startForeignIssuer()]);
  for (const resource of [API, OTHER]) await makeResource(server, resource);
  [agent, stranger] = [await makeAgent(server, 'Collector'), await makeAgent(server, 'Stranger')];
  const input = {
    name: 'Acme directory',
    kind: 'token_issuer',
    issuer: idp.issuer,
    jwks: { keys: [idp.publicJwk] },
    audiences: ['api://behalf'],
    domains: ['example.com'],
    tokens: {
      subject_claim: '/oid',
      tenant_claim: '/tid',
      scopes: [
        { from: 'mail.read', resource: API, to: 'read' },
        { from: 'mail.send', resource: API, to: 'write' },
        { from: null, resource: OTHER, to: 'read' },
      ],
      presenters: [agent.agentId],
    },
  };
  provider = await server.trust.create(newTrustProvider.parse(input), ADMINISTRATOR);
});
afterAll(async () => {
  await server?.close();
  await idp?.close();
});

const who = { oid: 'u-77', tid: 't-1', email: 'pat@example.com', email_verified: true };
const foreign = (claims: Record<string, unknown> = {}, header: object = {}) => {
  const all = { ...who, sub: 'pairwise', aud: 'api://behalf', scope: 'mail.read mail.send', ...claims };
  const kept = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return idp.sign(kept as JWTPayload, { typ: 'at+jwt', ...header });
};
const bring = (subject: string, more: Record<string, unknown> = {}, client: TestClient = agent) =>
  exchangeFor(server, client, { subject, resource: API, ...more });
const refusals = async () => (await server.audit.list({ type: 'token.refused', limit: 200 })).events.length;

async function withRules<T>(change: object, work: () => Promise<T>): Promise<T> {
  const tokens = writtenRules(provider.tokenRules as TokenRules);
  await server.trust.update(provider.id, { tokens: { ...tokens, ...change } }, ADMINISTRATOR);
  try {
    return await work();
  } finally {
    await server.trust.update(provider.id, { tokens }, ADMINISTRATOR);
  }
}

describe('RFC 8693 §2.1: a subject token of another issuer', () => {
  test('becomes a token for the person it names here, with what its scopes give, and the agent as its actor', async () => {
    const answer = await bring(await foreign());
    expect([answer.status, answer.body['scope']]).toEqual([200, 'read write']);
    expect(answer.claims).toMatchObject({ sub: server.accountId, sub_profile: 'user', aud: API, act: { sub: agent.agentId } });
    expect(Object.keys(answer.claims['act'] as object)).not.toContain('act');
    const record = await server.tokens.find(String(answer.claims.jti));
    expect(record).toMatchObject({ parentJti: undefined, depth: 0, accountId: server.accountId });
    const told = (await server.audit.list({ type: 'assertion.accepted', limit: 5 })).events[0]?.event;
    expect(told).toMatchObject({ resource: provider.id, subjectId: server.accountId, tokenId: answer.claims.jti });
    // the second time the issuer's own name for the person is enough (security rule R25)
    expect((await bring(await foreign({ email: undefined }))).status).toBe(200);
  });

  test('gives no more than the rules say, at no other resource, for no longer than itself', async () => {
    expect((await bring(await foreign({ scope: 'mail.read' }))).body['scope']).toBe('read');
    expect((await bring(await foreign({ scope: undefined, scp: ['mail.send'] }))).body['scope']).toBe('write');
    expect((await bring(await foreign({ scope: 'mail.read' }), { scope: 'read write' })).body['error']).toBe('invalid_scope');
    expect((await bring(await foreign({ scope: 'read write pay' }))).body['error']).toBe('invalid_target');
    expect((await bring(await foreign(), { resource: OTHER })).body['scope']).toBe('read');
    const details = JSON.stringify([{ type: 'api_call', actions: ['GET'] }]);
    expect((await bring(await foreign(), { authorization_details: details })).body['error']).toBe('invalid_authorization_details');
    const exp = Math.floor(Date.now() / 1000) + 40;
    expect((await bring(await foreign({ exp }))).claims.exp).toBe(exp);
  });

  test('is used once: again, and with another signature of the same claims, it is invalid_grant', async () => {
    const jti = 'once';
    const [token, again] = [await foreign({ jti }), await foreign({ jti, exp: Math.floor(Date.now() / 1000) + 200 })];
    // a refusal uses nothing up
    expect((await bring(token, { scope: 'pay' })).body['error']).toBe('invalid_scope');
    const answers = await Promise.all(Array.from({ length: 6 }, () => bring(token)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ body }) => body['error'] === 'invalid_grant')).toHaveLength(5);
    expect((await bring(again)).body['error']).toBe('invalid_grant');
    const nameless = await foreign({ jti: undefined });
    expect([(await bring(nameless)).status, (await bring(nameless)).body['error']]).toEqual([200, 'invalid_grant']);
  });

  test.each<[string, () => Promise<string>]>([
    ['another audience', () => foreign({ aud: 'api://other' })],
    ['two audiences', () => foreign({ aud: ['api://behalf', 'api://other'] })],
    ['an end that is over', () => foreign({ exp: Math.floor(Date.now() / 1000) - 120 })],
    ['nobody it is about', () => foreign({ oid: undefined })],
    ['no tenant', () => foreign({ tid: undefined })],
    ['somebody who is not known here', () => foreign({ oid: 'u-78', email: 'mallory@example.com' })],
    ['a tenant that is another one, outside our domains', () => foreign({ tid: 't-2', email: 'pat@evil.test' })],
    ['an address that nobody verified', () => foreign({ tid: 't-3', email_verified: false })],
    ['a type that says nothing', () => foreign({}, { typ: 'JWT' })],
    ['the type of an identity assertion', () => foreign({}, { typ: 'oauth-id-jag+jwt' })],
    ['somebody who acted before', () => foreign({ act: { iss: idp.issuer, sub: 'bot' } })],
  ])('with %s it is invalid_grant, with one event and no hint', async (_, make) => {
    const before = await refusals();
    const answer = await bring(await make());
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_grant', decision_id: expect.stringMatching(/^dec_/) } });
    expect(String(answer.body['error_description'])).not.toContain(idp.issuer);
    expect(await refusals()).toBe(before + 1);
  });

  test('an administrator reads in the decision what the caller is not told', async () => {
    const answer = await bring(await foreign({ aud: 'api://other' }));
    const { input, reason } = await server.policy.get(String(answer.body['decision_id']));
    expect(input).toMatchObject({ trust_provider: provider.id, fault: 'audience', iss: idp.issuer, sub: 'pairwise' });
    expect([reason, JSON.stringify(answer.body)]).toEqual([
      'The subject token is not accepted here.',
      expect.not.stringContaining('audience'),
    ]);
  });

  test('R1: an agent that nobody named does not bring it, unless the token names it in may_act', async () => {
    expect((await bring(await foreign(), {}, stranger)).body['error']).toBe('actor_unauthorized');
    const named = await foreign({ may_act: { iss: server.issuer, sub: stranger.agentId } });
    const answer = await bring(named, {}, stranger);
    expect(answer.claims).toMatchObject({ act: { sub: stranger.agentId } });
    expect(Object.keys(answer.claims)).not.toContain('may_act');
    // RFC 8693 §2.1: with an actor token, may_act decides
    const own = await ask(server, agent, { grant_type: 'client_credentials', resource: API, scope: 'read' });
    const acting = { actor_token: own.body['access_token'], actor_token_type: ACCESS_TOKEN };
    expect((await bring(await foreign({ may_act: { iss: server.issuer, sub: stranger.agentId } }), acting)).body['error']).toBe(
      'actor_unauthorized',
    );
    expect((await bring(await foreign({ may_act: { iss: server.issuer, sub: agent.agentId } }), acting)).status).toBe(200);
    const bound = await foreign({ cnf: { jkt: 'not-a-key-of-ours' } });
    expect((await bring(bound)).body['error']).toBe('actor_unauthorized');
  });

  test('an id_token says who, and nothing else: only what the issuer gives to everybody', async () => {
    const token = () => foreign({ scope: 'mail.read' }, { typ: 'JWT' });
    expect((await bring(await token(), { subject_token_type: ID_TOKEN })).body['error']).toBe('invalid_target');
    const answer = await bring(await token(), { subject_token_type: ID_TOKEN, resource: OTHER });
    expect([answer.status, answer.body['scope']]).toEqual([200, 'read']);
    expect((await bring(await foreign(), { subject_token_type: ID_TOKEN, resource: OTHER })).body['error']).toBe('invalid_grant');
  });

  test('an issuer whose tokens leave out what they are has to be told so (Entra)', async () => {
    const token = await foreign({}, { typ: 'JWT' });
    await withRules({ untyped: true }, async () => {
      expect((await bring(token, { subject_token_type: JWT })).status).toBe(200);
    });
  });

  test('Actor Profile: a chain is taken where its issuer is trusted for it, unchanged, and never about agents of ours', async () => {
    const act = { iss: 'https://third.test', sub: 'bot', act: { iss: idp.issuer, sub: 'first', sub_profile: 'service' } };
    await withRules({ chains: true }, async () => {
      expect((await bring(await foreign({ act }))).claims['act']).toEqual({
        iss: server.issuer,
        sub: agent.agentId,
        sub_profile: 'ai_agent',
        act,
      });
      expect((await bring(await foreign({ act: { sub: 'bot' } }))).body['error']).toBe('invalid_request');
      expect((await bring(await foreign({ act: { iss: server.issuer, sub: stranger.agentId } }))).body['error']).toBe('invalid_grant');
      const deep = { ...act, act: { ...act.act, act: { iss: idp.issuer, sub: 'x', act: { iss: idp.issuer, sub: 'y' } } } };
      expect((await bring(await foreign({ act: deep }))).body['error']).toBe('invalid_request');
      const loop = { ...act, act: { iss: 'https://third.test', sub: 'bot' } };
      expect((await bring(await foreign({ act: loop }))).body['error']).toBe('invalid_request');
    });
  });

  test('nothing is taken from an issuer that is switched off; the page of the record shows what it was let in for', async () => {
    await server.trust.update(provider.id, { status: 'disabled' }, ADMINISTRATOR);
    expect((await bring(await foreign())).body['error']).toBe('invalid_grant');
    await server.trust.update(provider.id, { status: 'active' }, ADMINISTRATOR);
    const page = await (await fetch(`${server.issuer}/console/trust-providers/${provider.id}`)).text();
    expect(page).toContain('mail.read gives read at https://api.test');
    expect(page).toContain('Pat Person got a token');
  });
});

describe('what an administrator says of an issuer of access tokens', () => {
  const input = (change: object = {}) => ({
    ...{ name: 'Other', kind: 'token_issuer', issuer: 'https://idp.example', jwks_uri: 'https://idp.example/keys', tokens: {} },
    ...change,
  });
  const create = (change: object) => server.trust.create(newTrustProvider.parse(input(change)), ADMINISTRATOR);

  test.each<[string, object, string]>([
    ['no rules', { tokens: null }, '/tokens'],
    ['rules for another kind', { kind: 'software' }, '/tokens'],
    [
      'a resource that is not registered',
      { tokens: { scopes: [{ from: 'a', resource: 'https://nobody.test', to: 'b' }] } },
      '/tokens/scopes/0',
    ],
    ['scopes of its own', { scopes: ['read'] }, '/scopes'],
  ])('refuses %s', async (_, change, member) => {
    await expect(create(change)).rejects.toMatchObject({ code: 'invalid_input', details: { member } });
  });

  test('deny by default: without rules for scopes nothing is given, and nobody brings it', async () => {
    const { tokenRules } = await create({});
    expect(tokenRules).toMatchObject({ scopes: [], presenters: [], acceptsChains: false, acceptsUntyped: false, subject: '/sub' });
  });
});
