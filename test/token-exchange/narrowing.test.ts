import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createDetailTypes } from '../../src/authorization-details/index.ts';
import { type NarrowingInput, narrow } from '../../src/token-exchange/narrowing.ts';

const types = createDetailTypes();
const here = 'https://a.example';
const there = 'https://b.example';
const call = (members: object = {}) => ({ type: 'mcp_tool_call', tools: ['pay'], ...members });

type Changes = { [Key in 'parent' | 'requested']?: Partial<NarrowingInput[Key]> } & Partial<
  Pick<NarrowingInput, 'rootGrant' | 'mappings' | 'limits'>
>;

function narrowed({ parent, requested, ...rest }: Changes) {
  const input: NarrowingInput = {
    parent: { resource: here, scopes: ['read', 'write'], details: [], expiresAt: 1300, ...parent },
    rootGrant: [],
    mappings: [],
    requested: { resource: here, scopes: undefined, details: undefined, lifetimeSeconds: 300, ...requested },
    nowSeconds: 1000,
    ...rest,
  };
  return narrow(input, types);
}

const refusedAs = (error: string) => ({ ok: false, refusal: { error } });

describe('R2: scopes are compared as (resource, scope) pairs', () => {
  test('same resource: all of the parent, or a part of it', () => {
    expect(narrowed({})).toEqual({ ok: true, value: { scopes: ['read', 'write'], details: [], lifetimeSeconds: 300 } });
    expect(narrowed({ requested: { scopes: ['read'] } })).toMatchObject({ ok: true, value: { scopes: ['read'] } });
  });

  test('same resource: never more than the parent, whatever the root grant holds', () => {
    const rootGrant = [{ resource: here, scopes: ['read', 'write', 'admin'], details: [] }];
    expect(narrowed({ rootGrant, requested: { scopes: ['admin'] } })).toMatchObject(refusedAs('invalid_scope'));
  });

  test('another resource: what the root grant holds there; the same word here counts for nothing', () => {
    const rootGrant = [{ resource: there, scopes: ['list'], details: [] }];
    expect(narrowed({ rootGrant, requested: { resource: there } })).toMatchObject({ ok: true, value: { scopes: ['list'] } });
    expect(narrowed({ rootGrant, requested: { resource: there, scopes: ['read'] } })).toMatchObject(refusedAs('invalid_scope'));
  });

  test.each([
    ['nothing is held there', []],
    ['the root grant lists it with empty hands', [{ resource: there, scopes: [], details: [] }]],
  ])('another resource: invalid_target when %s', (_, rootGrant) => {
    expect(narrowed({ rootGrant, requested: { resource: there } })).toMatchObject(refusedAs('invalid_target'));
  });

  test('a mapping rule opens another resource to who holds its source, and to nobody else', () => {
    const mappings = [{ from: { resource: here, scope: 'read' }, to: { resource: there, scope: 'list' } }];
    expect(narrowed({ mappings, requested: { resource: there } })).toMatchObject({ ok: true, value: { scopes: ['list'] } });
    expect(narrowed({ mappings, parent: { scopes: ['write'] }, requested: { resource: there } })).toMatchObject(
      refusedAs('invalid_target'),
    );
    expect(narrowed({ mappings, parent: { resource: 'https://c.example' }, requested: { resource: there } })).toMatchObject(
      refusedAs('invalid_target'),
    );
  });

  test('the limits of a delegation record cut what is available', () => {
    const limits = { scopes: ['read'], detailTypes: [] };
    expect(narrowed({ limits })).toMatchObject({ ok: true, value: { scopes: ['read'], details: [] } });
    expect(narrowed({ limits, requested: { scopes: ['write'] } })).toMatchObject(refusedAs('invalid_scope'));
  });

  test('what limits a scope is never left out: a type that is not named comes along, one that the record lacks is refused', () => {
    const api = { type: 'api_call', actions: ['GET', 'POST'] };
    const parent = { details: [call({ arguments: { amount: { max: '100' } } }), api] };
    expect(narrowed({ parent, requested: { details: [{ ...api, actions: ['GET'] }] } })).toMatchObject({
      ok: true,
      value: { details: [{ ...api, actions: ['GET'] }, parent.details[0]] },
    });
    const limits = { scopes: ['read'], detailTypes: ['api_call'] };
    expect(narrowed({ parent, limits })).toMatchObject(refusedAs('actor_unauthorized'));
  });

  test('no chain of exchanges at one resource ever regains a scope', () => {
    const scopes = fc.subarray(['a', 'b', 'c', 'd']);
    fc.assert(
      fc.property(scopes, fc.array(scopes, { maxLength: 5 }), (root, hops) => {
        let held: readonly string[] = root;
        for (const wanted of hops) {
          const result = narrowed({ parent: { scopes: held }, requested: { scopes: wanted } });
          if (!result.ok) continue;
          expect(result.value.scopes.every((scope) => held.includes(scope))).toBe(true);
          held = result.value.scopes;
        }
      }),
    );
  });
});

describe('lifetime', () => {
  test.each([
    [1300, 300, 300],
    [1100, 300, 100],
    [1300, 60, 60],
  ])('parent until %d, own %d s: %d s', (expiresAt, lifetimeSeconds, expected) => {
    expect(narrowed({ parent: { expiresAt }, requested: { lifetimeSeconds } })).toMatchObject({
      ok: true,
      value: { lifetimeSeconds: expected },
    });
  });

  test.each([1000, 999, Number.NaN])('a parent that ended at %d gives nothing', (expiresAt) => {
    expect(narrowed({ parent: { expiresAt } })).toMatchObject(refusedAs('invalid_grant'));
  });
});

describe('details (RFC 9396 §7.1)', () => {
  test('inherited whole, or narrowed with the limits that the request left out', () => {
    const details = [call({ tools: ['pay', 'read'], max_calls: 3 })];
    expect(narrowed({ parent: { details } })).toMatchObject({ ok: true, value: { details } });
    expect(narrowed({ parent: { details }, requested: { details: [call()] } })).toMatchObject({
      ok: true,
      value: { details: [call({ max_calls: 3 })] },
    });
  });

  test('beyond the parent, or from nothing: invalid_authorization_details, naming the place', () => {
    expect(narrowed({ parent: { details: [call()] }, requested: { details: [call({ tools: ['drop'] })] } })).toEqual({
      ok: false,
      refusal: { error: 'invalid_authorization_details', description: 'authorization_details/0/tools/0 was not granted' },
    });
    expect(narrowed({ requested: { details: [call()] } })).toMatchObject(refusedAs('invalid_authorization_details'));
  });

  test('another resource: those of the root grant there, not those of the parent', () => {
    const rootGrant = [{ resource: there, scopes: ['list'], details: [call({ max_calls: 2 })] }];
    expect(narrowed({ rootGrant, parent: { details: [call()] }, requested: { resource: there } })).toMatchObject({
      ok: true,
      value: { details: [call({ max_calls: 2 })] },
    });
  });

  test('R2: locations lie inside the audience', () => {
    const outside = [call({ locations: [there] })];
    expect(narrowed({ parent: { details: [call()] }, requested: { details: outside } })).toMatchObject(
      refusedAs('invalid_authorization_details'),
    );
    expect(narrowed({ parent: { details: [call()] }, requested: { details: [call({ locations: [`${here}/mcp`] })] } })).toMatchObject({
      ok: true,
    });
  });
});
