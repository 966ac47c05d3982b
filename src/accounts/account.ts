import { z } from 'zod';
import { AppError } from '../platform/errors.ts';
import type { Role } from '../platform/http/web.ts';

export type { Role };

/** A person. `email` is unique and in lower case. */
export interface Account {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly status: 'active' | 'disabled';
  readonly createdAt: Date;
  /** Undefined: was invited and has not chosen a password yet. */
  readonly passwordChangedAt: Date | undefined;
  readonly lastSeenAt: Date | undefined;
  /** Who takes over what they answer for when they leave; perhaps gone themselves by now. */
  readonly successorId: string | undefined;
}

/** Several people who answer for something together. */
export interface Group {
  readonly id: string;
  readonly name: string;
  readonly isBuiltIn: boolean;
  readonly memberCount: number;
  /** Whether it can answer for anything: it belongs to this server, or somebody in it may sign in. */
  readonly isAlive: boolean;
}

/** Who owns an agent. */
export interface OwnerRef {
  readonly kind: 'user' | 'group';
  readonly id: string;
}

/** An owner who can answer for nothing any more: what happened, and who takes over, if somebody does. */
export interface Departure {
  readonly owner: OwnerRef;
  readonly happened: 'person shut out' | 'person removed' | 'group emptied' | 'group deleted';
  /** Somebody who is alive, and stays so until the transaction ends. */
  readonly successorId: string | undefined;
  readonly by: By;
}

/** Who does something to an account: a person, a client with a token, or the server itself. */
export type By =
  | { readonly kind: 'account'; readonly id: string }
  | { readonly kind: 'client'; readonly id: string }
  | { readonly kind: 'system'; readonly id: 'setup' | 'environment' | 'command-line' };

/** The group that owns software which a person let in by consent alone (security rule R5). */
export const SELF_SERVICE_GROUP_ID = 'grp_self_service';

/** All roles, the most powerful first. */
export const ROLES = ['admin', 'approver', 'auditor', 'user'] as const satisfies readonly Role[];

/** What a person is called once they were removed: their own name is forgotten. */
export const FORMER_PERSON = 'Former person';

const MAX_EMAIL = 254;
const MAX_NAME = 120;
const emailSchema = z.email().max(MAX_EMAIL);
/** Control characters, and those that turn the direction of text: a name must not disguise what stands beside it. */
const DISGUISES = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/u;

/** Whether a person of this role must have a passkey or an authenticator app (security rule R9): everybody above `user`. */
export function needsSecondFactor(role: Role): boolean {
  return role !== 'user';
}

/** The form in which an e-mail address is stored and compared. What cannot be an address stays recognisably different. */
export function emailKey(email: string): string {
  return email
    .slice(0, 4 * MAX_EMAIL)
    .trim()
    .normalize('NFKC')
    .toLowerCase();
}

/** A checked address in its stored form. @throws {AppError} `invalid_input` with member `email`. */
export function readEmail(email: string): string {
  const result = emailSchema.safeParse(emailKey(email));
  if (!result.success) throw new AppError('invalid_input', 'An email address has an @ and a domain.', { member: 'email' });
  return result.data;
}

/** A checked display name of 1 to 120 characters, without control and direction characters. @throws {AppError} `invalid_input` with member `name`. */
export function readName(name: string): string {
  const clean = name
    .slice(0, 4 * MAX_NAME)
    .trim()
    .normalize('NFC');
  const length = [...clean].length;
  if (length === 0 || length > MAX_NAME || DISGUISES.test(clean)) {
    throw new AppError('invalid_input', `A name has 1 to ${MAX_NAME} characters and no invisible ones.`, { member: 'name' });
  }
  return clean;
}

/** A role by its name. @throws {AppError} `invalid_input` with member `role`. */
export function readRole(value: unknown): Role {
  const role = ROLES.find((each) => each === value);
  if (role === undefined) throw new AppError('invalid_input', `A role is one of ${ROLES.join(', ')}.`, { member: 'role' });
  return role;
}
