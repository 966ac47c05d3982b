import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { extensionOf, isRotated, lifetimeOf, verdictOf } from '../../src/refresh-tokens/refresh-token.ts';

const DAY = 86_400;
const replacedAt = new Date('2026-06-01T12:00:00Z');
const after = (seconds: number) => new Date(replacedAt.getTime() + seconds * 1000);
const publicClient = { hasAuthenticated: false, isBound: false };
const confidential = { hasAuthenticated: true, isBound: false };
const bound = { hasAuthenticated: false, isBound: true };

test('RFC 9700 §4.14.2: only who has neither a secret nor a key gets a new one each time', () => {
  expect([publicClient, confidential, bound].map(isRotated)).toEqual([true, false, false]);
});

describe('what presenting a replaced token means', () => {
  test.each([
    ['at once', publicClient, 0, true, 'answer'],
    ['at the end of the window', publicClient, 59.9, true, 'answer'],
    ['after the window', publicClient, 60, true, 'end'],
    ['its successor is forgotten', publicClient, 30, false, 'end'],
    ['its successor is not there, a moment later', publicClient, 5, false, 'refuse'],
    ['by a client with a secret, a moment later', confidential, 9.9, true, 'refuse'],
    ['by a client with a secret', confidential, 10, true, 'end'],
    ['bound to a key', bound, 10, true, 'end'],
  ] as const)('%s', (_name, holder, seconds, hasSuccessor, verdict) => {
    expect(verdictOf({ holder, replacedAt, hasSuccessor, now: after(seconds) })).toBe(verdict);
  });
});

describe('how long', () => {
  test('14 days of waiting, 90 days from the beginning, whatever it is used for', () => {
    expect([0, 76, 77, 89].map((day) => lifetimeOf(0, day * DAY) / DAY)).toEqual([14, 14, 13, 1]);
  });

  test('never ends after the family does, never begins dead', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 90 * DAY }), (now) => {
        const lifetime = lifetimeOf(0, now);
        expect(lifetime).toBeGreaterThanOrEqual(1);
        expect(now + lifetime).toBeLessThanOrEqual(90 * DAY + 1);
      }),
    );
  });

  test('a kept token is moved on once an hour at most, and never beyond the end of its family', () => {
    const endsAt = (day: number) => new Date(day * DAY * 1000);
    const token = { expiresAt: endsAt(14), beganAtSeconds: 0 };
    expect(extensionOf(token, 3_599)).toBeUndefined();
    expect(extensionOf(token, 3_600)).toEqual(new Date((14 * DAY + 3_600) * 1000));
    expect(extensionOf({ ...token, expiresAt: endsAt(89) }, 80 * DAY)).toEqual(endsAt(90));
    expect(extensionOf({ ...token, expiresAt: endsAt(90) }, 88 * DAY)).toBeUndefined();
  });
});
