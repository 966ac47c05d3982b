import type { Account } from '../../src/accounts/index.ts';

/** Somebody in the console in this role. */
export function signedIn(role: Account['role'], { id, at }: { readonly id: string; readonly at: Date }): Account {
  return {
    id,
    email: 'ada@example.com',
    name: 'Ada Admin',
    role,
    status: 'active',
    createdAt: at,
    passwordChangedAt: undefined,
    lastSeenAt: undefined,
    successorId: undefined,
  };
}
