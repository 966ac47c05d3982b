import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type AuthorizationDetail, covers, coversAll, type DetailType, inherit } from '../../src/authorization-details/index.ts';
import { registryOf } from '../../src/authorization-details/registry.ts';
import { type Act, actsOf, canonical, farthest, permits } from './acts.ts';
import { detailsOf, detailTypes } from './detail-arbitraries.ts';
import { randomType } from './random-types.ts';

/** Compiling costs more than comparing: a few dozen types, others each time, serve all properties. A failure prints its type. */
const registered = fc.constantFrom(...fc.sample(randomType, 40));
const builtIn = fc.constantFrom(...detailTypes.names.flatMap((name) => detailTypes.find(name) ?? []));

interface Case {
  readonly type: DetailType;
  readonly details: readonly AuthorizationDetail[];
  readonly act: Act;
}

/** A type, some of its details, and an act. Half of the time each detail is the one before with one member replaced: then many lie inside. */
function casesOf(types: fc.Arbitrary<DetailType>, count: number): fc.Arbitrary<Case> {
  return types.chain((type) =>
    fc
      .record({
        details: fc.array(detailsOf(type), { minLength: count, maxLength: count }),
        act: actsOf(type.definition.schema),
        turn: fc.option(fc.nat({ max: 9 })),
      })
      .map(({ details, act, turn }) => ({ type, details: turn === null ? details : derivedFrom(type, details, turn), act })),
  );
}

function derivedFrom(type: DetailType, details: readonly AuthorizationDetail[], turn: number): readonly AuthorizationDetail[] {
  const chain: AuthorizationDetail[] = [];
  for (const [index, detail] of details.entries()) {
    const before = chain.at(-1) ?? detail;
    const names = Object.keys(detail);
    const name = names[(turn + index) % names.length] ?? 'type';
    const next = inherit(before, { ...before, [name]: detail[name] ?? null }, type);
    chain.push(type.faultOf(next) === undefined ? next : before);
  }
  return chain;
}

const lies = (type: DetailType, inner: AuthorizationDetail | undefined, outer: AuthorizationDetail | undefined) =>
  inner !== undefined && outer !== undefined && covers(outer, inner, type).covered;
const RUNS = { numRuns: 400 };

describe.each([
  ['types registered as data', registered],
  ['built-in types', builtIn],
])('covers is one partial order (RFC 9396 §7.1), over %s', (_, types) => {
  test('reflexive: a detail lies inside itself', () => {
    fc.assert(fc.property(casesOf(types, 1), ({ type, details: [a] }) => lies(type, a, a)));
  });

  test('transitive: what lies inside what lies inside, lies inside', () => {
    fc.assert(
      fc.property(casesOf(types, 3), ({ type, details: [a, b, c] }) => {
        if (lies(type, b, a) && lies(type, c, b)) expect(lies(type, c, a)).toBe(true);
      }),
      RUNS,
    );
  });

  test('antisymmetric: two that lie inside each other are one detail, spelt in two ways', () => {
    fc.assert(
      fc.property(casesOf(types, 2), ({ type, details: [a = { type: '' }, b = a] }) => {
        const { schema } = type.definition;
        const isSame = lies(type, a, b) && lies(type, b, a);
        expect(isSame).toBe(JSON.stringify(canonical(schema, a)) === JSON.stringify(canonical(schema, b)));
      }),
      RUNS,
    );
  });

  test('true: an act inside a detail is inside every detail that covers it', () => {
    let [covered, inside] = [0, 0];
    fc.assert(
      fc.property(casesOf(types, 2), ({ type, details: [a = { type: '' }, b = a], act }) => {
        const { schema } = type.definition;
        if (!lies(type, b, a)) return;
        covered += 1;
        for (const each of [act, farthest(schema, b)]) {
          if (!permits(schema, b, each)) continue;
          inside += 1;
          expect(permits(schema, a, each)).toBe(true);
        }
      }),
      RUNS,
    );
    // the cases are worth their name
    expect(covered).toBeGreaterThan(20);
    expect(inside).toBeGreaterThan(20);
  });

  test('what a derived detail allows, the granted one and the request both allow', () => {
    fc.assert(
      fc.property(casesOf(types, 2), ({ type, details: [a = { type: '' }, b = a], act }) => {
        const { schema } = type.definition;
        const effective = inherit(a, b, type);
        if (!covers(a, effective, type).covered) return;
        for (const each of [act, farthest(schema, effective)])
          if (permits(schema, effective, each)) expect([permits(schema, a, each), permits(schema, b, each)]).toEqual([true, true]);
      }),
      RUNS,
    );
  });

  test('no chain of narrowings ever grants an act that the root did not', () => {
    fc.assert(
      fc.property(casesOf(types, 6), ({ type, details: [first = { type: '' }, second = first, ...hops], act }) => {
        const root = [first, second];
        let held: readonly AuthorizationDetail[] = root;
        for (const wanted of hops) {
          const result = coversAll(registryOf([type]), held, [wanted]);
          if (result.covered) held = result.details;
        }
        const { schema } = type.definition;
        for (const each of [act, ...held.map((detail) => farthest(schema, detail))])
          if (held.some((detail) => permits(schema, detail, each))) expect(root.some((detail) => permits(schema, detail, each))).toBe(true);
      }),
      RUNS,
    );
  });
});
