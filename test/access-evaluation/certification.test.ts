/** AuthZEN Authorization API 1.0, certification scenario of the OpenID working group: the sections are those of its document. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newPolicy } from '../../src/policy/policy-set/policy-set.ts';
import type { SeededClient } from '../support/seeding.ts';
import { type AccessServer, type Answer, createAccessServer, EVALUATION, EVALUATIONS } from './access-server.ts';

const alice = { type: 'user', id: 'alice' };
const bob = { type: 'user', id: 'bob' };
const admin = { ...bob, properties: { role: 'admin' } };
const [read, write] = [{ name: 'read' }, { name: 'write' }];
const removal = (soft: boolean) => ({ name: 'delete', properties: { soft } });
const record = { type: 'record', id: 'record-1' };
const active = { ...record, properties: { status: 'active' } };
const archived = { type: 'record', id: 'record-2', properties: { status: 'archived' } };
const moment = { time: '2025-06-27T18:03-07:00', ip: '192.168.1.1' };

/** §1.4: the policies that the scenario asks for. */
const POLICIES = [
  `@id("readers") permit(principal, action == Action::"access", resource is Thing) when { resource.kind == "record" && context.action == "read" };`,
  `@id("alice-writes") permit(principal == Person::"alice", action == Action::"access", resource is Thing)
   when { resource.kind == "record" && context.action == "write" && !(resource.hasTag("status") && resource.getTag("status") == "archived") };`,
  `@id("administrators-write") permit(principal is Person, action == Action::"access", resource is Thing)
   when { resource.kind == "record" && context.action == "write" && context has said && context.said.hasTag("subject.role") && context.said.getTag("subject.role") == "admin" };`,
  `@id("alice-removes") permit(principal == Person::"alice", action == Action::"access", resource is Thing)
   when { resource.kind == "record" && context.action == "delete" && context has said && context.said.hasTag("action.soft") && context.said.getTag("action.soft") == "true" };`,
];

let server: AccessServer;
let authorization: string;

/** §1.2: the records, as an administrator's program names them. */
async function nameRecords(manager: SeededClient): Promise<void> {
  const [{ id } = { id: '' }] = await server.app.parts.resourceServers.list({ limit: 1 });
  const headers = { authorization: `Bearer ${await server.apiToken(manager)}` };
  const path = `/api/v1/resource-servers/${id}/things/record`;
  const put = async (things: object[]) => (await server.post(path, { things }, headers, 'PUT')).status;
  const things = [{ id: 'record-1' }, { id: 'record-2', properties: { status: 'archived' } }];
  expect(await put([...things, { id: 'record-3' }])).toBe(204);
  expect(await put([...things, ...things])).toBe(400);
  expect(await put(things)).toBe(204);
  const listed = (after = '') => fetch(`${server.issuer}${path}?limit=1${after}`, { headers }).then((response) => response.json());
  const first = (await listed()) as { items: object[]; next_cursor: string };
  expect(first.items).toEqual([{ id: 'record-1' }]);
  expect(await listed(`&cursor=${first.next_cursor}`)).toEqual({ items: things.slice(1) });
}

beforeAll(async () => {
  server = await createAccessServer();
  for (const text of POLICIES)
    await server.app.parts.policy.policies.create(newPolicy.parse({ text, state: 'in_force', reason: 'certification' }), {
      kind: 'account',
      id: 'usr_administrator',
    });
  await server.resource('https://records.example');
  const manager = await server.client('management', { purpose: 'management', is_management: true } as never);
  const text = `UPDATE accounts SET id = $1 WHERE id = $2`;
  for (const id of [alice.id, bob.id]) {
    const { id: given } = await server.app.parts.accounts.create(
      { email: `${id}@example.com`, name: id, role: 'user' },
      { kind: 'system', id: 'setup' },
    );
    await server.db.rows({ name: 'rename', text, values: [id, given] });
  }
  authorization = `Bearer ${await server.accessToken(manager, 'access:evaluate access:search')}`;
  await nameRecords(manager);
}, 60_000);
afterAll(() => server.close());

const send = (path: string, body: unknown, headers = {}) => server.post(path, body, { authorization, ...headers });
async function answered<T = Answer>(path: string, body: unknown): Promise<T> {
  const response = await send(path, body);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^application\/json/);
  return (await response.json()) as T;
}
const decided = async (body: unknown) => (await answered(EVALUATION, body)).decision;
const listed = async (body: unknown) =>
  (await answered<{ evaluations: Answer[] }>(EVALUATIONS, body)).evaluations.map(({ decision }) => decision);

describe('§2 Basic', () => {
  test.each([
    ['§2.2.1 permit', { subject: alice, action: read, resource: record }, true],
    ['§2.2.2 deny', { subject: bob, action: write, resource: record }, false],
    ['§2.2.3 with context', { subject: alice, action: read, resource: record, context: moment }, true],
    ['§1.4 rule 2', { subject: alice, action: write, resource: record }, true],
    ['§1.4 rule 3', { subject: bob, action: read, resource: record }, true],
    ['§2.2.4 resource properties', { subject: alice, action: write, resource: archived }, false],
    ['§2.2.5 subject properties', { subject: admin, action: write, resource: archived }, true],
    ['§2.2.6 action properties', { subject: alice, action: removal(true), resource: record }, true],
    ['§2.2.7 action properties', { subject: alice, action: removal(false), resource: record }, false],
    [
      '§2.2.8 further properties',
      {
        subject: { ...alice, properties: { department: 'Sales', role: 'manager' } },
        action: { ...read, properties: { method: 'GET' } },
        resource: { ...record, properties: { status: 'active', owner: 'bob' } },
      },
      true,
    ],
    ['§2.2.9 unknown fields', { subject: alice, action: read, resource: record, foo: 'bar', futureField: { nested: true } }, true],
  ])('%s', async (_name, body, expected) => {
    expect(await decided(body)).toBe(expected);
  });

  test.each([
    ['no subject', { action: read, resource: record }],
    ['no action', { subject: alice, resource: record }],
    ['no resource', { subject: alice, action: read }],
    ['subject without type', { subject: { id: 'alice' }, action: read, resource: record }],
    ['subject without id', { subject: { type: 'user' }, action: read, resource: record }],
    ['action without name', { subject: alice, action: {}, resource: record }],
    ['resource without type', { subject: alice, action: read, resource: { id: 'record-1' } }],
    ['resource without id', { subject: alice, action: read, resource: { type: 'record' } }],
    ['a subject that is a text', { subject: 'alice', action: read, resource: record }],
    ['an action named by a number', { subject: alice, action: { name: 123 }, resource: record }],
    ['malformed JSON', '{"subject":'],
    ['an empty body', ''],
  ])('§2.4 %s: 400', async (_name, body) => {
    expect((await send(EVALUATION, body)).status).toBe(400);
  });

  test('§2.4.3 another content type: 400', async () => {
    const body = JSON.stringify({ subject: alice, action: read, resource: record });
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/problem+json'])
      expect((await send(EVALUATION, body, { 'content-type': type })).status).toBe(400);
  });

  test('§2.5 echoes X-Request-ID, also with a refusal, and does without', async () => {
    const body = { subject: alice, action: read, resource: record };
    const id = 'bfe9eb29-ab87-4ca3-be83-a1d5d8305716';
    for (const sent of [body, {}]) expect((await send(EVALUATION, sent, { 'x-request-id': id })).headers.get('x-request-id')).toBe(id);
    expect((await server.post(EVALUATION, body, { 'x-request-id': 'a' })).headers.get('x-request-id')).toBe('a');
    expect((await send(EVALUATION, body)).status).toBe(200);
  });

  test('§2.6 says the same every time', async () => {
    const body = { subject: bob, action: write, resource: record };
    for (let turn = 0; turn < 5; turn += 1) expect(await decided(body)).toBe(false);
  });
});

describe('§3 Batch', () => {
  test.each([
    [
      '§3.2.1',
      { subject: alice, action: read, evaluations: [{ resource: record }, { resource: { type: 'record', id: 'record-2' } }] },
      [true, true],
    ],
    ['§3.2.2', { subject: bob, resource: record, evaluations: [{ action: read }, { action: write }] }, [true, false]],
    ['§3.2.3', { subject: alice, action: write, evaluations: [{ resource: active }, { resource: archived }] }, [true, false]],
    ['§3.2.4', { action: write, resource: archived, evaluations: [{ subject: alice }, { subject: admin }] }, [false, true]],
    [
      '§3.2.5',
      {
        evaluations: [
          { subject: alice, action: read, resource: record },
          { subject: bob, action: write, resource: record },
        ],
      },
      [true, false],
    ],
    [
      '§3.2.6',
      {
        ...{ subject: alice, action: read, context: { time: '2025-06-27T18:03-07:00' } },
        evaluations: [{ resource: record }, { resource: archived, context: { source: 'batch-override' } }],
      },
      [true, true],
    ],
    ['§3.2.7', { subject: alice, action: write, resource: active, evaluations: [{}, { resource: archived }] }, [true, false]],
    [
      '§3.4.1',
      { subject: alice, action: read, options: { evaluations_semantic: 'execute_all' }, evaluations: [{ resource: record }, {}] },
      [true, false],
    ],
  ])('%s', async (_name, body, expected) => {
    expect(await listed(body)).toEqual(expected);
  });

  test('§3.4.2, §3.4.3 without entries it is a single evaluation', async () => {
    const single = { subject: alice, action: read, resource: record };
    expect(await answered(EVALUATIONS, single)).toMatchObject({ decision: true });
    expect(await answered(EVALUATIONS, { ...single, evaluations: [] })).toMatchObject({ decision: true });
  });
});

const SEARCH = '/access/v1/search/';
interface Found {
  readonly page: { readonly next_token: string; readonly count: number };
  readonly results: readonly { readonly type?: string; readonly id?: string; readonly name?: string }[];
}
const search = (kind: string, body: unknown) => answered<Found>(`${SEARCH}${kind}`, body);
const names = async (kind: string, body: unknown) => (await search(kind, body)).results.map(({ id, name }) => id ?? name);

describe('§4 Search', () => {
  const subjects = { subject: { type: 'user' }, action: read, resource: record };
  const resources = { subject: alice, action: read, resource: { type: 'record' } };
  const actions = { subject: alice, resource: record };

  test('§4.2 subjects: context changes nothing, an id of the subject is ignored, properties count', async () => {
    const found = await search('subject', subjects);
    expect(found.results).toEqual(expect.arrayContaining([alice, bob]));
    expect(found.results.every(({ type }) => type === 'user')).toBe(true);
    expect(await search('subject', { ...subjects, context: moment })).toEqual(found);
    expect(await search('subject', { ...subjects, subject: alice })).toEqual(found);
    const writers = { subject: { type: 'user', properties: { role: 'admin' } }, action: write, resource: archived };
    expect(await names('subject', writers)).toContain('bob');
  });

  test('§4.3 resources: context changes nothing, an id of the resource is ignored, properties count', async () => {
    const found = await search('resource', resources);
    expect(found.results).toEqual([record, { type: 'record', id: 'record-2' }]);
    expect(await search('resource', { ...resources, context: moment })).toEqual(found);
    expect(await search('resource', { ...resources, resource: record })).toEqual(found);
    expect(await names('resource', { subject: admin, action: write, resource: { type: 'record' } })).toContain('record-2');
    // what is known of a thing counts where the caller says nothing: record-2 is archived
    expect(await names('resource', { subject: alice, action: write, resource: { type: 'record' } })).toEqual(['record-1']);
  });

  test('§4.4 actions', async () => {
    expect((await search('action', actions)).results).toEqual([{ name: 'read' }, { name: 'write' }]);
    expect(await names('action', { ...actions, context: moment })).toEqual(['read', 'write']);
    expect(await names('action', { subject: admin, resource: archived })).toContain('write');
  });

  test('§4.5 pages', async () => {
    const first = await search('subject', { ...subjects, page: { limit: 1 } });
    expect(first).toMatchObject({ page: { count: 1, next_token: expect.stringMatching(/.+/) }, results: [{ type: 'user' }] });
    const all = [...first.results];
    for (let token = first.page.next_token; token !== ''; ) {
      const next = await search('subject', { ...subjects, page: { token } });
      all.push(...next.results);
      token = next.page.next_token;
    }
    expect(all).toEqual((await search('subject', subjects)).results);
  });

  test('§4.6 what is unknown has no results, at every endpoint', async () => {
    const nobody = { type: 'user', id: 'nonexistent-user' };
    for (const [kind, body] of [
      ['action', { ...actions, subject: nobody }],
      ['resource', { ...resources, subject: nobody }],
      ['subject', { ...subjects, subject: { type: 'spaceship' } }],
      ['resource', { ...resources, resource: { type: 'spaceship' } }],
      ['action', { ...actions, resource: { type: 'spaceship', id: '1' } }],
      ['subject', { ...subjects, resource: { type: 'spaceship', id: '1' } }],
    ] as const)
      expect((await search(kind, body)).results).toEqual([]);
  });

  test.each([
    ['subject', { subject: { type: 'user' }, resource: record }],
    ['resource', { action: read, resource: { type: 'record' } }],
    ['action', { subject: alice }],
    ['subject', { subject: { type: 'user' }, action: read, resource: { type: 'record' } }],
    ['resource', { subject: { type: 'user' }, action: read, resource: { type: 'record' } }],
    ['action', { subject: { type: 'user' }, resource: record }],
  ])('§4.7 %s %j: 400', async (kind, body) => {
    expect((await send(`${SEARCH}${kind}`, body)).status).toBe(400);
  });

  test('§8.2 a page token counts only for its own query, its own limit and its own caller', async () => {
    const { page } = await search('subject', { ...subjects, page: { limit: 1 } });
    const token = page.next_token;
    const statusOf = async (body: object, headers = {}) => (await send(`${SEARCH}subject`, body, headers)).status;
    expect(await statusOf({ ...subjects, page: { token, limit: 1 } })).toBe(200);
    expect(await statusOf({ ...subjects, page: { token, limit: 2 } })).toBe(400);
    expect(await statusOf({ ...subjects, action: write, page: { token } })).toBe(400);
    expect(await statusOf({ ...subjects, context: moment, page: { token } })).toBe(400);
    expect(await statusOf({ ...subjects, page: { token: `${token.slice(0, -2)}xx` } })).toBe(400);
    const other = await server.client('other', { purpose: 'management', is_management: true } as never);
    const headers = { authorization: `Bearer ${await server.accessToken(other, 'access:search')}` };
    expect(await statusOf({ ...subjects, page: { token } }, headers)).toBe(400);
    expect(await search('subject', { ...subjects, page: { limit: 0 } })).toMatchObject({
      results: [],
      page: { count: 0, next_token: expect.any(String) },
    });
  });
});

describe('§6 Discovery', () => {
  test('§6.5 names itself as the address it is found under, and every endpoint', async () => {
    const response = await fetch(`${server.issuer}/.well-known/authzen-configuration`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    const at = (path: string) => `${server.issuer}${path}`;
    expect(await response.json()).toEqual({
      policy_decision_point: server.issuer,
      access_evaluation_endpoint: at(EVALUATION),
      access_evaluations_endpoint: at(EVALUATIONS),
      search_subject_endpoint: at('/access/v1/search/subject'),
      search_resource_endpoint: at('/access/v1/search/resource'),
      search_action_endpoint: at('/access/v1/search/action'),
      supported_obligations: ['step-up', 'custom'],
    });
  });
});
