import type { AuthorizationDetail, JsonValue } from '../../authorization-details/index.ts';

/** Cedar's decimals have four digits behind the point and 64 bits. */
const SCALE = 4;
const MOST = 9_223_372_036_854_775_807n;
/** As deep as a body may nest. */
const MAX_DEPTH = 20;

const decimalShape = /^(-?)(\d{1,40})(?:\.(\d{1,40}))?$/;

/** The amount in ten-thousandths, rounded up, at most what Cedar can say: a policy never sees less than what is asked for. */
function tenThousandths(amount: string): bigint | undefined {
  const match = decimalShape.exec(amount);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = ''] = match;
  const kept = BigInt(whole + fraction.slice(0, SCALE).padEnd(SCALE, '0'));
  const isCut = /[1-9]/.test(fraction.slice(SCALE));
  const value = sign === '-' ? -kept : kept + (isCut ? 1n : 0n);
  if (value > MOST) return MOST;
  return value < -MOST ? -MOST : value;
}

function textOf(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString().padStart(SCALE + 1, '0');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -SCALE)}.${digits.slice(-SCALE)}`;
}

interface Money {
  readonly currency: string;
  readonly amount: string;
}

function* moneyIn(value: JsonValue, depth: number): Generator<Money> {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return;
  if (!Array.isArray(value)) {
    const { amount, currency } = value as { readonly amount?: JsonValue; readonly currency?: JsonValue };
    if (typeof currency === 'string' && (typeof amount === 'string' || typeof amount === 'number'))
      yield { currency, amount: String(amount) };
  }
  for (const inner of Object.values(value)) yield* moneyIn(inner as JsonValue, depth + 1);
}

/**
 * The largest amount of each currency that the details hold, wherever an `amount` stands beside a `currency`, as Cedar writes a
 * decimal. An amount that is not a plain decimal counts as the largest there is: what cannot be read is not small.
 */
export function largestAmounts(details: readonly AuthorizationDetail[]): ReadonlyMap<string, string> {
  const largest = new Map<string, bigint>();
  for (const { currency, amount } of moneyIn(details, 0)) {
    const value = tenThousandths(amount) ?? MOST;
    const known = largest.get(currency);
    if (known === undefined || value > known) largest.set(currency, value);
  }
  return new Map([...largest].map(([currency, value]) => [currency, textOf(value)]));
}
