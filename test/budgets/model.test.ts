import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type AuthorizationDetail,
  type Budget,
  type BudgetWindow,
  budgetOf,
  coversAll,
  createDetailTypes,
} from '../../src/authorization-details/index.ts';
import { createBudgetStore } from '../../src/budgets/store.ts';
import { type BudgetPath, budgetPath, type Holder } from '../../src/budgets/path.ts';
import { BudgetRefused } from '../../src/budgets/refusal.ts';
import { createTaking } from '../../src/budgets/taking.ts';
import { windowOf } from '../../src/budgets/window.ts';
import { secondsAfter } from '../../src/platform/clock.ts';
import { createDb, type Db } from '../../src/platform/db/db.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { createLogger } from '../../src/platform/log.ts';
import { freshDatabase } from '../support/database.ts';

const types = createDetailTypes();
let db: Db;
let drop: () => Promise<void>;
beforeAll(async () => {
  const database = await freshDatabase();
  db = createDb({ connection: database.connection, log: createLogger('silent') });
  drop = database.drop;
});
afterAll(async () => {
  await db.close();
  await drop();
});

const budget = fc.record({ amount: fc.integer({ min: 1, max: 60 }), per: fc.constantFrom<BudgetWindow>('day', 'week', 'month', 'total') });
const act = { of: fc.nat({ max: 20 }), quantity: fc.integer({ min: 1, max: 40 }) };
const step = fc.oneof(
  fc.record({ do: fc.constant('exchange' as const), of: act.of, budget: fc.option(budget, { nil: undefined }) }),
  fc.record({ do: fc.constant('spend' as const), ...act }),
  fc.record({ do: fc.constant('hold' as const), ...act, hours: fc.constantFrom(1, 30, 160) }),
  fc.record({ do: fc.constant('settle' as const), ...act }),
  fc.record({ do: fc.constant('cancel' as const), of: act.of }),
  fc.record({ do: fc.constant('wait' as const), hours: fc.constantFrom(1, 7, 26, 70, 400) }),
);

const detailWith = ({ amount, per }: { amount: number; per: BudgetWindow }): AuthorizationDetail => ({
  type: 'api_call',
  actions: ['POST'],
  budget: { amount: `${Math.floor(amount / 100)}.${String(amount % 100).padStart(2, '0')}`, currency: 'EUR', per },
});

/** An act as the model knows it: whose it was, when, how much of it counts, and until when it is only set aside. */
interface Act {
  readonly id: string;
  readonly token: number;
  readonly at: Date;
  quantity: bigint;
  until: Date | undefined;
}

/** Everything by hand: each token has its own limit over its own acts and those of all that was made from it. */
function createModel(root: Budget) {
  const tokens: { above: number | undefined; budget: Budget }[] = [{ above: undefined, budget: root }];
  const acts: Act[] = [];
  const budgetAt = (token: number): Budget => {
    const known = tokens[token];
    if (known === undefined) throw new Error('no such token');
    return known.budget;
  };
  const aboveOf = (token: number | undefined): number[] => (token === undefined ? [] : [token, ...aboveOf(tokens[token]?.above)]);
  const usedOf = (token: number, now: Date): bigint => {
    const { per } = budgetAt(token);
    const begins = windowOf(per, now).start.getTime();
    const counted = acts.filter((each) => aboveOf(each.token).includes(token) && windowOf(per, each.at).start.getTime() === begins);
    return counted.filter(({ until }) => until === undefined || until > now).reduce((sum, { quantity }) => sum + quantity, 0n);
  };
  const fits = (token: number, quantity: bigint, now: Date) =>
    aboveOf(token).every((each) => usedOf(each, now) + quantity <= budgetAt(each).limit);
  return { tokens, acts, budgetAt, aboveOf, usedOf, fits };
}

test('whatever is narrowed, exchanged, used, set aside and given back: as the model says, never more than the root allows', async () => {
  await fc.assert(
    fc.asyncProperty(budget, fc.array(step, { minLength: 8, maxLength: 40 }), async (granted, steps) => {
      let now = new Date('2026-12-01T14:00:00Z');
      const clock = { now: () => now, epochSeconds: () => Math.floor(now.getTime() / 1000) };
      const store = createBudgetStore({ db, clock, ids: randomIds });
      const taking = createTaking({ store, clock });
      const root = detailWith(granted);
      const readBudget = (detail: AuthorizationDetail) => budgetOf(types.find('api_call') as never, detail) as Budget;
      const model = createModel(readBudget(root));
      const holders: Holder[] = [{ jti: 'token-0', resource: 'https://bank.example/', details: [root], expiresAt: new Date('2030-01-01') }];
      const party = { accountId: randomIds.next('usr'), agentId: 'agt_1', clientId: 'cli_1', approvalId: undefined };
      const planOf = (token: number) => {
        const lineage = model.aboveOf(token).map((each) => holders[each] as Holder) as [Holder, ...Holder[]];
        const path = budgetPath(types, { holders: lineage, index: 0, granted: [root] }) as BudgetPath;
        const about = { type: 'api_call', detail: root, resource: 'https://bank.example/', granted: readBudget(root) };
        return { path, entry: { ...party, key: party.accountId, unit: 'EUR', ...about } };
      };
      const take = (token: number, quantity: bigint, holdUntil: Date | undefined) =>
        db
          .transaction(async () => {
            const plan = planOf(token);
            const receiptId = randomIds.next('rct');
            await taking.take(await taking.lock(plan), { plan, receiptId, quantity, holdUntil });
            return receiptId;
          })
          .catch((error: unknown) => {
            if (error instanceof BudgetRefused) return undefined;
            throw error;
          });
      for (const each of steps) {
        if (each.do === 'wait') now = secondsAfter(now, each.hours * 3_600);
        if (each.do === 'exchange') {
          const above = each.of % holders.length;
          const { budget: own } = each;
          const asked = own === undefined ? { type: 'api_call', actions: ['POST'] } : detailWith(own);
          const derived = coversAll(types, (holders[above] as Holder).details, [asked]);
          if (!derived.covered) continue;
          holders.push({ ...(holders[above] as Holder), jti: `token-${holders.length}`, details: derived.details });
          model.tokens.push({ above, budget: readBudget(derived.details[0] as AuthorizationDetail) });
        }
        if (each.do === 'spend' || each.do === 'hold') {
          const token = each.of % holders.length;
          const quantity = BigInt(each.quantity);
          const until = each.do === 'hold' ? secondsAfter(now, each.hours * 3_600) : undefined;
          const isExpected = model.fits(token, quantity, now);
          const id = await take(token, quantity, until);
          expect(id !== undefined).toBe(isExpected);
          if (id !== undefined) model.acts.push({ id, token, at: now, quantity, until });
        }
        if (each.do === 'settle' || each.do === 'cancel') {
          const held = model.acts.filter(({ until }) => until !== undefined);
          const hold = held[each.of % Math.max(1, held.length)];
          if (hold === undefined) continue;
          const wanted = each.do === 'settle' ? BigInt(each.quantity) : 0n;
          const quantity = wanted > hold.quantity ? hold.quantity : wanted;
          const isThere = await db.transaction(async () => {
            await store.lock(planOf(hold.token).entry);
            return store.settle({ receiptId: hold.id, quantity });
          });
          expect(isThere).toBe((hold.until as Date) > now);
          if (isThere) Object.assign(hold, { quantity, until: undefined });
        }
        const left = await taking.left(planOf(holders.length - 1));
        const rooms = model.aboveOf(holders.length - 1).map((token) => model.budgetAt(token).limit - model.usedOf(token, now));
        expect(left?.left).toBe(rooms.reduce((least, room) => (room < least ? room : least)));
        expect(model.usedOf(0, now)).toBeLessThanOrEqual(readBudget(root).limit);
      }
    }),
    { numRuns: 30 },
  );
}, 60_000);

test('the database itself takes neither less than nothing nor a receipt of nothing', async () => {
  const counter = (used: string) =>
    db.rows({
      name: '',
      text: `INSERT INTO budget_counters (budget_id, node, per, window_start, used) VALUES ('bdg_checked', '', 'day', now(), $1)`,
      values: [used],
    });
  const hold = (quantity: string) =>
    db.rows({
      name: '',
      text: `INSERT INTO budget_holds (receipt_id, budget_id, node, per, window_start, quantity, until)
        VALUES ('rct_checked', 'bdg_checked', '', 'day', now(), $1, now())`,
      values: [quantity],
    });
  const receipt = (quantity: string, settled: string | null) =>
    db.rows({
      name: '',
      text: `INSERT INTO budget_receipts (id, budget_id, client_id, idempotency_key, request_hash, state, jti, detail_index, type, unit, quantity,
          settled, resource, created_at)
        VALUES ('rct_checked', 'bdg_checked', 'cli_1', 'key', 'hash', 'held', 'jti', 0, 'api_call', 'EUR', $1, $2, 'https://bank.example/', now())`,
      values: [quantity, settled],
    });
  for (const refused of [() => counter('-1'), () => hold('0'), () => receipt('0', null), () => receipt('1', '2'), () => receipt('1', '-1')])
    await expect(refused()).rejects.toMatchObject({ code: '23514' });
});
