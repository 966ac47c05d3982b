import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { z } from 'zod';
import { COUNT, toMinor } from '../../authorization-details/index.ts';
import { AppError } from '../../platform/errors.ts';
import { parseWith } from '../../platform/http/body.ts';

/** What became of what was reported. A hold that was neither settled nor cancelled in time is given back by itself. */
export const RECEIPT_STATES = ['spent', 'held', 'settled', 'cancelled'] as const;
export type ReceiptState = (typeof RECEIPT_STATES)[number];

/** One act that used something up, or may do so. */
export interface Receipt {
  readonly id: string;
  readonly budgetId: string;
  /** The client that reported it; for a token that was taken at issue, the client it was issued to. */
  readonly clientId: string;
  readonly state: ReceiptState;
  readonly jti: string;
  readonly detailIndex: number;
  readonly type: string;
  readonly unit: string;
  readonly quantity: bigint;
  /** How much of a hold was used up in the end. */
  readonly settled: bigint | undefined;
  readonly resource: string;
  readonly agentId: string | undefined;
  readonly holdUntil: Date | undefined;
  readonly createdAt: Date;
  readonly closedAt: Date | undefined;
}

/** A quantity as it arrives: minor units of a currency, or acts. */
export interface Quantity {
  readonly unit: string;
  readonly quantity: bigint;
}

/** What a resource server reports. */
export interface ReportedAct extends Quantity {
  readonly jti: string;
  readonly type: string;
  /** Which of the token's details; needed only when several of the type have such a budget. */
  readonly detail: number | undefined;
  /** Set aside for so long instead of used up at once. */
  readonly holdSeconds: number | undefined;
}

/** A week: as long as a card payment is held at most. */
const LONGEST_HOLD_SECONDS = 604_800;

const amount = z
  .string()
  .regex(/^(?:0|[1-9]\d{0,17})(?:\.\d{1,8})?$/, 'is a plain decimal as text, like 12.50')
  .optional();
const currency = z
  .string()
  .regex(/^[A-Z]{3}$/, 'is a currency code of ISO 4217')
  .optional();
const count = z.number().int().min(1).max(1_000_000_000).optional();

const act = z.strictObject({
  jti: z.string().min(1).max(128),
  type: z.string().min(1).max(64),
  detail: z.number().int().min(0).max(9).optional(),
  amount,
  currency,
  count,
  hold_seconds: z.number().int().min(1).max(LONGEST_HOLD_SECONDS).optional(),
});
const settlement = z.strictObject({ amount, currency, count });

function quantityOf(given: z.output<typeof settlement>): Quantity | undefined {
  if (given.count !== undefined) {
    if (given.amount !== undefined || given.currency !== undefined)
      throw new AppError('invalid_input', '/count: comes without an amount', { member: '/count' });
    return { unit: COUNT, quantity: BigInt(given.count) };
  }
  if (given.amount === undefined && given.currency === undefined) return undefined;
  const unit = given.currency;
  if (unit === undefined || given.amount === undefined)
    throw new AppError('invalid_input', '/amount: an amount comes with its currency', { member: '/amount' });
  const quantity = toMinor(given.amount, unit);
  if (quantity === undefined) throw new AppError('invalid_input', '/amount: has more decimals than its currency', { member: '/amount' });
  return { unit, quantity };
}

/** Reads the body of a receipt. @throws {AppError} `invalid_input` with the member at fault. */
export function readAct(body: unknown): ReportedAct {
  const { jti, type, detail, hold_seconds: holdSeconds, ...rest } = parseWith(act, body);
  const given = quantityOf(rest);
  if (given === undefined) throw new AppError('invalid_input', '/amount: an amount with its currency, or a count', { member: '/amount' });
  if (given.quantity === 0n) throw new AppError('invalid_input', '/amount: must be above zero', { member: '/amount' });
  return { jti, type, detail, holdSeconds, ...given };
}

/** Reads how much of a hold was used up; undefined: all of it. @throws {AppError} `invalid_input` */
export function readSettlement(body: unknown): Quantity | undefined {
  return quantityOf(parseWith(settlement, body));
}

/**
 * Reads the `Idempotency-Key` header (draft-ietf-httpapi-idempotency-key-header): 1 to 128 visible ASCII characters, in quotes or
 * without. @throws {AppError} `invalid_input` when there is none: a report that may be counted twice is not taken.
 */
export function readKey(header: string): string {
  const [, key = ''] = /^"?([\x21\x23-\x7e]{1,128})"?$/.exec(header) ?? [];
  if (key !== '') return key;
  throw new AppError('invalid_input', 'Send an Idempotency-Key of 1 to 128 visible characters.', { member: 'Idempotency-Key' });
}

/** What a key stands for: the same key with anything else in it is another request, and refused. */
export function hashOfAct(reported: ReportedAct): string {
  const text = canonicalize({ ...reported, quantity: String(reported.quantity), detail: reported.detail ?? null }) ?? '';
  return createHash('sha256').update(text).digest('base64url');
}
