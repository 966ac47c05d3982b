import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Company, decisionOf, MIRA, openCompany, present } from './company.ts';

const SETUP = { kind: 'system', id: 'setup' } as const;
const ADMINISTRATOR = { kind: 'account', id: 'usr_administrator' } as const;

let company: Company;
beforeAll(async () => {
  company = await openCompany();
}, 60_000);
beforeEach(async () => {
  await company.server.db.rows({ name: 'forget', text: 'DELETE FROM linked_subjects', values: [] });
  await company.server.app.parts.trust.update(company.provider.id, { domains: ['acme.test'], email_authoritative: false }, ADMINISTRATOR);
});
afterAll(() => company.close());

const ask = async (claims = {}) => present(company.server, await company.idJag(claims), { client: company.agent });
const ruleOf = async (claims = {}) => {
  const answer = await ask(claims);
  expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_grant']);
  return (await decisionOf(company, answer)).rule;
};

describe('R25 who somebody of an identity provider is here', () => {
  test('the first time by a verified address, from then on by issuer, tenant and subject alone', async () => {
    expect((await ask()).claims.sub).toBe(company.accountId);
    const later = await ask({ email: undefined, email_verified: undefined });
    expect([later.status, later.claims.sub]).toEqual([200, company.accountId]);
    const { events } = await company.server.app.parts.audit.list({ types: ['subject.linked'], limit: 10 });
    expect(events.some(({ event }) => event.subjectId === company.accountId && event.resource === company.provider.id)).toBe(true);
  });

  test('the same subject in another tenant is somebody else', async () => {
    expect((await ask({ tenant: 'north' })).status).toBe(200);
    expect(await ruleOf({ tenant: 'south', email: undefined })).toBe('assertion-person-unknown');
  });

  test('another address of somebody who came before changes nothing', async () => {
    const { accounts } = company.server.app.parts;
    await accounts.create({ email: 'boss@acme.test', name: 'Boss', role: 'admin' }, SETUP);
    await ask();
    expect((await ask({ email: 'boss@acme.test' })).claims.sub).toBe(company.accountId);
  });

  test('an address that is not verified counts only when the provider owns the mailboxes', async () => {
    expect(await ruleOf({ email_verified: false })).toBe('assertion-person-unverified');
    expect(await ruleOf({ email_verified: undefined })).toBe('assertion-person-unverified');
    expect(await ruleOf({ email_verified: 'true' })).toBe('assertion-malformed');
    await company.server.app.parts.trust.update(company.provider.id, { email_authoritative: true }, ADMINISTRATOR);
    expect((await ask({ email_verified: undefined })).status).toBe(200);
  });

  test.each(['else.test', 'test', 'sub.acme.test'])('an address outside its domains: %s is trusted, acme.test is not', async (domain) => {
    const { trust } = company.server.app.parts;
    await trust.update(company.provider.id, { domains: domain === 'test' ? [] : [domain] }, ADMINISTRATOR);
    expect(await ruleOf()).toBe('assertion-person-unknown');
  });

  test('an account is found, never made: an address nobody has is nobody', async () => {
    const { accounts } = company.server.app.parts;
    expect(await ruleOf({ sub: 'u-new', email: 'new@acme.test' })).toBe('assertion-person-unknown');
    expect(await accounts.findByEmail('new@acme.test')).toBeUndefined();
  });

  test('the decision says whom it was about, and keeps no address', async () => {
    const answer = await ask({ sub: 'u-new', email: 'new@acme.test' });
    const { input } = await decisionOf(company, answer);
    expect(input).toMatchObject({ iss: company.idp.issuer, sub: 'u-new', trust_provider: company.provider.id });
    expect(JSON.stringify(input)).not.toContain('new@acme.test');
  });

  test('somebody who was shut out or removed gets nothing, also when they came before', async () => {
    const { accounts } = company.server.app.parts;
    const { id } = await accounts.create({ email: 'nora@acme.test', name: 'Nora', role: 'user' }, SETUP);
    const claims = { sub: 'u-nora', email: 'nora@acme.test' };
    expect((await ask(claims)).claims.sub).toBe(id);
    await accounts.disable(id, { by: ADMINISTRATOR, reason: 'a test' } as never);
    expect(await ruleOf(claims)).toBe('assertion-person-inactive');
    await accounts.remove(id, { by: ADMINISTRATOR, reason: 'a test' } as never);
    expect(await ruleOf(claims)).toBe('assertion-person-unknown');
  });

  test('a provider that is trusted no more is forgotten with all whom it named', async () => {
    const { trust } = company.server.app.parts;
    await ask();
    const before = await trust.get(company.provider.id);
    await trust.remove(before.id, ADMINISTRATOR);
    expect(await ruleOf()).toBe('assertion-not-accepted');
    const left = await company.server.db.rows({ name: 'left', text: 'SELECT * FROM linked_subjects', values: [] });
    expect(left).toEqual([]);
    expect(MIRA.endsWith('@acme.test')).toBe(true);
  });
});
