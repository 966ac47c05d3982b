import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { JWTPayload } from 'jose';
import { newTrustProvider } from '../../src/trust/provider.ts';
import { type ForeignIssuer, startForeignIssuer } from '../support/foreign-issuer.ts';
import { createInhabitedServer, type InhabitedServer } from '../support/inhabited-server.ts';
import { LOOPBACK_CLIENT, registerOpenly, selfRegistered } from '../support/self-registered.ts';

const RESOURCE = 'https://notes.acme.test/mcp';
const READ = { resource: RESOURCE, scope: 'read' };
const BY = { kind: 'account', id: 'usr_administrator' } as const;
const administrator = { ...BY, party: 'administrator' } as const;
const now = () => Math.floor(Date.now() / 1000);

let server: InhabitedServer;
let publisher: ForeignIssuer;
let stranger: ForeignIssuer;
beforeAll(async () => {
  [server, publisher, stranger] = await Promise.all([createInhabitedServer(), startForeignIssuer(), startForeignIssuer()]);
  await server.resource(RESOURCE, ['read']);
  const record = { name: 'Acme apps', kind: 'software', issuer: publisher.issuer, jwks_uri: publisher.jwksUri };
  await server.app.parts.trust.create(newTrustProvider.parse(record), BY);
}, 60_000);
afterAll(async () => {
  await Promise.all([server.close(), publisher.close(), stranger.close()]);
});

const parts = () => server.app.parts;
const choose = async (openRegistration: 'open' | 'statement' | 'token') => {
  const { choice, version } = await parts().policy.enrolment.get();
  await parts().policy.enrolment.set({ choice: { ...choice, openRegistration }, version, accountId: BY.id });
};
beforeEach(() => choose('open'));

const statementOf = (claims: JWTPayload, from?: ForeignIssuer): Promise<string> => (from ?? publisher).sign(claims);
const DESK = { software_id: 'desk', client_name: 'Acme Desk', redirect_uris: ['http://127.0.0.1/desk'] };

/** What is wrong with it, how it is made, and the error. */
const unbelieved: readonly (readonly [string, () => Promise<string>, string])[] = [
  ['of an issuer nobody trusts', () => statementOf(DESK, stranger), 'unapproved_software_statement'],
  ['of the wrong issuer in a trusted name', () => statementOf({ ...DESK, iss: publisher.issuer }, stranger), 'invalid_software_statement'],
  ['that expired', () => statementOf({ ...DESK, exp: now() - 60 }), 'invalid_software_statement'],
  ['that names no software', () => statementOf({ client_name: 'Acme Desk' }), 'invalid_software_statement'],
  ['that is none', async () => 'not.a.jwt', 'invalid_software_statement'],
  ['that is endless', async () => 'a'.repeat(20_000), 'invalid_software_statement'],
];

describe('software statements (RFC 7591 §2.3)', () => {
  test('what a trusted publisher signed wins over what the request says, and is given back as it came', async () => {
    const software_statement = await statementOf(DESK);
    const { status, body } = await registerOpenly(server.issuer, { ...LOOPBACK_CLIENT, client_name: 'Something Else', software_statement });
    expect(status).toBe(201);
    expect(body).toMatchObject({ ...DESK, software_statement });
  });

  test('R14: it proves who registers: what was adopted is inherited, whatever the request calls itself', async () => {
    const first = await selfRegistered(server, { ...LOOPBACK_CLIENT, software_statement: await statementOf(DESK) });
    await first.connect(server.anotherBrowser(), READ);
    const agent = await parts().agents.findByClient(first.clientId);
    await parts().agents.update(agent?.id ?? '', { changes: { owner: { kind: 'user', id: server.miraId } } }, administrator);
    const again = await selfRegistered(server, { ...LOOPBACK_CLIENT, client_name: 'x', software_statement: await statementOf(DESK) });
    await again.connect(server.anotherBrowser(), READ);
    expect((await parts().agents.findByClient(again.clientId))?.id).toBe(agent?.id);
    const claiming = await selfRegistered(server, { ...LOOPBACK_CLIENT, client_name: 'Acme Desk', software_id: 'desk' });
    await claiming.connect(server.anotherBrowser(), READ);
    expect((await parts().agents.findByClient(claiming.clientId))?.id).not.toBe(agent?.id);
  });

  test.each(unbelieved)('a statement %s is refused, and no client is left', async (_what, make, error) => {
    const before = await server.db.rows({ name: 'clients', text: 'SELECT client_id FROM clients', values: [] });
    const { status, body } = await registerOpenly(server.issuer, { ...LOOPBACK_CLIENT, software_statement: await make() });
    expect([status, body['error']]).toEqual([400, error]);
    expect(JSON.stringify(body)).not.toContain(publisher.issuer);
    expect(await server.db.rows({ name: 'clients', text: 'SELECT client_id FROM clients', values: [] })).toHaveLength(before.length);
  });

  test('a statement gives no grant, no redirect and no identity that registration refuses', async () => {
    const greedy = await statementOf({ ...DESK, grant_types: ['client_credentials'] });
    expect((await registerOpenly(server.issuer, { ...LOOPBACK_CLIENT, software_statement: greedy })).status).toBe(400);
    const leading = await statementOf({ ...DESK, redirect_uris: ['http://evil.example/cb'] });
    const { status, body } = await registerOpenly(server.issuer, { ...LOOPBACK_CLIENT, software_statement: leading });
    expect([status, body['error']]).toEqual([400, 'invalid_redirect_uri']);
    const named = await statementOf({ ...DESK, client_id: 'pipeline', client_secret: 'known', behalf: { isManagement: true } });
    const made = await registerOpenly(server.issuer, { ...LOOPBACK_CLIENT, software_statement: named });
    expect([made.status, made.body['client_secret'], made.body['behalf']]).toEqual([201, undefined, undefined]);
    expect(await parts().clients.get(String(made.body['client_id']))).toMatchObject({ isManagement: false, kind: 'open' });
  });

  test('where only stated software may register without a token, others hear 401 and those with a statement come in', async () => {
    await choose('statement');
    const without = await registerOpenly(server.issuer, LOOPBACK_CLIENT);
    expect([without.status, without.body['error']]).toEqual([401, 'invalid_token']);
    expect((await registerOpenly(server.issuer, { ...LOOPBACK_CLIENT, software_statement: await statementOf(DESK) })).status).toBe(201);
    await choose('token');
    expect((await registerOpenly(server.issuer, { ...LOOPBACK_CLIENT, software_statement: await statementOf(DESK) })).status).toBe(401);
  });

  test('with an enrolment token a statement counts too', async () => {
    const headers = { authorization: `Bearer ${await server.enrolmentToken()}` };
    const { status, body } = await registerOpenly(
      server.issuer,
      { ...LOOPBACK_CLIENT, software_statement: await statementOf(DESK) },
      headers,
    );
    expect([status, body['client_name']]).toEqual([201, 'Acme Desk']);
  });
});
