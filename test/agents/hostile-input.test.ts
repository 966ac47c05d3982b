import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { encodeCursor } from '../../src/scim/cursor.ts';
import { agentUrn, extensionUrn, openScimRegistry, type ScimRegistry } from './scim-server.ts';

let registry: ScimRegistry;
beforeAll(async () => {
  registry = await openScimRegistry();
  const sizes = { [extensionUrn]: { maxChildren: 3, maxDelegationDepth: 2, validUntil: '2027-01-01T00:00:00Z' } };
  for (const name of ['one', 'two']) await registry.send('POST /Agents', { schemas: [agentUrn, extensionUrn], name, ...sizes });
});
afterAll(() => registry.close());

const bounded = { numRuns: 60 };
const numbers = fc.oneof(
  fc.double(),
  fc.maxSafeInteger(),
  fc.constantFrom(1.5, 1e300, -1e300, 2 ** 31, -(2 ** 31) - 1, 2 ** 63, 5e-324, 0, -0),
);
const times = fc.oneof(
  fc.date({ noInvalidDate: true }).map((at) => at.toISOString()),
  fc.constantFrom('9999-12-31T23:59:59Z', '0000-01-01T00:00:00Z', '-271821-04-20T00:00:00.000Z', '+275760-09-13T00:00:00.000Z'),
);
const texts = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', '\u0000', '\ud800', '%', '_', '\\', "'", '"', 'x'.repeat(900)));
const anything = fc.oneof(numbers, times, texts, fc.boolean(), fc.constant(null), fc.jsonValue({ maxDepth: 2 }));

const isRefusedOrDone = async (target: string, body?: unknown) => {
  const { status } = await registry.send(target, body);
  expect({ target, body, isFault: status >= 500 }).toEqual({ target, body, isFault: false });
};
const listed = (query: Record<string, string>) => isRefusedOrDone(`GET /Agents?${new URLSearchParams(query)}`);

const operators = fc.constantFrom('eq', 'ne', 'gt', 'ge', 'lt', 'le', 'co', 'sw', 'ew');
const paths = fc.constantFrom(
  ...[
    'maxChildren',
    'maxChildDepth',
    'maxDelegationDepth',
    'ttlMinutes',
    'validUntil',
    'lastSeenAt',
    'lastConfirmedAt',
    'status',
    'model.name',
  ].map((name) => `${extensionUrn}:${name}`),
  ...[
    'name',
    'active',
    'owners.value',
    'groups.value',
    'parent.value',
    'meta.created',
    'id',
    'externalId',
    'x509Certificates.value',
    'roles.primary',
  ],
);

test('a filter with any value of JSON is answered', () =>
  fc.assert(
    fc.asyncProperty(paths, operators, anything, (path, operator, value) =>
      listed({ filter: `${path} ${operator} ${JSON.stringify(value)}` }),
    ),
    { ...bounded, examples: [1.5, 2 ** 31].map((value) => [`${extensionUrn}:maxChildren`, 'ge', value] as [string, 'ge', number]) },
  ));

test('a cursor that somebody wrote themselves is answered', () =>
  fc.assert(
    fc.asyncProperty(
      paths,
      fc.constantFrom('ascending', 'descending'),
      fc.array(anything, { maxLength: 3 }),
      async (sortBy, sortOrder, parts) => {
        const query = ['provisioner', 'Agent', null, sortBy, sortOrder];
        for (const position of [parts, [parts[0] ?? 'agt_1', parts[1] ?? 7]])
          await listed({ sortBy, sortOrder, cursor: encodeCursor(JSON.stringify(position), query) });
      },
    ),
    bounded,
  ));

test('agents, changes and bulk operations made of anything are answered', () =>
  fc.assert(
    fc.asyncProperty(paths, anything, fc.constantFrom('add', 'replace', 'remove', 'Add', ''), async (path, value, op) => {
      const name = path.replace(`${extensionUrn}:`, '');
      const agent = { schemas: [agentUrn, extensionUrn], name: 'x', [name]: value, [extensionUrn]: { [name]: value } };
      const patch = { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations: [{ op, path, value }] };
      const { body } = await registry.send('GET /Agents?count=1');
      const id = body.Resources[0]?.id ?? '';
      await isRefusedOrDone('POST /Agents', agent);
      await isRefusedOrDone(`PATCH /Agents/${id}`, patch);
      const operation = { method: 'POST', path: '/Agents', bulkId: 'b', data: agent };
      const odd = { method: value, path: value, bulkId: value, version: value, data: value };
      const bulk = {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
        Operations: [operation, odd, { ...operation, bulkId: 'c', data: value }],
      };
      await isRefusedOrDone('POST /Bulk', bulk);
    }),
    bounded,
  ));
