import * as argon2 from 'argon2';
import { AppError } from '../platform/errors.ts';
import { emailKey } from './account.ts';

/** Hashes and compares what people type, never more than a few at a time. */
export interface Passwords {
  /** The argon2id hash of an acceptable password (PHC string). @throws {AppError} `invalid_input` with member `password`, `too_many_requests`. */
  hash(password: string, about: { readonly email: string }): Promise<string>;
  /**
   * Compares. Without a stored hash (unknown person, no password yet) the same work is done and the answer is no.
   * `replacement` is a new hash to store, when the parameters have changed since. @throws {AppError} `too_many_requests`.
   */
  verify(stored: string | undefined, password: string): Promise<{ readonly isRight: boolean; readonly replacement?: string }>;
}

/** argon2id parameters; the defaults are OWASP's: 19 MiB, two passes, one lane. */
export interface PasswordCost {
  readonly memoryCost: number;
  readonly timeCost: number;
  readonly parallelism: number;
}

/** The parameters in force (security rule R16). */
export const PASSWORD_COST: PasswordCost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
/** How many hashes are worked on at a time, and how many callers may wait. */
const AT_A_TIME = 2;
const MAX_WAITING = 30;
const RETRY_SECONDS = 5;

const MIN_LENGTH = 12;
const MAX_LENGTH = 256;

/** Matches no password: the hash is all zeros. Comparing with it costs what a real comparison costs. */
function decoy({ memoryCost, timeCost, parallelism }: PasswordCost): string {
  return `$argon2id$v=19$m=${memoryCost},p=${parallelism},t=${timeCost}$${'A'.repeat(22)}$${'A'.repeat(43)}`;
}

/** The same text typed on two keyboards is the same password (RFC 8265 §4.2 in spirit: NFKC, nothing trimmed). */
function canonical(password: string): string {
  return password.slice(0, 4 * MAX_LENGTH).normalize('NFKC');
}

function lengthOf(text: string): number {
  return [...text].length;
}

/** @throws {AppError} `invalid_input` with member `password`, in words for the person who chose it. */
export function checkPassword(password: string, about: { readonly email: string }): void {
  const length = lengthOf(password.length > 4 * MAX_LENGTH ? password : canonical(password));
  const fault = (sentence: string) => new AppError('invalid_input', sentence, { member: 'password' });
  if (length < MIN_LENGTH) throw fault(`A password has at least ${MIN_LENGTH} characters.`);
  if (length > MAX_LENGTH) throw fault(`A password has at most ${MAX_LENGTH} characters.`);
  if (emailKey(password) === emailKey(about.email)) throw fault('The password is your email address. Choose another one.');
}

/** Lets `AT_A_TIME` pieces of work run and a bounded number wait; more are refused, so that memory stays bounded. */
function createGate(): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= AT_A_TIME) {
      if (waiting.length >= MAX_WAITING) {
        throw new AppError('too_many_requests', 'Too many people sign in at once. Try again in a few seconds.', {
          retryAfterSeconds: RETRY_SECONDS,
        });
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      // whoever waits takes over the place, so that it never counts as free in between
      if (next === undefined) running -= 1;
      else next();
    }
  };
}

/** Passwords by argon2id (RFC 9106), 19 MiB each and two at a time (security rule R16). */
export function createPasswords(cost: PasswordCost = PASSWORD_COST): Passwords {
  const gate = createGate();
  const options = { type: argon2.argon2id, ...cost } as const;
  return {
    async hash(password, about) {
      checkPassword(password, about);
      return gate(() => argon2.hash(canonical(password), options));
    },
    verify: (stored, password) =>
      gate(async () => {
        const text = canonical(password);
        const isSame = await argon2.verify(stored ?? decoy(cost), text);
        const isRight = stored !== undefined && isSame && password.length <= 4 * MAX_LENGTH;
        if (!isRight) return { isRight: false };
        if (!argon2.needsRehash(stored, cost)) return { isRight: true };
        return { isRight: true, replacement: await argon2.hash(text, options) };
      }),
  };
}
