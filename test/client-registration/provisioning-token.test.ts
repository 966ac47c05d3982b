import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  isWhole,
  newProvisioningToken,
  refusalOf,
  type TokenClient,
  valueFrom,
} from '../../src/client-registration/provisioning-tokens/provisioning-token.ts';
import { randomIds } from '../../src/platform/ids.ts';

const DAY = 86_400;
const random = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));

describe('the value of a provisioning token', () => {
  test('says what it is, holds every bit it was made of, and is one word', () => {
    fc.assert(
      fc.property(random, random, (one, other) => {
        expect(valueFrom(one)).toMatch(/^behalf_scim_[0-9A-Za-z]{49}$/);
        expect(isWhole(valueFrom(one))).toBe(true);
        expect(valueFrom(one) === valueFrom(other)).toBe(one.equals(other));
      }),
    );
  });

  test('tells a wrong character, a swapped pair and a missing end without asking anybody', () => {
    const value = valueFrom(randomIds.bytes(32));
    fc.assert(
      fc.property(fc.nat(value.length - 2), fc.constantFrom(...'09azAZ_-'), (at, letter) => {
        const typed = value.slice(0, at) + letter + value.slice(at + 1);
        expect(isWhole(typed)).toBe(typed === value);
        const swapped = value.slice(0, at) + value.charAt(at + 1) + value.charAt(at) + value.slice(at + 2);
        expect(isWhole(swapped)).toBe(swapped === value);
        expect(isWhole(value.slice(0, at))).toBe(false);
      }),
    );
    expect(isWhole(`${value}A`)).toBe(false);
  });
});

describe('what is asked of a new one', () => {
  const wrong: [string, object][] = [
    ['shorter than a day', { ttl_seconds: DAY - 1 }],
    ['longer than a year', { ttl_seconds: 365 * DAY + 1 }],
    ['another access', { access: 'admin' }],
    ['what is no address', { addresses: ['203.0.113.7', 'okta.com'] }],
    ['more than 50 addresses', { addresses: Array.from({ length: 51 }, (_, index) => `203.0.113.${index}`) }],
    ['something unknown', { scope: 'admin:write' }],
  ];
  test.each(wrong)('is refused with %s', (_what, input) => expect(newProvisioningToken.safeParse(input).success).toBe(false));

  test('is 180 days, read and write, from everywhere unless said otherwise', () => {
    expect(newProvisioningToken.parse({})).toEqual({ access: 'write', addresses: [], ttl_seconds: 180 * DAY });
    const given = newProvisioningToken.parse({ addresses: ['203.0.113.9/24', ' 203.0.113.0/24 ', '2001:DB8::/32'] });
    expect(given.addresses).toEqual(['203.0.113.0/24', '2001:db8::/32']);
  });
});

describe('a token is refused', () => {
  const now = new Date('2026-06-01T12:00:00Z');
  const after = (seconds: number) => new Date(now.getTime() + seconds * 1000);
  const token = { addresses: ['203.0.113.0/24'], expiresAt: after(1), revokedAt: undefined };
  const client: TokenClient = { id: 'cli', serviceId: 'svc', isActive: true, isManagement: true, hasGovernance: false };
  const from = (address: string) => ({ address, now });

  test('for the first reason there is', () => {
    expect(refusalOf(token, client, from('203.0.113.7'))).toBeUndefined();
    expect(refusalOf({ ...token, addresses: [] }, client, from(''))).toBeUndefined();
    expect(refusalOf(token, client, from('203.0.114.7'))).toBe('address_not_allowed');
    expect(refusalOf(token, client, from(''))).toBe('address_not_allowed');
    expect(refusalOf({ ...token, expiresAt: now }, client, from('203.0.113.7'))).toBe('expired');
    expect(refusalOf({ ...token, revokedAt: now }, client, from('203.0.113.7'))).toBe('revoked');
    for (const stopped of [{ isActive: false }, { isManagement: false }, { serviceId: undefined }])
      expect(refusalOf(token, { ...client, ...stopped }, from('203.0.113.7'))).toBe('client_stopped');
  });
});
