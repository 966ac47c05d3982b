import { describe, expect, test } from '@jest/globals';
import { endOf, momentOf } from '../../../src/platform/http/moment.ts';

const now = new Date('2026-06-01T12:00:00Z');
const at = (seconds: number) => new Date(now.getTime() + seconds * 1000);

describe('when something ends', () => {
  test.each<[number, string]>([
    [1, 'ends in less than a minute'],
    [60, 'ends in 1 minute'],
    [20 * 60 + 59, 'ends in 20 minutes'],
    [3_600, 'ends in 1 hour'],
    [86_399, 'ends in 23 hours'],
    [9 * 86_400, 'ends in 9 days'],
    [60 * 86_400, 'ends 31 Jul 2026'],
    [0, 'ended just now'],
    [-7_200, 'ended 2 h ago'],
  ])('%p seconds from now: %s', (seconds, words) => {
    const { verb, time } = endOf(at(seconds), now);
    expect(`${verb} ${time.text}`).toBe(words);
  });

  test('a near end is kept true by script, a date is not', () => {
    expect([60, 60 * 86_400, -60].map((seconds) => endOf(at(seconds), now).time.keep)).toEqual(['in', undefined, 'ago']);
    expect(endOf(at(60), now).time).toMatchObject({ exact: momentOf(at(60), now).exact, iso: at(60).toISOString() });
  });
});
