import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Evaluation, readEvaluation, readEvaluations } from '../../src/access-evaluation/access-request.ts';
import { answerAll } from '../../src/access-evaluation/batch.ts';
import { namesOf } from '../../src/access-evaluation/naming.ts';
import { type Candidates, scan } from '../../src/access-evaluation/search/scan.ts';

const whole = { subject: { type: 'user', id: 'a' }, action: { name: 'x' }, resource: { type: 'r', id: '1' } };
const named = (name: string): Evaluation => ({ ...whole, action: { name } });
const permits = async ({ action }: Evaluation) => ({ decision: action.name === 'yes' });
const decisions = fc.array(fc.constantFrom('yes', 'no', 'fault'), { minLength: 1, maxLength: 20 });
const itemsOf = (names: readonly string[]) => names.map((name) => (name === 'fault' ? { fault: 'malformed' } : named(name)));

describe('§7.1.2.1 evaluations semantics, for any list', () => {
  const answered = async (semantic: 'execute_all' | 'deny_on_first_deny' | 'permit_on_first_permit', names: readonly string[]) =>
    (await answerAll({ semantic, items: itemsOf(names) }, permits)).map(({ decision }) => decision);

  test('all are answered in their order; a fault is a refusal', async () => {
    await fc.assert(
      fc.asyncProperty(decisions, async (names) => {
        expect(await answered('execute_all', names)).toEqual(names.map((name) => name === 'yes'));
      }),
    );
  });

  test('the others end with the first of their kind and answer nothing after it', async () => {
    await fc.assert(
      fc.asyncProperty(decisions, async (names) => {
        const all = names.map((name) => name === 'yes');
        const until = (end: boolean) => all.slice(0, all.includes(end) ? all.indexOf(end) + 1 : all.length);
        expect(await answered('deny_on_first_deny', names)).toEqual(until(false));
        expect(await answered('permit_on_first_permit', names)).toEqual(until(true));
      }),
    );
  });
});

describe('§7.1.1 defaults', () => {
  test('a member is taken whole or not at all', () => {
    const properties = { status: 'active' };
    const base = { ...whole, resource: { ...whole.resource, properties }, context: { time: 1 } };
    const read = readEvaluations({
      ...base,
      evaluations: [{}, { resource: { type: 'r', id: '2' } }, { context: {} }, { resource: { id: '3' } }],
    });
    expect(read).toEqual({
      semantic: 'execute_all',
      items: [
        base,
        { ...base, resource: { type: 'r', id: '2' } },
        { ...base, context: {} },
        { fault: expect.stringContaining('/resource/type') },
      ],
    });
  });

  test('a default that is malformed is a fault of the whole request, one that is missing only of the entry', () => {
    expect(() => readEvaluations({ ...whole, subject: 'a', evaluations: [{}] })).toThrow('/subject');
    expect(readEvaluations({ evaluations: [whole, {}] })).toMatchObject({ items: [whole, { fault: expect.any(String) }] });
    for (const body of [null, [], 7, 'x', { evaluations: {} }, { options: [] }]) expect(() => readEvaluations(body)).toThrow();
  });

  test.each(['', 'a\u0000', 'a\u202eb', 'a\ud800', 'a\n', 'x'.repeat(2_001)])('an id like %j is no id', (id) => {
    expect(() => readEvaluation({ ...whole, resource: { type: 'r', id } })).toThrow('/resource/id');
  });
});

describe('the names in a question', () => {
  const iss = 'https://auth.example';
  const chain = (depth: number): object => (depth === 0 ? {} : { act: { iss, sub: `agt_${depth}`, ...chain(depth - 1) } });
  const through = (properties: object) => namesOf({ ...whole, subject: { ...whole.subject, properties: properties as never } }).actors;

  test('a chain is read whole or not at all', () => {
    expect(through({})).toEqual([]);
    expect(through(chain(2))).toEqual([
      { iss, sub: 'agt_2' },
      { iss, sub: 'agt_1' },
    ]);
    expect(through(chain(4))).toHaveLength(4);
    for (const wrong of [chain(5), { act: 7 }, { act: {} }, { act: { iss } }, { act: { iss, sub: 7 } }, { act: null }, { act: [] }])
      expect(through(wrong)).toBeUndefined();
  });

  test('client, token, server and scopes are where the standards put them', () => {
    const context = { agent: 'cli_1', jti: 't-1', scope: 'a b' };
    const action = { name: 'x', properties: { scope: ['c'] } };
    const named = namesOf({ ...whole, action, context, resource: { type: 'r', id: '1', properties: { server: 'https://api' } } });
    expect(named).toMatchObject({ clientId: 'cli_1', jti: 't-1', server: 'https://api', scopes: ['c', 'a', 'b'] });
    expect(namesOf({ ...whole, context: { ...context, client_id: 'cli_2' } })).toMatchObject({ clientId: 'cli_2', server: undefined });
    expect(namesOf({ ...whole, resource: { type: 'mcp_server', id: 'https://mcp' } })).toMatchObject({ server: 'https://mcp' });
    expect(namesOf({ ...whole, context: { jti: null, client_id: null } })).toMatchObject({
      jti: undefined,
      clientId: undefined,
      scopes: [],
    });
  });

  test('what is there and names nothing is not passed over', () => {
    for (const wrong of [7, {}, [], '', 'a\u0000', 'x'.repeat(2_001), false]) {
      const context = { jti: wrong, client_id: wrong } as never;
      const resource = { type: 'r', id: '1', properties: { server: wrong } as never };
      expect(namesOf({ ...whole, context, resource })).toMatchObject({ jti: '', clientId: '', server: '' });
    }
    for (const scope of [7, {}, [7], [['a']]]) expect(namesOf({ ...whole, context: { scope } as never }).scopes).toEqual([' ']);
  });
});

describe('§8.2 pages', () => {
  const numbers =
    (count: number): Candidates<number> =>
    async (after, limit) =>
      Array.from({ length: count }, (_, index) => ({ value: index, place: String(index).padStart(4, '0') }))
        .filter(({ place }) => place > after)
        .slice(0, limit);

  test('together they hold every permitted candidate once and in order, whatever the size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 450 }),
        fc.integer({ min: 1, max: 120 }),
        fc.integer({ min: 1, max: 400 }),
        async (count, limit, every) => {
          const found: number[] = [];
          let asked = 0;
          for (let after: string | undefined = ''; after !== undefined; ) {
            const before = asked;
            const isPermitted = async (value: number) => {
              asked += 1;
              return value % every === 0;
            };
            const page: Awaited<ReturnType<typeof scan<number>>> = await scan(numbers(count), isPermitted, { after, limit });
            expect(page.results.length).toBeLessThanOrEqual(limit);
            expect(asked - before).toBeLessThanOrEqual(200);
            found.push(...page.results);
            after = page.next;
          }
          expect(found).toEqual(Array.from({ length: count }, (_, index) => index).filter((value) => value % every === 0));
        },
      ),
      { numRuns: 60 },
    );
  });
});
