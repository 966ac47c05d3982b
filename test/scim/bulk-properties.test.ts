import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { failureOf } from '../../src/platform/http/failure.ts';
import { inDependencyOrder } from '../../src/scim/bulk/references.ts';
import { runBulk } from '../../src/scim/bulk/service.ts';
import { createLamps, lampSchema } from './lamps.ts';
import { baseUrl } from './server.ts';

const requestSchema = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';
const NAMES = 8;

/** A creation that may refer to any other one, itself among them, and what is done to what it creates. */
const lampPlan = fc.record({
  references: fc.array(fc.nat({ max: NAMES + 1 }), { maxLength: 3 }),
  isValid: fc.boolean(),
  next: fc.constantFrom('nothing', 'patch', 'delete'),
});
type LampPlan = typeof lampPlan extends fc.Arbitrary<infer Plan> ? Plan : never;

function operationsOf(plans: readonly LampPlan[]): object[] {
  return plans.flatMap(({ references, isValid, next }, at) => {
    const data = {
      schemas: [lampSchema],
      ...(isValid || at % 2 === 0 ? { name: `lamp ${at}` } : {}),
      tags: [...new Set(references.map((to) => `bulkId:b${to}`))],
    };
    const made = { method: 'POST', path: '/Lamps', bulkId: `b${at}`, data };
    const path = `/Lamps/bulkId:b${at}`;
    if (next === 'patch') return [made, { method: 'PATCH', path, bulkId: `then${at}`, data: [{ op: 'add', path: 'watts', value: at }] }];
    return next === 'delete' ? [made, { method: 'DELETE', path, bulkId: `then${at}` }] : [made];
  });
}

/** What a bulk request leaves behind, with names in place of ids: those depend on the order. */
async function effectOf(operations: readonly object[]): Promise<object> {
  const lamps = createLamps();
  const work = {
    resourceTypes: [lamps],
    baseUrl,
    caller: 'ada',
    failureOf: (error: unknown) => failureOf(error, 'req'),
    isOver: () => false,
  };
  const answer = await runBulk({ schemas: [requestSchema], Operations: operations }, work);
  const { resources } = await lamps.list({ page: { by: 'index', startIndex: 1, count: 200 } }, 'ada');
  const answers = answer['Operations'] as { bulkId: string; status: string; location?: string; response?: { detail: string } }[];
  const nameOf = new Map(answers.map(({ bulkId, location }) => [location?.split('/').at(-1), bulkId] as const));
  const left = resources.map(({ id, name, watts, tags }) => {
    const refersTo = ((tags ?? []) as readonly string[]).map((tag) => nameOf.get(tag));
    return [nameOf.get(id)?.replace('then', 'b'), { name, watts, refersTo: refersTo.map((each) => each?.replace('then', 'b')) }] as const;
  });
  return {
    left: Object.fromEntries(left),
    answers: Object.fromEntries(answers.map(({ bulkId, status, response }) => [bulkId, [status, response?.detail]])),
  };
}

const shuffled = (operations: readonly object[]) => fc.shuffledSubarray([...operations], { minLength: operations.length });
const request = fc.array(lampPlan, { minLength: 1, maxLength: NAMES }).map(operationsOf);

describe('RFC 7644 §3.7 bulk', () => {
  test('what depends on nothing else may be sent in any order', async () => {
    const statuses = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        request.chain((operations) => fc.tuple(fc.constant(operations), shuffled(operations))),
        async ([operations, other]) => {
          const effect = await effectOf(operations);
          expect(await effectOf(other)).toEqual(effect);
          for (const [status] of Object.values((effect as { answers: Record<string, [string]> }).answers)) statuses.add(status);
        },
      ),
      { numRuns: 1000 },
    );
    expect([...statuses].sort()).toEqual(['200', '201', '204', '400', '409']);
  });

  test('the order puts what is needed first, and finds exactly those that need themselves', () => {
    const graph = fc.array(fc.array(fc.nat({ max: 11 }), { maxLength: 3 }), { maxLength: 12 });
    fc.assert(
      fc.property(graph, (drawn) => {
        const dependencies = drawn.map((each) => each.filter((to) => to < drawn.length));
        const reach = (from: number): Set<number> => {
          const reached = new Set<number>();
          const todo = [...(dependencies[from] ?? [])];
          for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
            if (reached.has(next)) continue;
            reached.add(next);
            todo.push(...(dependencies[next] ?? []));
          }
          return reached;
        };
        const order = inDependencyOrder(dependencies);
        expect(order.map(({ place }) => place).sort((a, b) => a - b)).toEqual([...drawn.keys()]);
        const turn = new Map(order.map(({ place }, at) => [place, at]));
        for (const { place, isCircular } of order) {
          expect(isCircular).toBe(reach(place).has(place));
          for (const needed of dependencies[place] ?? [])
            if (!reach(needed).has(place)) expect(turn.get(needed)).toBeLessThan(turn.get(place) ?? -1);
        }
        if (dependencies.every((each) => each.length === 0)) expect(order.map(({ place }) => place)).toEqual([...drawn.keys()]);
      }),
      { numRuns: 1000 },
    );
  });
});
