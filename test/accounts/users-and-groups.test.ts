import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { groupDefinition } from '../../src/accounts/scim/group-definition.ts';
import { userDefinition, userExtensionUrn } from '../../src/accounts/scim/user-definition.ts';
import { unboundAttributes } from '../../src/scim/index.ts';
import { type ScimClient, scimClient } from '../support/scim-client.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const userUrn = 'urn:ietf:params:scim:schemas:core:2.0:User';
const groupUrn = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const enterpriseUrn = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const BY = { kind: 'system', id: 'command-line' } as const;
const administrator = { kind: 'account', id: 'usr_administrator', party: 'administrator' } as const;

let server: TestServer;
/** Has the governance right. */
let entra: ScimClient;
/** Has not. */
let okta: ScimClient;
let count = 0;

beforeAll(async () => {
  server = await createTestServer();
  entra = await scimClient(server, 'governance');
  okta = await scimClient(server, 'plain');
});

afterAll(() => server.close());

const userBody = (rest: object = {}) => ({ schemas: [userUrn], userName: `person${++count}@acme.test`, active: true, ...rest });
const newUser = async (rest: object = {}, by = okta) => (await by.send('POST /Users', userBody(rest))).body;
const newGroup = async (members: readonly string[], by = entra) =>
  (await by.send('POST /Groups', { schemas: [groupUrn], displayName: `Group ${++count}`, members: members.map((value) => ({ value })) }))
    .body;
const patch = (by: ScimClient, target: string, ...Operations: object[]) =>
  by.send(`PATCH ${target}`, { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations });
const find = (by: ScimClient, type: string, filter: string) => by.send(`GET /${type}?filter=${encodeURIComponent(filter)}`);
const ownedBy = (owner: { kind: 'user' | 'group'; id: string }) =>
  server.app.parts.agents.create({ displayName: `Agent ${++count}`, owner, status: 'active', source: 'test' }, administrator);
const eventsAbout = async (subjectId: string) =>
  (await server.app.parts.audit.list({ subjectId, limit: 50 })).events.map(({ event }) => event.type as string).sort();

test('one definition says everything of users and groups', () => {
  expect([...unboundAttributes(userDefinition), ...unboundAttributes(groupDefinition)]).toEqual([]);
});

describe('RFC 7643 §4.1 User', () => {
  test('what Entra sends makes a person who may sign in once they chose a password, in the role user', async () => {
    const body = userBody({
      externalId: 'aad-1',
      displayName: 'Adele Vance',
      name: { givenName: 'Adele', familyName: 'Vance', formatted: 'Adele Vance' },
      emails: [{ primary: true, type: 'work', value: 'Adele.Vance@acme.test' }],
      title: 'Manager',
      [enterpriseUrn]: { employeeNumber: '701984', department: 'Retail', manager: { value: 'usr_x' } },
    });
    const { status, etag, body: user } = await okta.send('POST /Users', body);
    expect([status, etag]).toEqual([201, user.meta.version]);
    expect(user).toMatchObject({ ...body, schemas: [userUrn, enterpriseUrn], roles: [{ value: 'user' }] });
    expect(await server.app.parts.accounts.findByEmail('adele.vance@acme.test')).toMatchObject({
      role: 'user',
      passwordChangedAt: undefined,
    });
    expect(await eventsAbout(user.id)).toEqual(['account.created', 'account.updated']);
  });

  test('the probe of Entra and the paging of Okta find nobody without an error', async () => {
    expect((await find(okta, 'Users', 'userName eq "5f1d6d2e-not-there"')).body).toMatchObject({ totalResults: 0, Resources: [] });
    expect((await okta.send('GET /Users?startIndex=1&count=2')).body).toMatchObject({ startIndex: 1, itemsPerPage: expect.any(Number) });
  });

  test('is found by user name whatever its case, by address, by name and by external id', async () => {
    const user = await newUser({
      userName: 'Jana.W',
      emails: [{ value: 'jana@acme.test', type: 'work' }],
      externalId: 'jw',
      name: { familyName: 'Weber' },
    });
    for (const filter of [
      'userName eq "JANA.w"',
      'emails[type eq "work" and value co "jana@"]',
      'externalId eq "jw"',
      'name.familyName sw "web"',
    ]) {
      expect((await find(okta, 'Users', filter)).body.Resources.map(({ id }) => id)).toEqual([user.id]);
    }
  });

  test('a user name, an address or an external id that is taken is 409 uniqueness, and nothing is written', async () => {
    const { userName } = await newUser({ externalId: 'twice' });
    const before = (await okta.send('GET /Users?count=0')).body['totalResults'];
    expect((await okta.send('POST /Users', userBody({ userName }))).body).toMatchObject({ status: '409', scimType: 'uniqueness' });
    expect((await okta.send('POST /Users', userBody({ externalId: 'twice' }))).body).toMatchObject({
      status: '409',
      scimType: 'uniqueness',
    });
    expect((await okta.send('POST /Users', userBody({ userName: 'nobody' }))).body).toMatchObject({
      status: '400',
      scimType: 'invalidValue',
    });
    expect((await okta.send('GET /Users?count=0')).body['totalResults']).toBe(before);
    expect((await entra.send('POST /Users', userBody({ externalId: 'twice' }))).status).toBe(201);
  });

  test('a stale version is 412, a change is a new one, no change is none', async () => {
    const user = await newUser();
    const renamed = await patch(okta, `/Users/${user.id}`, { op: 'replace', path: 'displayName', value: 'Renamed' });
    expect(renamed.etag).not.toBe(user.meta.version);
    const again = await patch(okta, `/Users/${user.id}`, { op: 'Replace', value: { displayName: 'Renamed', active: 'True' } });
    expect(again.etag).toBe(renamed.etag);
    const { userName } = user;
    const stale = await okta.send(`PUT /Users/${user.id}`, userBody({ userName, displayName: 'Late' }), { ifMatch: user.meta.version });
    expect(stale.status).toBe(412);
  });

  test('passwords and roles are nothing a provisioning client sets (R7)', async () => {
    expect((await entra.send('POST /Users', userBody({ password: 'paper boats' }))).body).toMatchObject({
      status: '400',
      scimType: 'invalidSyntax',
    });
    const user = await newUser({ roles: [{ value: 'admin' }] }, entra);
    expect(user['roles']).toEqual([{ value: 'user' }]);
    expect((await patch(entra, `/Users/${user.id}`, { op: 'add', path: 'roles', value: [{ value: 'admin' }] })).body).toMatchObject({
      scimType: 'mutability',
    });
  });

  test('who may use the console is shut out by anybody, but called, let in and removed only with the governance right (R7)', async () => {
    const { account } = await server.app.parts.accounts.invite({ email: 'auditor@acme.test', name: 'Auditor', role: 'auditor' }, BY);
    const at = `/Users/${account.id}`;
    const address = { op: 'replace', path: 'emails', value: [{ value: 'mine@evil.test', primary: true }] };
    expect((await patch(okta, at, address)).status).toBe(403);
    expect((await patch(okta, at, { op: 'replace', path: 'active', value: false })).body['active']).toBe(false);
    expect((await patch(okta, at, { op: 'replace', path: 'active', value: true })).status).toBe(403);
    expect((await okta.send(`DELETE ${at}`)).status).toBe(403);
    expect((await patch(entra, at, { op: 'replace', path: 'active', value: true })).body['active']).toBe(true);
    expect((await entra.send(`DELETE ${at}`)).status).toBe(204);
    expect((await entra.send(`GET ${at}`)).status).toBe(404);
  });

  test('shutting a person out puts their agents under review, or hands them to the successor, in the same transaction', async () => {
    const [leaving, heir] = [await newUser(), await newUser()];
    const kept = await newUser();
    const agent = await ownedBy({ kind: 'user', id: leaving.id });
    const other = await ownedBy({ kind: 'user', id: kept.id });
    const successor = { op: 'add', path: `${userExtensionUrn}:successor`, value: { value: heir.id } };
    expect((await patch(okta, `/Users/${leaving.id}`, successor)).status).toBe(403);
    expect((await patch(entra, `/Users/${leaving.id}`, successor)).body).toMatchObject({
      [userExtensionUrn]: { successor: { value: heir.id } },
    });
    // a client without the right replaces the person without saying it, as Okta does
    const { userName } = leaving;
    expect((await okta.send(`PUT /Users/${leaving.id}`, userBody({ userName, displayName: 'Leaving' }))).body).toMatchObject({
      displayName: 'Leaving',
      [userExtensionUrn]: { successor: { value: heir.id } },
    });
    expect((await patch(okta, `/Users/${leaving.id}`, { op: 'remove', path: `${userExtensionUrn}:successor` })).status).toBe(403);
    await patch(okta, `/Users/${leaving.id}`, { op: 'replace', path: 'active', value: false });
    await okta.send(`DELETE /Users/${kept.id}`);
    const { agents } = server.app.parts;
    expect(await agents.get(agent.id)).toMatchObject({ status: 'active', owner: { kind: 'user', id: heir.id } });
    expect(await agents.get(other.id)).toMatchObject({ status: 'underReview' });
  });

  test('the last administrator stays: 409, and nothing else of the request happened', async () => {
    const { account } = await server.app.parts.accounts.invite({ email: 'boss@acme.test', name: 'Boss', role: 'admin' }, BY);
    const change = { op: 'replace', value: { active: false, displayName: 'Fired' } };
    expect((await patch(entra, `/Users/${account.id}`, change)).status).toBe(409);
    expect(await server.app.parts.accounts.get(account.id)).toMatchObject({ name: 'Boss', status: 'active' });
  });
});

describe('RFC 7643 §4.2 Group', () => {
  test('people and agents are its members, and both say so', async () => {
    const [jana, mira] = [await newUser(), await newUser()];
    const agent = await ownedBy({ kind: 'user', id: jana.id });
    const group = await newGroup([jana.id, agent.id]);
    expect(group['members']).toEqual([
      { value: jana.id, type: 'User', display: jana['displayName'], $ref: `${server.issuer}/scim/v2/Users/${jana.id}` },
      { value: agent.id, type: 'Agent', display: agent.displayName, $ref: `${server.issuer}/scim/v2/Agents/${agent.id}` },
    ]);
    await patch(entra, `/Groups/${group.id}`, { op: 'Add', path: 'members', value: [{ value: mira.id }] });
    await patch(entra, `/Groups/${group.id}`, { op: 'Remove', path: `members[value eq "${jana.id}"]` });
    const after = (await okta.send(`GET /Groups/${group.id}`)).body;
    expect((after['members'] as { value: string }[]).map(({ value }) => value)).toEqual([mira.id, agent.id]);
    expect((await okta.send(`GET /Users/${mira.id}`)).body).toMatchObject({ groups: [{ value: group.id, type: 'direct' }] });
    expect((await entra.send(`GET /Agents/${agent.id}`)).body).toMatchObject({
      groups: [{ value: group.id, display: group['displayName'] }],
    });
    expect((await find(entra, 'Agents', `groups.value eq "${group.id}"`)).body.Resources.map(({ id }) => id)).toEqual([agent.id]);
    expect((await find(okta, 'Groups', `members.value eq "${mira.id}"`)).body.Resources.map(({ id }) => id)).toEqual([group.id]);
    const slim = (await okta.send(`GET /Groups?filter=${encodeURIComponent(`id eq "${group.id}"`)}&excludedAttributes=members`)).body;
    expect(slim.Resources[0]).not.toHaveProperty('members');
  });

  test('an unknown member is 400, a name that is taken 409, and nothing is half-done', async () => {
    const group = await newGroup([]);
    const jana = await newUser();
    for (const value of ['usr_nobody', 'agt_nobody', 'grp_nested', 'x']) {
      const answer = await patch(entra, `/Groups/${group.id}`, { op: 'add', path: 'members', value: [{ value: jana.id }, { value }] });
      expect(answer.body).toMatchObject({ status: '400', scimType: 'invalidValue' });
    }
    expect((await okta.send(`GET /Groups/${group.id}`)).body).not.toHaveProperty('members');
    const twice = await okta.send('POST /Groups', { schemas: [groupUrn], displayName: group['displayName'] });
    expect(twice.body).toMatchObject({ status: '409', scimType: 'uniqueness' });
  });

  test('as many members as a group may have come and go in one request, and each is told to the audit', async () => {
    const many = 10_000;
    const idOf = (index: number) => `usr_${String(index).padStart(32, '0')}`;
    const text = `INSERT INTO accounts (id, email, name, role, status, created_at)
      SELECT 'usr_' || lpad(i::text, 32, '0'), i || '@many.test', 'One of many', 'user', 'active', now() FROM generate_series(1, ${many}) i`;
    await server.db.rows({ name: '', text, values: [] });
    const members = Array.from({ length: many }, (_, index) => ({ value: idOf(index + 1) }));
    const before = Date.now();
    const { status, body: group } = await okta.send('POST /Groups', { schemas: [groupUrn], displayName: 'Everybody', members });
    const left = await patch(okta, `/Groups/${group.id}`, { op: 'replace', path: 'members', value: [{ value: idOf(7) }] });
    // one statement after the other for each of them takes a minute
    expect(Date.now() - before).toBeLessThan(12_000);
    expect([status, left.body['members']]).toEqual([201, [expect.objectContaining({ value: idOf(7) })]]);
    expect(await eventsAbout(idOf(8))).toEqual(['group.member_added', 'group.member_removed']);
  }, 90_000);

  test('who is in a group that owns agents changes only with the governance right (R7); emptied, its agents go under review', async () => {
    const jana = await newUser();
    const group = await newGroup([jana.id], okta);
    expect(group['members']).toHaveLength(1);
    const agent = await ownedBy({ kind: 'group', id: group.id });
    const emptied = { op: 'remove', path: 'members' };
    expect((await patch(okta, `/Groups/${group.id}`, emptied)).status).toBe(403);
    expect((await okta.send(`DELETE /Groups/${group.id}`)).status).toBe(403);
    expect((await patch(entra, `/Groups/${group.id}`, emptied)).status).toBe(200);
    expect(await server.app.parts.agents.get(agent.id)).toMatchObject({ status: 'underReview' });
    expect((await entra.send(`DELETE /Groups/${group.id}`)).status).toBe(204);
    expect((await entra.send('DELETE /Groups/grp_self_service')).status).toBe(409);
  });

  test('two who change one group at once do not lose each other’s member', async () => {
    const group = await newGroup([]);
    const people = await Promise.all(Array.from({ length: 6 }, () => newUser()));
    const answers = await Promise.all(
      people.map(({ id }) => patch(entra, `/Groups/${group.id}`, { op: 'add', path: 'members', value: [{ value: id }] })),
    );
    const joined = answers.filter(({ status }) => status === 200).length;
    const { members } = (await okta.send(`GET /Groups/${group.id}`)).body as unknown as { members: object[] };
    expect(members).toHaveLength(joined);
    expect(joined).toBeGreaterThanOrEqual(1);
  });
});
