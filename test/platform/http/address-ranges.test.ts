import { describe, expect, test } from '@jest/globals';
import { canonicalRange, isInRanges, parseRange } from '../../../src/platform/http/address-ranges.ts';

describe('a range as it is kept', () => {
  test.each([
    ['203.0.113.7', '203.0.113.7'],
    ['203.0.113.7/32', '203.0.113.7'],
    ['203.0.113.77/24', '203.0.113.0/24'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['2001:db8::1/128', '2001:db8::1'],
    ['2001:db8:ffff::/33', '2001:db8:8000::/33'],
  ])('%s is %s', (text, kept) => expect(canonicalRange(text)).toBe(kept));

  test.each([
    '',
    '1',
    '0x7f.1',
    '203.0.113',
    '203.0.113.256',
    '203.0.113.0/33',
    '203.0.113.0/',
    '203.0.113.0/-1',
    '::/129',
    'okta.com',
    '*',
  ])('%j is none', (text) => expect(canonicalRange(text)).toBeUndefined());

  test.each(['0.0.0.0/0', '::/0', '203.0.113.7/0', '::ffff:203.0.113.7', '::ffff:203.0.113.0/120'])(
    '%s says more, or less, than whoever wrote it meant',
    (text) => expect(canonicalRange(text)).toBeUndefined(),
  );
});

describe('an address in a range', () => {
  const lies = (address: string | undefined, ...ranges: string[]) => isInRanges(address, ranges.map(parseRange));

  test('lies in any of them, in whichever form a socket tells it', () => {
    expect(lies('203.0.113.7', '198.51.100.0/24', '203.0.113.0/24')).toBe(true);
    expect(lies('::ffff:203.0.113.7', '203.0.113.0/24')).toBe(true);
    expect(lies('2001:db8::5', '2001:db8::/32')).toBe(true);
  });

  test('lies in none that is another, of the other family, or of no address', () => {
    expect(lies('203.0.114.7', '203.0.113.0/24')).toBe(false);
    expect(lies('2001:db8::5', '203.0.113.0/24')).toBe(false);
    for (const address of [undefined, '', 'unknown', '203.0.113.7, 1.2.3.4']) expect(lies(address, '203.0.113.0/24')).toBe(false);
    expect(lies('203.0.113.7')).toBe(false);
  });
});
