import { AppError } from '../platform/errors.ts';
import { type AgentOwner, isSameOwner } from './agent.ts';

/** People and groups, as far as agents need them: the accounts capability is one. */
export interface OwnerDirectory {
  /** The name of an owner and whether it can answer for anything; undefined or not alive when there is no such owner. */
  ownerLabel(owner: AgentOwner): Promise<{ readonly name: string; readonly isAlive: boolean } | undefined>;
  /** The person with this address, whatever its case. */
  findByEmail(email: string): Promise<{ readonly id: string } | undefined>;
  /** The names of those of these owners that there are, by id. */
  ownerNames(owners: readonly AgentOwner[]): Promise<ReadonlyMap<string, string>>;
  /** Whether an owner is alive; if so they stay it until the transaction under way ends. */
  holdOwner(owner: AgentOwner): Promise<boolean>;
  /** The groups that agents are in, by agent. */
  groupsOfAgents(agentIds: readonly string[]): Promise<ReadonlyMap<string, readonly { readonly id: string; readonly name: string }[]>>;
  groupsOf(accountId: string): Promise<readonly { readonly id: string }[]>;
  listGroups(): Promise<readonly { readonly id: string; readonly name: string }[]>;
  /** People by name or address, newest first. */
  list(query: {
    search?: string | undefined;
    limit: number;
  }): Promise<{ readonly items: readonly { readonly id: string; readonly name: string; readonly status: string }[] }>;
}

type Owners = Pick<OwnerDirectory, 'groupsOf'>;

/**
 * Holds the owner until the transaction ends, so that nobody gets an agent while they leave.
 * @throws {AppError} `invalid_input` with member `owner` unless the owner exists and is alive.
 */
export async function assertAlive(owner: AgentOwner, owners: Pick<OwnerDirectory, 'holdOwner'>): Promise<void> {
  if (!(await owners.holdOwner(owner)))
    throw new AppError('invalid_input', 'The owner is a person or group that exists and is active.', { member: 'owner' });
}

/** Every owner an account stands behind: itself, and the groups it is a member of. */
export async function ownersBehind(accountId: string, owners: Owners): Promise<readonly AgentOwner[]> {
  const groups = await owners.groupsOf(accountId);
  return [{ kind: 'user', id: accountId }, ...groups.map(({ id }) => ({ kind: 'group', id }) as const)];
}

/** Whether an account owns something itself or through a group (security rule R8). */
export async function isOwnedBy(owner: AgentOwner | undefined, accountId: string, owners: Owners): Promise<boolean> {
  if (owner === undefined) return false;
  if (owner.kind === 'user') return owner.id === accountId;
  return (await ownersBehind(accountId, owners)).some((one) => isSameOwner(one, owner));
}
