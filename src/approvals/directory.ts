import type { OwnerRef } from '../accounts/index.ts';
import type { DetailTypes } from '../authorization-details/index.ts';
import type { TitledTools } from '../resource-servers/index.ts';

/** A person, as far as approvals need them. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly status: 'active' | 'disabled';
}

/** An agent, as far as approvals need it. */
export interface AskingAgent {
  readonly id: string;
  readonly displayName: string;
  readonly status: string;
  /** Under review, and acting meanwhile. */
  readonly actsUnderReview: boolean;
  readonly owner: OwnerRef | undefined;
}

/** A resource server and what its scopes mean to people. */
export interface AskedResource extends TitledTools {
  readonly identifier: string;
  readonly name: string;
  readonly scopes: readonly { readonly name: string; readonly description: string }[];
}

/** Who is who: the records that approvals read. Accounts, agents and resource servers fit as they are. */
export interface Directory {
  readonly accounts: {
    find(id: string): Promise<Person | undefined>;
    findByEmail(email: string): Promise<Person | undefined>;
    groupsOf(accountId: string): Promise<readonly { readonly id: string }[]>;
    ownerLabel(owner: OwnerRef): Promise<{ readonly name: string } | undefined>;
  };
  readonly agents: {
    find(id: string): Promise<AskingAgent | undefined>;
    findByClient(clientId: string): Promise<AskingAgent | undefined>;
  };
  readonly resourceServers: { findByIdentifier(uri: string): Promise<AskedResource | undefined> };
  /** The types in force; asked anew each time, because they change while the server runs. */
  readonly detailTypes: () => DetailTypes;
}

/** Whether a person answers for an agent, alone or in a group. */
export async function ownsAgent(directory: Pick<Directory, 'accounts'>, accountId: string, owner: OwnerRef | undefined): Promise<boolean> {
  const groups = await directory.accounts.groupsOf(accountId);
  if (owner === undefined) return false;
  return owner.kind === 'user' ? owner.id === accountId : groups.some(({ id }) => id === owner.id);
}
