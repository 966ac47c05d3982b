const accepted = /^-?(?:0|[1-9]\d{0,17})(?:\.\d{1,8})?$/;
const written = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d{1,3}))?$/i;

interface Scaled {
  readonly digits: bigint;
  readonly scale: number;
}

function scaled(value: unknown): Scaled | undefined {
  if (typeof value !== 'number' && !(typeof value === 'string' && accepted.test(value))) return undefined;
  const [, sign = '', whole, fraction = '', exponent = '0'] = written.exec(String(value)) ?? [];
  return whole === undefined ? undefined : { digits: BigInt(`${sign}${whole}${fraction}`), scale: fraction.length - Number(exponent) };
}

/**
 * Whether `left` is at most `right`, compared exactly and never through floating point. Both are JSON numbers or decimal texts
 * of at most 18 and 8 digits; anything else is not at most anything.
 */
export function isAtMost(left: unknown, right: unknown): boolean {
  const [a, b] = [scaled(left), scaled(right)];
  if (!a || !b) return false;
  const scale = Math.max(a.scale, b.scale);
  const atScale = (value: Scaled) => value.digits * 10n ** BigInt(scale - value.scale);
  return atScale(a) <= atScale(b);
}
