import { describe, expect, test } from '@jest/globals';
import { addressKey, createRateLimiter } from '../../../src/platform/http/rate-limit.ts';

function setUp(maxKeys = 100) {
  let ms = 1_800_000_000_000;
  const limiter = createRateLimiter({ limit: 3, windowSeconds: 60, maxKeys, clock: { now: () => new Date(ms) } });
  const take = (key: string, times: number) => Array.from({ length: times }, () => limiter.take(key).allowed);
  return {
    limiter,
    take,
    advance: (seconds: number) => {
      ms += seconds * 1000;
    },
  };
}

describe('R23 the rate limiter', () => {
  test('allows a burst, then says when the next try is worth it, and keeps that word', () => {
    const { limiter, take, advance } = setUp();
    expect(take('a', 4)).toEqual([true, true, true, false]);
    expect(limiter.take('a')).toEqual({ allowed: false, retryAfterSeconds: 20 });
    expect(limiter.take('b')).toEqual({ allowed: true, retryAfterSeconds: 0 });
    advance(19.5);
    expect(limiter.take('a')).toEqual({ allowed: false, retryAfterSeconds: 1 });
    advance(0.5);
    expect(take('a', 2)).toEqual([true, false]);
    advance(60);
    expect(take('a', 4)).toEqual([true, true, true, false]);
  });

  test('refused tries do not push the end away; a reset ends it', () => {
    const { limiter, take, advance } = setUp();
    take('a', 50);
    advance(20);
    expect(limiter.take('a').allowed).toBe(true);
    limiter.reset('a');
    expect(take('a', 3)).toEqual([true, true, true]);
  });

  test('a clock that is set back locks nobody out for longer than a window', () => {
    const { limiter, take, advance } = setUp();
    take('a', 3);
    advance(-86_400);
    expect(limiter.take('a').retryAfterSeconds).toBeLessThanOrEqual(60);
  });

  test('remembers so many keys; the one unused for longest goes first', () => {
    const { limiter, take } = setUp(2);
    take('a', 3);
    take('b', 3);
    expect(limiter.take('a').allowed).toBe(false);
    take('c', 1);
    expect(limiter.take('a').allowed).toBe(false);
    expect(limiter.take('b').allowed).toBe(true);
  });

  test('addresses: IPv4 alone, IPv6 by its /64, mapped as IPv4', () => {
    expect(addressKey('203.0.113.9')).toBe('203.0.113.9');
    expect(addressKey('::ffff:203.0.113.9')).toBe('203.0.113.9');
    expect(addressKey('2001:db8:1:2:3:4:5:6')).toBe(addressKey('2001:db8:1:2::9'));
    expect(addressKey('2001:db8:1:3::9')).not.toBe(addressKey('2001:db8:1:2::9'));
    expect(addressKey('')).toBe('unknown');
  });
});
