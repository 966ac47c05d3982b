import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import type { ApiCaller } from '../../platform/http/web.ts';
import { weakEtag } from '../../scim/index.ts';
import type { By } from '../account.ts';
import type { AccountEvents } from '../account-event.ts';
import type { AccountService } from '../service.ts';
import type { ProvisioningStore } from './store.ts';

/** What is asked about agents in groups; the registry of agents answers. */
export interface MemberAgents {
  /** The names of those of these agents that there are. */
  namesOf(agentIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** How many agents each of these owners has. */
  countByOwner(ownerIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
}

/** What people and groups over SCIM stand on. */
export interface ProvisioningDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly audit: AccountEvents;
  readonly service: AccountService;
  readonly store: ProvisioningStore;
  readonly memberAgents: MemberAgents;
  /** Taken before a person who may leave: everybody who shuts somebody out takes the two in this order. */
  readonly lockAdministrators: () => Promise<void>;
  /** `<issuer>/scim/v2` */
  readonly baseUrl: string;
}

/** Who provisions: the person behind the token, else its client. */
export function byOf({ clientId, accountId }: Pick<ApiCaller, 'clientId' | 'accountId'>): By {
  return accountId === undefined ? { kind: 'client', id: clientId } : { kind: 'account', id: accountId };
}

/** Where a record came from; external ids are unique within it. */
export function sourceOf({ clientId }: Pick<ApiCaller, 'clientId'>): string {
  return `scim:${clientId}`;
}

/** An address or a name that is taken is `uniqueness` here (RFC 7644 §3.3), under the name SCIM has for it. */
export function asUniqueness(error: unknown): never {
  if (!(error instanceof AppError) || error.code !== 'conflict') throw error;
  const member = { email: 'emails', name: 'displayName' }[error.details.member ?? ''];
  if (member === undefined) throw error;
  throw new AppError('conflict', error.message, { member, scimType: 'uniqueness' });
}

/** Refuses with `precondition_failed` when a version is no longer the one a client read. */
export function assertVersion(version: number, ifMatch: string | undefined): void {
  if (ifMatch === undefined || ifMatch === weakEtag(version)) return;
  throw new AppError('precondition_failed', 'The resource has changed: read it again and send its new version in If-Match.');
}
