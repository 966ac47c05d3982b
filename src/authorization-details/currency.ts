import { isDecimal } from './decimal.ts';

/** The currencies of ISO 4217 whose minor unit is not a hundredth, by its decimals. */
const UNUSUAL: readonly (readonly [digits: number, currencies: string])[] = [
  [0, 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'],
  [3, 'BHD IQD JOD KWD LYD OMR TND'],
  [4, 'CLF UYW'],
];
const DIGITS: ReadonlyMap<string, number> = new Map(
  UNUSUAL.flatMap(([digits, currencies]) => currencies.split(' ').map((currency) => [currency, digits] as const)),
);

/** How many decimals an amount has: 2 for EUR, 0 for JPY, 3 for BHD. A table, so that no two servers round differently. */
function minorDigitsOf(currency: string): number {
  return DIGITS.get(currency) ?? 2;
}

/**
 * A decimal amount in whole minor units of its currency (`"12.5"` EUR is 1250), exact. Undefined for what is no plain decimal, is
 * negative, or has more decimals than the currency: nobody can pay a tenth of a cent, and nothing is rounded.
 */
export function toMinor(amount: string, currency: string): bigint | undefined {
  if (!isDecimal(amount) || amount.startsWith('-')) return undefined;
  const [whole = '', fraction = ''] = amount.split('.');
  const digits = minorDigitsOf(currency);
  const significant = fraction.replace(/0+$/, '');
  return significant.length > digits ? undefined : BigInt(`${whole}${significant.padEnd(digits, '0')}`);
}

/** Minor units as a decimal amount with all decimals of the currency: 1250 EUR cents are `"12.50"`. */
export function fromMinor(minor: bigint, currency: string): string {
  const digits = minorDigitsOf(currency);
  const text = (minor < 0n ? -minor : minor).toString().padStart(digits + 1, '0');
  const sign = minor < 0n ? '-' : '';
  return digits === 0 ? `${sign}${text}` : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}
