import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { userExtensionUrn } from '../../src/accounts/scim/user-definition.ts';
import { encodeCursor } from '../../src/scim/cursor.ts';
import { type ScimClient, scimClient } from '../support/scim-client.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const userUrn = 'urn:ietf:params:scim:schemas:core:2.0:User';
const groupUrn = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const enterpriseUrn = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const bounded = { numRuns: 60 };

let server: TestServer;
let okta: ScimClient;
const ids = { Users: '', Groups: '' };
beforeAll(async () => {
  server = await createTestServer();
  okta = await scimClient(server, 'governance');
  const person = await okta.send('POST /Users', { schemas: [userUrn], userName: 'jana@acme.test', externalId: 'x' });
  const group = await okta.send('POST /Groups', { schemas: [groupUrn], displayName: 'Group', members: [{ value: person.body.id }] });
  Object.assign(ids, { Users: person.body.id, Groups: group.body.id });
});
afterAll(() => server.close());

const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    '\u0000',
    '\ud800',
    '%',
    "'",
    'x'.repeat(900),
    'a@b',
    'usr_1',
    'agt_1',
    '9999-12-31T23:59:59Z',
    '+275760-09-13T00:00:00Z',
  ),
);
const anything = fc.oneof(texts, fc.double(), fc.boolean(), fc.constant(null), fc.jsonValue({ maxDepth: 3 }));
const places = fc.constantFrom(
  ...([
    'userName',
    'displayName',
    'name.familyName',
    'emails',
    'emails.primary',
    'emails[type eq "work"].value',
    'active',
    'externalId',
    'title',
    'addresses.primary',
  ] as const),
  ...[
    'groups.value',
    'roles.value',
    'members',
    'members.value',
    'members[value eq "x"]',
    'meta.created',
    'id',
    'x509Certificates.value',
    'photos',
  ],
  ...[
    `${userExtensionUrn}:successor`,
    `${userExtensionUrn}:successor.value`,
    `${userExtensionUrn}:lastSeenAt`,
    `${enterpriseUrn}:manager.value`,
  ],
);
const types = fc.constantFrom('Users' as const, 'Groups' as const);

const isNoFault = (status: unknown, sent: unknown) => expect([Number(status) < 500, sent]).toEqual([true, sent]);
const isAnswered = async (target: string, body?: unknown) => {
  const answer = await okta.send(target, body);
  isNoFault(answer.status, { target, body });
  for (const each of (answer.body['Operations'] ?? []) as { status: string }[]) isNoFault(each.status, { target, body });
};

test('filters, sorts and cursors made of anything are answered', () =>
  fc.assert(
    fc.asyncProperty(types, places, fc.constantFrom('eq', 'ne', 'gt', 'sw', 'co'), anything, async (type, path, operator, value) => {
      const filter = `${path.replace(/\[.*\]/, '')} ${operator} ${JSON.stringify(value)}`;
      await isAnswered(`GET /${type}?${new URLSearchParams({ filter })}`);
      const query = [JSON.stringify([okta.clientId, null]), type.slice(0, -1), null, path, null];
      const cursor = encodeCursor(JSON.stringify(['usr_1', value]), query);
      await isAnswered(`GET /${type}?${new URLSearchParams({ sortBy: path, cursor })}`);
      await isAnswered(`GET /${type}?${new URLSearchParams({ cursor: encodeCursor(JSON.stringify([value]), query.with(3, null)) })}`);
    }),
    bounded,
  ));

test('people and groups made of anything are taken or refused, one by one and in bulk', () =>
  fc.assert(
    fc.asyncProperty(types, places, anything, fc.constantFrom('add', 'replace', 'remove'), async (type, path, value, op) => {
      const name = path.replace(/[.[].*$/, '');
      const whole = { schemas: [type === 'Users' ? userUrn : groupUrn], userName: 'jana@acme.test', displayName: 'Group', [name]: value };
      const patch = { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations: [{ op, path, value }] };
      await isAnswered(`POST /${type}`, type === 'Users' ? whole : { ...whole, userName: undefined });
      await isAnswered(`PATCH /${type}/${ids[type]}`, patch);
      const operations = [
        { method: 'POST', path: `/${type}`, bulkId: 'one', data: whole },
        { method: 'PATCH', path: `/${type}/${String(value)}`, data: patch },
        { method: 'DELETE', path: `/${type}/bulkId:${String(value)}` },
        { method: 'PUT', path: `/${type}/${ids[type]}`, version: value, data: value },
      ];
      await isAnswered('POST /Bulk', { schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'], Operations: operations });
    }),
    { ...bounded, examples: [['Users', 'title', '\ud800', 'add'] as ['Users', 'title', string, 'add']] },
  ));
