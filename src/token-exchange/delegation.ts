import { z } from 'zod';
import { AppError } from '../platform/errors.ts';

/** An administrator's word that one agent may take over tokens from another (security rule R1 d). It never changes. */
export interface Delegation {
  readonly id: string;
  readonly fromAgentId: string;
  readonly toAgentId: string;
  /** Identifiers of resource servers, in canonical form. */
  readonly resources: readonly string[];
  readonly scopes: readonly string[];
  readonly detailTypes: readonly string[];
  readonly until: Date;
  /** True: the second agent does not stand in the token, which reads as if the first one used it (impersonation, RFC 8693 §1.1). */
  readonly hidesActor: boolean;
  /** The typed id of whoever made it, and of whoever ended it. */
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly endedAt: Date | undefined;
  readonly endedBy: string | undefined;
}

/** A new delegation as it arrives. */
export const newDelegation = z.strictObject({
  from: z.string().regex(/^agt_\w{1,64}$/, 'is the id of an agent'),
  to: z.string().regex(/^agt_\w{1,64}$/, 'is the id of an agent'),
  resources: z.array(z.string().max(2_000)).min(1, 'names at least one resource').max(20, 'names at most 20 resources'),
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, 'is a list of scopes'))
    .max(100, 'has at most 100 scopes')
    .default([]),
  authorization_details_types: z.array(z.string().min(1).max(128)).max(20, 'has at most 20 types').default([]),
  until: z.iso.datetime({ offset: true, error: 'is a time with its zone' }),
  impersonation: z.boolean().default(false),
});

export type NewDelegation = z.output<typeof newDelegation>;

/** The longest a delegation may hold before somebody looks at it again. */
export const LONGEST_DELEGATION_DAYS = 366;

const DAY_MS = 86_400_000;

/** A checked input. @throws {AppError} `invalid_input` with the member at fault. */
export function readNewDelegation(input: unknown, now: Date): NewDelegation {
  const parsed = newDelegation.safeParse(input);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const member = String(issue?.path[0] ?? '');
    throw new AppError('invalid_input', `${member === '' ? 'The delegation' : member} ${issue?.message ?? 'is malformed'}.`, { member });
  }
  const { from, to, scopes, until, authorization_details_types: types } = parsed.data;
  const end = new Date(until).getTime();
  if (from === to) throw new AppError('invalid_input', 'An agent needs no delegation to itself.', { member: 'to' });
  if (scopes.length + types.length === 0)
    throw new AppError('invalid_input', 'A delegation names scopes or types of authorization details.', { member: 'scopes' });
  if (!(end > now.getTime())) throw new AppError('invalid_input', 'The delegation ends before it begins.', { member: 'until' });
  if (end > now.getTime() + LONGEST_DELEGATION_DAYS * DAY_MS)
    throw new AppError('invalid_input', `A delegation holds for at most ${LONGEST_DELEGATION_DAYS} days.`, { member: 'until' });
  return parsed.data;
}

/** Whether it can still be used. */
export function isInForce({ until, endedAt }: Pick<Delegation, 'until' | 'endedAt'>, now: Date): boolean {
  return endedAt === undefined && until.getTime() > now.getTime();
}
