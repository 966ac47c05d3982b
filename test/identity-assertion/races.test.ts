import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newTrustProvider } from '../../src/trust/provider.ts';
import { type ForeignIssuer, startForeignIssuer } from '../support/foreign-issuer.ts';
import { ACCESS_TOKEN, ADMINISTRATOR, basic, EXCHANGE, type SeededClient } from '../support/seeding.ts';
import { isActive, startTwoServers, type TwoServers } from '../support/two-servers.ts';
import { JWT_BEARER } from './company.ts';

const RESOURCE = 'https://mcp.tool.test/tickets';
const TIMES = 10;

let servers: TwoServers;
let idp: ForeignIssuer;
let own: SeededClient;
let agent: SeededClient;
beforeAll(async () => {
  [servers, idp] = await Promise.all([startTwoServers({ BEHALF_DRAFTS: 'mcp-sep-1933' }), startForeignIssuer()]);
  own = await servers.resource(RESOURCE);
  agent = await servers.agent('Ticket bot', { grant_types: [JWT_BEARER] as never });
  const record = { name: 'Acme', kind: 'identity_provider', issuer: idp.issuer, jwks_uri: idp.jwksUri, domains: ['example.com'] } as const;
  await servers.app.parts.trust.create(newTrustProvider.parse(record), ADMINISTRATOR);
}, 90_000);
afterAll(async () => {
  await servers?.close();
  await idp?.close();
});

const idJag = async (claims = {}) => {
  const email = (await servers.app.parts.accounts.get(servers.accountId)).email;
  const about = { aud: servers.issuer, client_id: agent.clientId, resource: RESOURCE, email, email_verified: true };
  return idp.sign({ ...about, sub: 'u-1', scope: 'read', ...claims }, { typ: 'oauth-id-jag+jwt' });
};
const present = (assertion: string, number: number, form = {}) =>
  servers.ask('/token', { form: { grant_type: JWT_BEARER, assertion, ...form }, headers: basic(agent) }, number);

describe('one assertion, two servers', () => {
  test('EMA: ten at once give one token, which is alive, and nine refusals', async () => {
    const assertion = await idJag();
    const answers = await Promise.all(Array.from({ length: TIMES }, (_, number) => present(assertion, number)));
    const [won, ...others] = answers.filter(({ status }) => status === 200);
    expect(others).toEqual([]);
    expect(await isActive(servers, String(won?.json()['access_token']), own)).toBe(true);
    const refused = answers.filter(({ status }) => status !== 200).map((answer) => answer.json()['error']);
    expect(refused).toEqual(Array.from({ length: TIMES - 1 }, () => 'invalid_grant'));
  }, 30_000);

  test('the first of a person links them once, however many come at once', async () => {
    const assertions = await Promise.all(Array.from({ length: TIMES }, () => idJag({ sub: 'u-2' })));
    const answers = await Promise.all(assertions.map((assertion, number) => present(assertion, number)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: TIMES }, () => 200));
    const text = `SELECT account_id FROM linked_subjects WHERE subject = 'u-2'`;
    expect(await servers.db.rows({ name: 'linked', text, values: [] })).toEqual([{ account_id: servers.accountId }]);
  }, 30_000);

  test('SEP-1933: the token of a platform gives one token as well', async () => {
    const bot = await servers.agent('Deploy bot');
    const record = {
      ...{ name: 'Deploys', kind: 'workload', issuer: idp.issuer, jwks_uri: idp.jwksUri, agent_id: bot.agentId },
      ...{ resources: [RESOURCE], scopes: ['read'], claims: [{ pointer: '/repository_id', values: ['4711'] }] },
    };
    await servers.app.parts.trust.create(newTrustProvider.parse(record), ADMINISTRATOR);
    const assertion = await idp.sign({ sub: 'x', aud: servers.issuer, repository_id: '4711' }, { typ: 'JWT' });
    const form = { grant_type: JWT_BEARER, assertion };
    const answers = await Promise.all(Array.from({ length: TIMES }, (_, number) => servers.ask('/token', { form }, number)));
    const won = answers.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    expect(await isActive(servers, String(won[0]?.json()['access_token']), own)).toBe(true);
    const refused = answers.filter(({ status }) => status !== 200).map((answer) => answer.json()['error']);
    expect(refused).toEqual(Array.from({ length: TIMES - 1 }, () => 'invalid_grant'));
  }, 30_000);

  test('RFC 8693: the access token of a trusted issuer is exchanged once, at whichever server', async () => {
    const bot = await servers.agent('Mail bot', { grant_types: [EXCHANGE] as never });
    const tokens = { scopes: [{ from: 'mail.read', resource: RESOURCE, to: 'read' }], presenters: [bot.agentId] };
    const record = { name: 'Mail', kind: 'token_issuer', issuer: idp.issuer, jwks_uri: idp.jwksUri, domains: ['example.com'], tokens };
    await servers.app.parts.trust.create(newTrustProvider.parse(record), ADMINISTRATOR);
    const email = (await servers.app.parts.accounts.get(servers.accountId)).email;
    const about = { aud: servers.issuer, sub: 'u-9', scope: 'mail.read', email, email_verified: true };
    const subject = await idp.sign(about, { typ: 'at+jwt' });
    const form = { grant_type: EXCHANGE, subject_token: subject, subject_token_type: ACCESS_TOKEN, resource: RESOURCE };
    const answers = await Promise.all(
      Array.from({ length: TIMES }, (_, number) => servers.ask('/token', { form, headers: basic(bot) }, number)),
    );
    const won = answers.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    expect(await isActive(servers, String(won[0]?.json()['access_token']), own)).toBe(true);
    const refused = answers.filter(({ status }) => status !== 200).map((answer) => answer.json()['error']);
    expect(refused).toEqual(Array.from({ length: TIMES - 1 }, () => 'invalid_grant'));
  }, 30_000);

  test('a request that is refused does not use the assertion up, at either server', async () => {
    const assertion = await idJag({ scope: 'read' });
    expect((await present(assertion, 0, { scope: 'write' })).json()['error']).toBe('invalid_scope');
    expect((await present(assertion, 1)).status).toBe(200);
    expect((await present(assertion, 0)).json()['error']).toBe('invalid_grant');
  });
});
