const decimalShape = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d{1,3}))?$/i;

interface Scaled {
  readonly digits: bigint;
  readonly scale: number;
}

/** Whether `text` is a decimal that an authorization detail may carry: optional minus, ≤ 18 integer and ≤ 8 fraction digits. */
export function isDecimal(text: string): boolean {
  return /^-?(?:0|[1-9]\d{0,17})(?:\.\d{1,8})?$/.test(text);
}

/**
 * Compares two decimals exactly, never through floating point: `"0.30"` equals `"0.3"`, and money in an approval is not
 * rounded. Takes decimal strings and finite JSON numbers; returns a negative number, zero or a positive number, or undefined
 * when either is not a decimal.
 */
export function compareDecimals(left: string | number, right: string | number): number | undefined {
  const a = scaled(left);
  const b = scaled(right);
  if (a === undefined || b === undefined) return undefined;
  const scale = Math.max(a.scale, b.scale);
  const difference = atScale(a, scale) - atScale(b, scale);
  if (difference === 0n) return 0;
  return difference < 0n ? -1 : 1;
}

function scaled(value: string | number): Scaled | undefined {
  const match = decimalShape.exec(String(value));
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  return { digits: BigInt(`${sign}${whole}${fraction}`), scale: fraction.length - Number(exponent) };
}

function atScale(value: Scaled, scale: number): bigint {
  return value.digits * 10n ** BigInt(scale - value.scale);
}
