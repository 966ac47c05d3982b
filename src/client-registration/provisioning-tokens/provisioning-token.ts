import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { canonicalRange, isInRanges, parseRange } from '../../platform/http/address-ranges.ts';

/** What an identity provider shows in place of an access token; its value is not in it. */
export interface ProvisioningToken {
  readonly id: string;
  readonly clientId: string;
  /** The last characters of the value. */
  readonly endsIn: string;
  /** Also `scim:write`; otherwise `scim:read` alone. */
  readonly mayWrite: boolean;
  /** Canonical addresses and ranges it is taken from; none: from everywhere. */
  readonly addresses: readonly string[];
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly revokedAt: Date | undefined;
  /** True to the minute. */
  readonly lastUse: { readonly at: Date; readonly from: string } | undefined;
  /** The newest use that was refused, true to the minute. */
  readonly lastRefusal: { readonly at: Date; readonly from: string; readonly reason: Refusal } | undefined;
}

/** The client behind a token, as far as the token's rights hang on it (security rules R6, R7). */
export interface TokenClient {
  readonly id: string;
  readonly serviceId: string | undefined;
  readonly isActive: boolean;
  readonly isManagement: boolean;
  readonly hasGovernance: boolean;
}

/** Why a token that we made is not taken; the caller is not told. */
export type Refusal = 'client_stopped' | 'revoked' | 'expired' | 'address_not_allowed';

/** How many tokens of one client may be alive: one replaces the other without a gap. */
export const MOST_LIVING = 2;

const DAY = 86_400;
const MAX_ADDRESSES = 50;

/** What a new token is made of, as it arrives. */
export const newProvisioningToken = z.strictObject({
  access: z.enum(['read', 'write']).default('write'),
  addresses: z.array(z.string()).max(MAX_ADDRESSES, `has at most ${MAX_ADDRESSES} entries`).transform(canonicalOnes).default([]),
  ttl_seconds: z
    .int()
    .min(DAY, 'is at least a day')
    .max(365 * DAY, 'is at most 365 days')
    .default(180 * DAY),
});
export type NewProvisioningToken = z.output<typeof newProvisioningToken>;

function canonicalOnes(texts: readonly string[], context: z.RefinementCtx): string[] {
  const ranges = texts.map((text) => canonicalRange(text.trim()));
  const bad = ranges.indexOf(undefined);
  if (bad !== -1) {
    const message = `entry ${bad + 1} is neither an address like 203.0.113.7 nor a range like 203.0.113.0/24 or 2001:db8::/32`;
    context.addIssue({ code: 'custom', message, path: [bad] });
  }
  return [...new Set(ranges.filter((range) => range !== undefined))];
}

/** Which rule refuses a token here and now; undefined: it is taken. */
export function refusalOf(
  token: Pick<ProvisioningToken, 'addresses' | 'expiresAt' | 'revokedAt'>,
  client: TokenClient,
  { address, now }: { readonly address: string; readonly now: Date },
): Refusal | undefined {
  if (!client.isActive || !client.isManagement || client.serviceId === undefined) return 'client_stopped';
  if (token.revokedAt !== undefined) return 'revoked';
  if (token.expiresAt <= now) return 'expired';
  const isFromThere = token.addresses.length === 0 || isInRanges(address, token.addresses.map(parseRange));
  return isFromThere ? undefined : 'address_not_allowed';
}

/** Tells people, and scanners that look for leaked secrets, what they found. */
const PREFIX = 'behalf_scim_';
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 256 bits, and 32 bits, in digits of base 62: nothing in them ends a word, so a double click takes the whole. */
const SECRET_DIGITS = 43;
const SUM_DIGITS = 6;
const SHAPE = new RegExp(`^${PREFIX}[0-9A-Za-z]{${SECRET_DIGITS + SUM_DIGITS}}$`);
const SHOWN_DIGITS = 4;

function inDigits(number: bigint, length: number): string {
  let rest = number;
  let text = '';
  while (text.length < length) {
    text = DIGITS.charAt(Number(rest % 62n)) + text;
    rest /= 62n;
  }
  return text;
}

const sumOf = (text: string): string => inDigits(BigInt(crc32(text)), SUM_DIGITS);

/** A new value: `behalf_scim_`, 256 random bits, and a checksum (CRC-32) by which a typing error is told without asking anybody. */
export function valueFrom(random: Buffer): string {
  const text = `${PREFIX}${inDigits(BigInt(`0x${random.toString('hex')}`), SECRET_DIGITS)}`;
  return `${text}${sumOf(text)}`;
}

/** How a value is named where it must not stand: by its last characters. */
export function endOf(value: string): string {
  return value.slice(-SHOWN_DIGITS);
}

/** Whether a bearer value claims to be one of these, whatever it is. */
export function isProvisioningValue(value: string): boolean {
  return value.startsWith(PREFIX);
}

/** Whether the value is whole: of the right length and with the checksum that belongs to it. */
export function isWhole(value: string): boolean {
  return SHAPE.test(value) && sumOf(value.slice(0, -SUM_DIGITS)) === value.slice(-SUM_DIGITS);
}
