import { expect, test } from '@jest/globals';
import { together } from '../../../src/platform/db/together.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A statement that answers when it is told to, with ten times each key. */
function slowStatement() {
  const asked: (readonly number[])[] = [];
  const answers: (() => void)[] = [];
  const ask = async (keys: readonly number[]): Promise<number[]> => {
    asked.push(keys);
    await new Promise<void>((resolve) => answers.push(resolve));
    return keys.map((key) => key * 10);
  };
  return { ask, asked, answer: () => answers.shift()?.() };
}

test('what is asked in one turn of the event loop is one statement, each answer for its key', async () => {
  const asked: (readonly number[])[] = [];
  const ask = together(async (keys: readonly number[]) => {
    asked.push(keys);
    return keys.map((key) => key * 10);
  });
  expect(await Promise.all([3, 1, 3, 2].map(ask))).toEqual([30, 10, 30, 20]);
  expect(await ask(4)).toBe(40);
  expect(asked).toEqual([[3, 1, 3, 2], [4]]);
});

test('who comes while the lanes are taken shares the next statement; no statement has more than its most', async () => {
  const { ask, asked, answer } = slowStatement();
  const gathered = together(ask, { most: 3, lanes: 1 });
  const first = gathered(1);
  await turn();
  const later = [2, 3, 4, 5].map(gathered);
  await turn();
  expect(asked).toEqual([[1]]);
  answer();
  expect(await first).toBe(10);
  await turn();
  expect(asked).toEqual([[1], [2, 3, 4]]);
  answer();
  await turn();
  answer();
  expect(await Promise.all(later)).toEqual([20, 30, 40, 50]);
  expect(asked).toEqual([[1], [2, 3, 4], [5]]);
});

test('an answer is never older than its question: who asks while the same key is under way asks anew', async () => {
  let value = 'before';
  const { ask, answer } = slowStatement();
  const gathered = together(async (keys: readonly number[]) => {
    const seen = value;
    await ask(keys);
    return keys.map(() => seen);
  });
  const first = gathered(1);
  await turn();
  value = 'after';
  const second = gathered(1);
  await turn();
  answer();
  answer();
  expect(await Promise.all([first, second])).toEqual(['before', 'after']);
});

test('one key that PostgreSQL refuses is refused alone', async () => {
  const gathered = together(async (keys: readonly string[]) => {
    if (keys.includes('bad')) throw Object.assign(new Error('no such text'), { code: '22021' });
    return keys.map((key) => key.toUpperCase());
  });
  const outcomes = await Promise.allSettled(['a', 'bad', 'b'].map(gathered));
  expect(outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : outcome.reason.message))).toEqual([
    'A',
    'no such text',
    'B',
  ]);
});

test('a database that is away is asked once, and every asker hears of it; the next statement is tried anew', async () => {
  let calls = 0;
  const gathered = together(async (keys: readonly number[]) => {
    calls += 1;
    if (calls === 1) throw Object.assign(new Error('gone'), { code: 'ECONNRESET' });
    return keys;
  });
  const outcomes = await Promise.allSettled([1, 2, 3].map(gathered));
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(calls).toBe(1);
  expect(await gathered(4)).toBe(4);
});
