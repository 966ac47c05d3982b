/** AuthZEN Authorization API 1.0, certification scenario of the OpenID working group: the sections are those of its document. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Ask } from '../../src/policy/index.ts';
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

/** §1.4: the policy that the scenario asks for. */
const fixture: Ask = ({ subject, action, resource }) => {
  const isAdmin = subject.properties?.['role'] === 'admin';
  const isArchived = resource.properties?.['status'] === 'archived';
  const allowed: Readonly<Record<string, boolean>> = {
    read: true,
    write: isAdmin || (subject.id === 'alice' && !isArchived),
    delete: subject.id === 'alice' && action.properties?.['soft'] === true,
  };
  const effect = resource.type === 'record' && allowed[action.name] === true ? 'permit' : 'deny';
  return { effect, rule: 'fixture', reason: 'The fixture says so.', remedy: 'Ask for something else.', policyVersion: 'fixture' };
};

let server: AccessServer;
let authorization: string;

beforeAll(async () => {
  server = await createAccessServer();
  server.app.parts.policies.ask = fixture;
  const own = await server.resource('https://records.example');
  const text = `UPDATE accounts SET id = $1 WHERE id = $2`;
  for (const id of [alice.id, bob.id]) {
    const { id: given } = await server.app.parts.accounts.create(
      { email: `${id}@example.com`, name: id, role: 'user' },
      { kind: 'system', id: 'setup' },
    );
    await server.db.rows({ name: 'rename', text, values: [id, given] });
  }
  authorization = `Bearer ${await server.accessToken(own)}`;
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
