import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { agentDefinition, extensionUrn } from '../../src/agents/scim-extension.ts';
import type { ScimAttribute } from '../../src/scim/index.ts';
import { commonAttributes } from '../../src/scim/schema.ts';
import { patchSchema } from '../conformance/scim-client.ts';
import { valueFor, wrongValues } from '../conformance/scim-values.ts';
import { openPopulatedRegistry, type PopulatedRegistry } from './populated-registry.ts';
import { agentUrn } from './scim-server.ts';

let registry: PopulatedRegistry;

beforeAll(async () => {
  registry = await openPopulatedRegistry(0);
});

afterAll(() => registry.close());

type Values = Readonly<Record<string, unknown>>;
interface Place {
  readonly path: string;
  readonly attribute: ScimAttribute;
}
const [behalf] = agentDefinition.extensions;
const places: readonly Place[] = [
  ...agentDefinition.schema.attributes.map((attribute) => ({ path: attribute.name, attribute })),
  ...(behalf?.attributes ?? []).map((attribute) => ({ path: `${extensionUrn}:${attribute.name}`, attribute })),
];

const isOfType: Readonly<Record<ScimAttribute['type'], (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  reference: (value) => typeof value === 'string' && value !== '',
  binary: (value) => typeof value === 'string' && /^[A-Za-z0-9+/_-]*={0,2}$/.test(value),
  boolean: (value) => typeof value === 'boolean',
  integer: Number.isInteger,
  decimal: (value) => typeof value === 'number',
  dateTime: (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
  complex: (value) => typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0,
};

function faultsOfOne(attribute: ScimAttribute, value: unknown, path: string): readonly string[] {
  if (!isOfType[attribute.type](value)) return [`${path} is no ${attribute.type}: ${JSON.stringify(value)}`];
  if (attribute.canonicalValues?.includes(String(value)) === false) return [`${path} is none of the list`];
  return attribute.type === 'complex' ? faultsIn(attribute.subAttributes ?? [], value as Values, `${path}.`) : [];
}

/** What RFC 7643 §7 would find wrong with values that are shown: written apart from the validation of the server. */
function faultsIn(attributes: readonly ScimAttribute[], values: Values, prefix = ''): readonly string[] {
  const missing = attributes
    .filter(({ name, required }) => required && values[name] === undefined)
    .map(({ name }) => `${prefix}${name} is missing`);
  const wrong = Object.entries(values).flatMap(([name, value]) => {
    const attribute = attributes.find((each) => each.name === name);
    const path = `${prefix}${name}`;
    if (attribute === undefined || attribute.returned === 'never') return [`${path} is not in the schema`];
    if (!attribute.multiValued) return faultsOfOne(attribute, value, path);
    if (!Array.isArray(value) || value.length === 0) return [`${path} is no list of values`];
    const primaries = value.filter((each) => Object(each).primary === true).length;
    return [
      ...value.flatMap((each) => faultsOfOne(attribute, each, path)),
      ...(primaries > 1 ? [`${path} has ${primaries} primary values`] : []),
    ];
  });
  return [...missing, ...wrong];
}

function faultsOf({ schemas, [extensionUrn]: extension, ...rest }: Values): readonly string[] {
  const core = [...commonAttributes, ...agentDefinition.schema.attributes];
  const urns = [agentUrn, ...(extension === undefined ? [] : [extensionUrn])];
  const listed = JSON.stringify(schemas) === JSON.stringify(urns) ? [] : [`schemas is ${JSON.stringify(schemas)}`];
  return [...listed, ...faultsIn(core, rest), ...faultsIn(behalf?.attributes ?? [], (extension ?? {}) as Values, `${extensionUrn}:`)];
}

/** Mostly valid values: sequences of refusals would show little. */
function valueAt({ path, attribute }: Place): fc.Arbitrary<unknown> {
  const valid = fc.nat({ max: 5 }).map((turn) => valueFor('Agent', path, { attribute, turn, real: registry.real }));
  const wrong = fc.constantFrom(...wrongValues(attribute), null, '', []);
  return fc.oneof(
    { weight: 8, arbitrary: valid },
    { weight: 1, arbitrary: wrong },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
  );
}

const first = (value: unknown): unknown => (Array.isArray(value) ? value[0] : value);
const ops = fc.constantFrom('add', 'replace', 'Replace', 'remove');

/** Every form of a path: whole, a part, chosen values, a part of chosen values, and none. */
function operationAt(place: Place): fc.Arbitrary<Values> {
  const { path, attribute } = place;
  const whole = fc.record({ op: ops, path: fc.constant(path), value: valueAt(place) });
  const bare = fc.record({ op: fc.constantFrom('add', 'replace'), value: valueAt(place).map((value) => ({ [path]: value })) });
  const parts = attribute.subAttributes ?? [];
  if (parts.length === 0) return fc.oneof({ weight: 4, arbitrary: whole }, bare);
  const part = fc.tuple(fc.constantFrom(...parts), valueAt(place), ops).map(([{ name }, value, op]) => {
    return { op, path: `${path}.${name}`, value: Object(first(value))[name] ?? 'x' };
  });
  if (!attribute.multiValued) return fc.oneof({ weight: 2, arbitrary: whole }, { weight: 2, arbitrary: part }, bare);
  const chosen = fc.tuple(fc.constantFrom(...parts), valueAt(place), ops).map(([{ name, type }, value, op]) => {
    const filter = type === 'boolean' ? `${name} eq true` : `${name} pr`;
    return { op, path: `${path}[${filter}]`, value: first(value) };
  });
  const inside = fc.tuple(chosen, fc.constantFrom(...parts)).map(([operation, { name }]) => {
    return { ...operation, path: `${operation.path}.${name}`, value: Object(operation.value)[name] ?? true };
  });
  return fc.oneof({ weight: 3, arbitrary: whole }, part, chosen, inside, bare);
}

describe('RFC 7644 §3.5.2: sequences of PATCH on an agent', () => {
  test('each is taken whole or refused whole, and what is left is valid by its own schema and may be sent back', async () => {
    const taken = { 200: 0, 400: 0, 409: 0 };
    const operation = fc.constantFrom(...places).chain(operationAt);
    const sequence = fc.array(fc.array(operation, { minLength: 1, maxLength: 3 }), { minLength: 4, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(sequence, async (requests) => {
        const owners = [{ value: registry.real.people[0] }];
        const made = await registry.send('POST /Agents', { schemas: [agentUrn], displayName: 'Patched', owners });
        const place = `/Agents/${made.body.id}`;
        let before: Values = made.body;
        for (const Operations of requests) {
          const { status, body } = await registry.send(`PATCH ${place}`, { schemas: [patchSchema], Operations });
          expect([Operations, status, body, Object.keys(taken)]).toEqual([
            Operations,
            status,
            body,
            expect.arrayContaining([String(status)]),
          ]);
          taken[status as keyof typeof taken] += 1;
          const { body: after } = await registry.send(`GET ${place}`);
          expect({ Operations, after: status === 200 ? body : before }).toEqual({ Operations, after });
          expect({ Operations, faults: faultsOf(after) }).toEqual({ Operations, faults: [] });
          const again = await registry.send(`PUT ${place}`, after);
          expect({ Operations, again: [again.status, again.body] }).toEqual({ Operations, again: [200, after] });
          before = after;
        }
      }),
      { numRuns: 40 },
    );
    expect(taken[200]).toBeGreaterThan(40);
    expect(taken[400]).toBeGreaterThan(20);
  }, 120_000);
});
