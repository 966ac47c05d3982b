/**
 * What the server says of itself in /ResourceTypes and /Schemas, done: every attribute of every type is created, read, replaced,
 * patched, selected, filtered by and deleted, with values made from its own description (RFC 7643 §7, RFC 7644 §3).
 */
import { afterAll, describe, expect, test } from '@jest/globals';
import { expectRefusal, openScimServer, type ScimAnswer } from './scim-client.ts';
import { asArray, expectShown, expectUnassigned, holds, type Leaf, leavesOf, type Subject, subjectsOf } from './scim-subject.ts';
import { filterability, mayBeUnseen, takesOneValue, writableParts, wrongValues } from './scim-values.ts';

const server = await openScimServer();
const { send } = server;
const subjects = subjectsOf(server);
const titled = (chosen: readonly Subject[]) => chosen.map((subject) => [`${subject.type.name} ${subject.path}`, subject] as const);
const having = (...kinds: readonly Subject['attribute']['mutability'][]) =>
  titled(subjects.filter(({ attribute }) => kinds.includes(attribute.mutability)));
const shownOnes = titled(subjects.filter(({ attribute }) => attribute.returned !== 'never'));

afterAll(() => server.close());

type Values = Readonly<Record<string, unknown>>;
const partOf = (value: unknown, name: string) => (Object(value) as Values)[name];

async function expectEnd(at: string): Promise<void> {
  expect((await send(`DELETE ${at}`)).status).toBe(204);
  expectRefusal(await send(`GET ${at}`), 404);
  expectRefusal(await send(`DELETE ${at}`), 404);
}

/** Without a value: null, an empty list and leaving it out are the same (RFC 7643 §2.5). */
async function replaceByNothing(subject: Subject, at: string): Promise<void> {
  const { attribute, body } = subject;
  for (const nothing of [undefined, null, ...(attribute.multiValued ? [[]] : [])]) {
    const answer = await send(`PUT ${at}`, body(nothing));
    if (attribute.required) expectRefusal(answer, 400, 'invalidValue');
    else expectUnassigned(subject, answer);
  }
}

async function patchWhole(subject: Subject, at: string): Promise<void> {
  const { attribute, path, value, patch } = subject;
  const [first, second] = [value(2), value(3)];
  expectShown(subject, await patch(at, { op: 'replace', value: { [path]: first } }), first);
  expectShown(subject, await patch(at, { op: 'replace', path, value: second }), second);
  const isAdded = attribute.multiValued && !takesOneValue(subject.type.name, path);
  const both = isAdded ? [...asArray(second), ...asArray(first)] : first;
  const added = await patch(at, { op: isAdded ? 'add' : 'replace', path: path.toUpperCase(), value: first });
  expectShown(subject, added, both);
  const again = await patch(at, { op: 'Add', path, value: first });
  expect([again.status, again.body.meta.version]).toEqual([200, added.body.meta.version]);
  const removed = await patch(at, { op: 'remove', path });
  if (attribute.required) expectRefusal(removed, 400, 'mutability');
  else expectUnassigned(subject, removed);
}

/** `attr.sub` of a complex attribute with one value. */
async function patchParts(subject: Subject, at: string): Promise<void> {
  const { attribute, path, value, patch } = subject;
  for (const { name, required } of writableParts(attribute)) {
    const [before, next] = [value(0), partOf(value(1), name)];
    if (next === undefined) continue;
    expectShown(subject, await patch(at, { op: 'replace', path, value: before }), before);
    const changed = await patch(at, { op: 'replace', path: `${path}.${name}`, value: next });
    expectShown(subject, changed, { ...(before as Values), [name]: next });
    const removed = await patch(at, { op: 'remove', path: `${path}.${name}` });
    if (required) expectRefusal(removed, 400, 'mutability');
    else expect([removed.status, partOf(subject.in(removed.body), name)]).toEqual([200, undefined]);
  }
}

/** `attr[sub eq "x"]` and `attr[sub eq "x"].other` of a complex attribute with several values (RFC 7644 §3.5.2, figure 7). */
async function patchValues(subject: Subject, at: string): Promise<void> {
  const { type, attribute, path, value, patch } = subject;
  const texts = writableParts(attribute).filter(({ type: kind, multiValued }) => kind !== 'boolean' && kind !== 'complex' && !multiValued);
  const key = texts.find(({ name }) => name === 'value') ?? texts[0];
  const other = texts.find((part) => part !== key && part.mutability === 'readWrite');
  if (key === undefined) return;
  const [one, two, three] = [0, 1, 2].map((turn) => asArray(value(turn))[0] as Values);
  const all = takesOneValue(type.name, path) ? [one] : [one, two];
  const chosen = (element: Values | undefined) => `${path}[${key.name} eq ${JSON.stringify(element?.[key.name])}]`;
  expectShown(subject, await patch(at, { op: 'replace', path, value: all }), all);
  expectRefusal(await patch(at, { op: 'remove', path: `${path}[${key.name} eq "nobody"]` }), 400, 'noTarget');
  const next = other && three?.[other.name];
  if (other !== undefined && next !== undefined) {
    const changed = await patch(at, { op: 'replace', path: `${chosen(one)}.${other.name}`, value: next });
    expectShown(subject, changed, [{ ...one, [other.name]: next }, ...all.slice(1)]);
  }
  const rest = await patch(at, { op: 'remove', path: chosen(one) });
  if (all.length > 1) expectShown(subject, rest, [two]);
  else expectUnassigned(subject, rest);
  // Entra names the values to remove beside the path.
  await patch(at, { op: 'replace', path, value: all });
  const named = await patch(at, { op: 'Remove', path, value: [{ [key.name]: one?.[key.name] }] });
  if (all.length > 1) expectShown(subject, named, [two]);
  else expectUnassigned(subject, named);
}

describe('create, get, put, patch, delete', () => {
  test.each(having('readWrite'))('%s: create, get, put, patch, delete', async (_, subject) => {
    const { attribute, value, body } = subject;
    const [first, second] = [value(0), value(1)];
    const { answer, at } = await subject.create(first);
    expectShown(subject, answer, first, 201);
    expect(answer.headers.get('location')).toBe(`${server.issuer}/scim/v2${at}`);
    expect((await send(`GET ${at}`)).body).toEqual(answer.body);
    expectShown(subject, await send(`PUT ${at}`, body(second)), second);
    expectShown(subject, await send(`GET ${at}`), second);
    await replaceByNothing(subject, at);
    await patchWhole(subject, at);
    if (attribute.type === 'complex') await (attribute.multiValued ? patchValues : patchParts)(subject, at);
    await expectEnd(at);
  });

  test.each(having('readOnly'))('%s: what a client sends is ignored, and a PATCH of it refused', async (_, subject) => {
    const sent = subject.value(0);
    const { answer, at } = await subject.create(sent);
    expect(answer.status).toBe(201);
    const replaced = await send(`PUT ${at}`, subject.body(sent));
    expect(replaced.status).toBe(200);
    for (const { body } of [answer, replaced, await send(`GET ${at}`)]) expect(subject.in(body)).not.toEqual(sent);
    for (const op of ['add', 'replace', 'remove'])
      expectRefusal(await subject.patch(at, { op, path: subject.path, value: sent }), 400, 'mutability');
    await expectEnd(at);
  });

  const immutable = having('immutable');
  if (immutable.length > 0)
    test.each(immutable)('%s: is set once', async (_, subject) => {
      const [first, second] = [subject.value(0), subject.value(1)];
      const { answer, at } = await subject.create(first);
      expectShown(subject, answer, first, 201);
      expectRefusal(await send(`PUT ${at}`, subject.body(second)), 400, 'mutability');
      expectRefusal(await subject.patch(at, { op: 'replace', path: subject.path, value: second }), 400, 'mutability');
      expectShown(subject, await send(`GET ${at}`), first);
      await expectEnd(at);
    });

  test.each(having('writeOnly'))('%s: is taken, and never comes back', async (_, subject) => {
    const { path, type } = subject;
    const sent = subject.value(0);
    const { answer, at } = await subject.create(sent);
    const patched = await subject.patch(at, { op: 'replace', path, value: subject.value(1) });
    const replaced = await send(`PUT ${at}`, subject.body(subject.value(2)));
    const selected = await send(`GET ${at}?attributes=${encodeURIComponent(path)}`);
    expect([answer, patched, replaced, selected].map(({ status }) => status)).toEqual([201, 200, 200, 200]);
    for (const { body } of [answer, patched, replaced, selected]) expect(subject.in(body)).toBeUndefined();
    for (const filter of [`${path} pr`, `${path} eq ${JSON.stringify(sent)}`])
      expectRefusal(await send(`GET ${type.endpoint}?filter=${encodeURIComponent(filter)}`), 400, 'invalidFilter');
    await expectEnd(at);
  });
});

describe('what is not valid', () => {
  test.each(having('readWrite', 'writeOnly', 'immutable'))(
    '%s: a value of the wrong type is refused, and nothing changes',
    async (_, subject) => {
      const { path, attribute, type, body } = subject;
      const { answer, at } = await subject.create(subject.value(0));
      for (const wrong of wrongValues(attribute)) {
        expectRefusal(await send(`POST ${type.endpoint}`, body(wrong)), 400, 'invalidValue', 'invalidSyntax');
        expectRefusal(await send(`PUT ${at}`, body(wrong)), 400, 'invalidValue', 'invalidSyntax', 'mutability');
        // A PATCH takes one value of a list by itself.
        if (attribute.multiValued && !Array.isArray(wrong)) continue;
        const patched = await subject.patch(at, { op: 'replace', path, value: wrong });
        expectRefusal(patched, 400, 'invalidValue', 'invalidSyntax', 'invalidPath', 'mutability');
      }
      expect((await send(`GET ${at}`)).body).toEqual(answer.body);
      await expectEnd(at);
    },
  );

  const unique = subjects.filter(({ attribute: { uniqueness, mutability } }) => uniqueness !== 'none' && mutability !== 'readOnly');
  test.each(titled(unique))('%s: is unique', async (_, subject) => {
    const { attribute, path, type, body } = subject;
    const taken = subject.value(0);
    const { at } = await subject.create(taken);
    for (const value of attribute.caseExact ? [taken] : [taken, String(taken).toUpperCase()])
      expectRefusal(await send(`POST ${type.endpoint}`, body(value)), 409, 'uniqueness');
    const other = await subject.create(subject.value(1));
    expectRefusal(await subject.patch(other.at, { op: 'replace', path, value: taken }), 409, 'uniqueness');
    expectRefusal(await send(`PUT ${other.at}`, body(taken)), 409, 'uniqueness');
    await expectEnd(at);
    expect((await subject.patch(other.at, { op: 'replace', path, value: taken })).status).toBe(200);
    await expectEnd(other.at);
  });

  const required = subjects.filter(({ attribute }) => attribute.required && attribute.mutability !== 'readOnly');
  test.each(titled(required))('%s: is required', async (_, { type, body }) => {
    for (const nothing of [undefined, null]) expectRefusal(await send(`POST ${type.endpoint}`, body(nothing)), 400, 'invalidValue');
  });

  const closed = subjects.filter(({ attribute }) => attribute.canonicalValues !== undefined && attribute.mutability === 'readWrite');
  test.each(titled(closed))('%s: one of its canonical values in any case is that value', async (_, subject) => {
    const wanted = subject.value(0);
    const { answer, at } = await subject.create(String(wanted).toUpperCase());
    expectShown(subject, answer, wanted, 201);
    await expectEnd(at);
  });
});

/** Some resource that has a value: of a readOnly attribute only the server knows how it comes. */
async function anyWith(subject: Subject): Promise<ScimAnswer['body'] | undefined> {
  if (subject.attribute.mutability !== 'readOnly') return (await subject.create(subject.value(0))).answer.body;
  const { Resources } = (await send(`GET ${subject.type.endpoint}?count=200`)).body;
  return Resources.find((resource) => subject.in(resource) !== undefined) as ScimAnswer['body'] | undefined;
}

async function expectFiltered({ type, path }: Subject, id: string, leaf: Leaf): Promise<void> {
  const literal = JSON.stringify(leaf.value);
  const find = (filter: string) => send(`GET ${type.endpoint}?filter=${encodeURIComponent(`id eq "${id}" and ${filter}`)}`);
  const name = leaf.path.slice(path.length + 1);
  const isText = leaf.definition.type === 'string' || leaf.definition.type === 'reference';
  const found = [
    `${leaf.path} eq ${literal}`,
    `${leaf.path} pr`,
    ...(name === '' || leaf.isSingle ? [] : [`${path}[${name} eq ${literal}]`]),
    ...(isText ? [`${leaf.path} sw ${JSON.stringify(String(leaf.value).slice(0, 3))}`, `${leaf.path} le ${literal}`] : []),
  ];
  const hidden = [`not (${leaf.path} pr)`, ...(leaf.isSingle ? [`${leaf.path} ne ${literal}`] : [])];
  const expected = filterability(type.name, leaf.path);
  for (const [filters, total] of [[found, 1] as const, [hidden, 0] as const]) {
    for (const filter of filters) {
      const answer = await find(filter);
      if (expected === 'no' || (expected === 'unknown' && answer.status === 400)) expectRefusal(answer, 400, 'invalidFilter');
      else expect([filter, answer.status, answer.body.totalResults]).toEqual([filter, 200, total]);
    }
  }
  if (leaf.isSingle && expected === 'yes') {
    const sorted = await send(`GET ${type.endpoint}?count=1&sortOrder=descending&sortBy=${encodeURIComponent(leaf.path)}`);
    expect([leaf.path, sorted.status]).toEqual([leaf.path, 200]);
  }
}

describe('attributes, excludedAttributes, filters', () => {
  test.each(shownOnes)('%s: attributes, excludedAttributes, filters', async (_, subject) => {
    const { path, type, attribute } = subject;
    const resource = await anyWith(subject);
    const query = `${type.endpoint}${resource === undefined ? '?count=1' : `/${resource.id}`}`;
    if (resource === undefined) {
      expect([path, mayBeUnseen(type.name, path)]).toEqual([path, true]);
      const answer = await send(`GET ${query}&attributes=${encodeURIComponent(path)}`);
      expect([answer.status, answer.body.Resources.some((each) => subject.in(each) !== undefined)]).toEqual([200, false]);
      return;
    }
    const shown = subject.in(resource);
    const only = await send(`GET ${query}?attributes=${encodeURIComponent(path)}`);
    expect(holds(attribute, subject.in(only.body), shown)).toBe(true);
    const members = Object.keys(only.body).filter((name) => !['schemas', 'id'].includes(name));
    const others = subjects.filter((each) => each.type === type && each.attribute.returned === 'always').map((each) => each.attribute.name);
    expect(members.filter((name) => !others.includes(name))).toEqual(others.includes(path) ? [] : [path.replace(/:[^:]+$/, '')]);
    const except = await send(`GET ${query}?excludedAttributes=${encodeURIComponent(path)}`);
    if (attribute.returned === 'default') expect(subject.in(except.body)).toBeUndefined();
    expect([except.status, except.body.id]).toEqual([200, resource.id]);
    for (const leaf of leavesOf(subject, shown)) await expectFiltered(subject, resource.id, leaf);
    if (attribute.mutability !== 'readOnly') await expectEnd(`${type.endpoint}/${resource.id}`);
  });
});

describe('each resource type', () => {
  const firsts = server.types.map((type) => subjects.find((subject) => subject.type === type) as Subject);

  test.each(titled(firsts))('%s: §3.14 versions', async (_, subject) => {
    const { answer, at } = await subject.create(subject.value(0));
    const { version } = answer.body.meta;
    expect(answer.headers.get('etag')).toBe(version);
    const unchanged = await send(`GET ${at}`, undefined, { 'if-none-match': version });
    expect([unchanged.status, unchanged.headers.get('etag'), unchanged.body]).toEqual([304, version, {}]);
    const change = { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations: [{ op: 'remove', path: subject.path }] };
    const current = await send(`PATCH ${at}`, change, { 'if-match': version });
    expect([current.status, current.body.meta.version === version]).toEqual([200, false]);
    expect((await send(`GET ${at}`, undefined, { 'if-none-match': version })).status).toBe(200);
    const stale = { 'if-match': version };
    expectRefusal(await send(`PUT ${at}`, subject.body(subject.value(1)), stale), 412);
    expectRefusal(await send(`PATCH ${at}`, change, stale), 412);
    expectRefusal(await send(`DELETE ${at}`, undefined, stale), 412);
    expect((await send(`GET ${at}`)).body).toEqual(current.body);
    expect((await send(`DELETE ${at}`, undefined, { 'if-match': current.body.meta.version })).status).toBe(204);
    expectRefusal(await send(`PUT ${at}`, subject.body(undefined)), 404);
    expectRefusal(await send(`PATCH ${at}`, change), 404);
  });

  test.each(titled(firsts))('%s: an attribute that no schema has is refused', async (_, subject) => {
    const { type, body, value } = subject;
    const { answer, at } = await subject.create(value(0));
    const unknown = { ...body(value(1)), noSuchAttribute: 1 };
    expectRefusal(await send(`POST ${type.endpoint}`, unknown), 400, 'invalidSyntax');
    expectRefusal(await send(`PUT ${at}`, unknown), 400, 'invalidSyntax');
    expectRefusal(await subject.patch(at, { op: 'add', path: 'noSuchAttribute', value: 1 }), 400, 'invalidPath');
    expectRefusal(await subject.patch(at, { op: 'add', value: { noSuchAttribute: 1 } }), 400, 'invalidPath', 'invalidSyntax');
    expectRefusal(await send(`GET ${type.endpoint}?filter=noSuchAttribute%20pr`), 400, 'invalidFilter');
    expectRefusal(await send(`POST ${type.endpoint}`, { ...body(value(2)), schemas: ['urn:example:other'] }), 400, 'invalidValue');
    expect((await send(`GET ${at}`)).body).toEqual(answer.body);
    await expectEnd(at);
  });
});
