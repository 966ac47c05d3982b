import type { Db } from '../../platform/db/db.ts';
import { keySet, keysOf } from '../../platform/db/row-set.ts';
import { FORMER_PERSON, type OwnerRef } from '../account.ts';

/** What leaving needs in SQL. The locks here are what keeps an owner and what they own together; see docs/decisions/0015. */
export interface LeavingStore {
  /** Whether an owner is alive; if so nobody shuts them out, empties or deletes them before the transaction ends. */
  hold(owner: OwnerRef): Promise<boolean>;
  /** Those of these people that there are; nobody shuts them out before the transaction ends. In one order, so that nobody waits in a circle. */
  holdPeople(accountIds: readonly string[]): Promise<readonly string[]>;
  /** Holds one group against whoever needs it alive; false when there is none. */
  lockGroup(id: string): Promise<boolean>;
  /** The same for the groups of a person that are not built in; their ids in one order, so that two who leave wait for each other. */
  lockGroupsOf(accountId: string): Promise<readonly string[]>;
  /** Those of the groups that nobody alive is in any more. */
  emptied(groupIds: readonly string[]): Promise<readonly string[]>;
  setSuccessor(id: string, successorId: string | undefined, at: Date): Promise<void>;
  /** Forgets everything about a person but that there was one: the address is free again. */
  erase(id: string, at: Date): Promise<void>;
}

/** What hangs on an account; credentials are removed where they are told to the audit trail. */
const BELONGINGS = ['group_members', 'passkey_challenges', 'one_time_links', 'known_devices'] as const;

/** The store over PostgreSQL. */
export function createLeavingStore(db: Db): LeavingStore {
  const isThere = async (name: string, text: string, values: readonly unknown[]) => (await db.row({ name, text, values })) !== undefined;
  const idsOf = async (name: string, text: string, values: readonly unknown[]) =>
    (await db.rows<{ id: string }>({ name, text, values })).map(({ id }) => id);
  return {
    async hold({ kind, id }) {
      if (kind === 'user') return isThere('account-hold', `SELECT 1 FROM accounts WHERE id = $1 AND status = 'active' FOR SHARE`, [id]);
      // two statements: the second sees what whoever held the group meanwhile has done to its members
      if (!(await isThere('group-hold', 'SELECT 1 FROM groups WHERE id = $1 FOR SHARE', [id]))) return false;
      return isThere('group-is-alive', 'SELECT 1 FROM live_groups WHERE group_id = $1', [id]);
    },
    holdPeople: (accountIds) =>
      idsOf('account-hold-many', `SELECT id FROM accounts WHERE id = ANY(${keysOf('$1')}) AND removed_at IS NULL ORDER BY id FOR SHARE`, [
        keySet(accountIds),
      ]),
    lockGroup: (id) => isThere('group-lock', 'SELECT 1 FROM groups WHERE id = $1 FOR NO KEY UPDATE', [id]),
    lockGroupsOf: (accountId) =>
      idsOf(
        'group-lock-of-account',
        `SELECT owners.id FROM groups owners JOIN group_members member ON member.group_id = owners.id
         WHERE member.account_id = $1 AND NOT owners.is_built_in ORDER BY owners.id FOR NO KEY UPDATE OF owners`,
        [accountId],
      ),
    emptied: (groupIds) =>
      idsOf(
        'group-emptied',
        `SELECT owners.id FROM groups owners WHERE owners.id = ANY($1)
         AND NOT EXISTS (SELECT 1 FROM live_groups alive WHERE alive.group_id = owners.id) ORDER BY owners.id`,
        [groupIds],
      ),
    async setSuccessor(id, successorId, at) {
      const text = 'UPDATE accounts SET successor_id = $2, version = version + 1, updated_at = $3 WHERE id = $1';
      await db.rows({ name: 'account-successor', text, values: [id, successorId, at] });
    },
    async erase(id, at) {
      for (const table of BELONGINGS) {
        await db.rows({ name: `account-erase-${table}`, text: `DELETE FROM ${table} WHERE account_id = $1`, values: [id] });
      }
      // RFC 2606 §2: nobody has an address there
      const text = `UPDATE accounts SET email = lower(id) || '@removed.invalid', name = $2, role = 'user', status = 'disabled', password_hash = NULL,
        password_changed_at = NULL, last_seen_at = NULL, successor_id = NULL, user_name = NULL, external_id = NULL, profile = NULL, disabled_at = coalesce(disabled_at, $3), removed_at = $3 WHERE id = $1`;
      await db.rows({ name: 'account-erase', text, values: [id, FORMER_PERSON, at] });
    },
  };
}
