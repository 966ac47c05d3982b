import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createPerson, type Person } from '../support/person.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const ADA = { email: 'ada@acme.test', password: 'seven tin soldiers march' };
const TEXT = '@id("no-pay")\nforbid(principal, action, resource)\nwhen { context.scopes.contains("pay") };';
let server: TestServer;
let ada: Person;

beforeAll(async () => {
  server = await createTestServer({ firstAdministrator: ADA });
  ada = createPerson(server.issuer, ADA);
}, 60_000);
afterAll(() => server?.close());

const editor = async (fields: Record<string, string>, press = 'save', path = '/console/policies/new') =>
  ada.send(await ada.visit(path), 'do', { fields: { state: 'in_force', ...fields }, press: ['do', press] });
const inForce = async () => (await server.app.parts.policy.policies.current()).policies;

test('an administrator is shown what is wrong beside its line, looks for mistakes, and saves', async () => {
  const wrong = await editor({ text: TEXT.replace('scopes', 'scops'), reason: 'try' });
  expect(wrong.status).toBe(400);
  expect(wrong.words).toMatch(/3 when \{ context\.scops\.contains\("pay"\) \}; Column 8: .*did you mean `scopes`\?/);
  expect(wrong.html).toContain('context.scops');
  const looked = await editor({ text: TEXT }, 'look');
  expect([looked.status, looked.words.includes('Nothing is wrong with it.'), await inForce()]).toEqual([200, true, []]);
  expect((await editor({ text: TEXT, reason: '' })).words).toContain('says why');
  const saved = await editor({ text: TEXT, reason: 'Agents do not pay.' });
  expect([saved.status, saved.words.includes('It is in force on every server.')]).toEqual([200, true]);
  expect(await inForce()).toEqual([{ id: 'no-pay', text: TEXT, state: 'in_force' }]);
  expect((await ada.visit('/console/policies')).words).toMatch(/One policy is in force.*no-pay Forbids/);
});

test('changes it, reads what a version changed, puts one back with a reason, and removes it', async () => {
  await editor({ text: TEXT.replace('"pay"', '"read"'), reason: 'read instead' }, 'save', '/console/policies/rules/no-pay');
  const { version } = await server.app.parts.policy.policies.current();
  const page = await ada.visit(`/console/policies/versions/${version}`);
  expect(page.words).toMatch(/- when \{ context\.scopes\.contains\("pay"\) \}; \+ when \{ context\.scopes\.contains\("read"\) \};/);
  const rollBack = async (reason: string) =>
    ada.send(await ada.visit(`/console/policies/versions/${version - 1}/rollback`), 'reason', { fields: { reason } });
  expect((await rollBack('')).status).toBe(400);
  expect((await rollBack('It was better.')).words).toContain('It was better.');
  expect((await inForce())[0]?.text).toBe(TEXT);
  const stale = await ada.visit('/console/policies/rules/no-pay');
  await editor({ text: TEXT.replace('"pay"', '"one"'), reason: 'first' }, 'save', '/console/policies/rules/no-pay');
  const lost = await ada.send(stale, 'do', { fields: { text: TEXT, state: 'in_force', reason: 'second' }, press: ['do', 'save'] });
  expect([lost.status, lost.words.includes('Somebody else saved policies meanwhile')]).toEqual([400, true]);
  await ada.send(await ada.visit('/console/policies/rules/no-pay/remove'), 'reason', { fields: { reason: 'enough' } });
  expect(await inForce()).toEqual([]);
});

test('the schema is a page; what is kept as a draft is called one', async () => {
  expect((await ada.visit('/console/policies/schema')).words).toContain('entity Agent in [Agent]');
  expect((await editor({ text: TEXT, reason: 'later', state: 'draft' })).words).toContain('Kept as a draft.');
  expect((await ada.visit('/console/policies')).words).toMatch(/No policy is in force.*Draft/);
});
