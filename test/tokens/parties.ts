import type { Db } from '../../src/platform/db/db.ts';

/** The parties of a test as rows of their own tables, written without the capabilities that own them. */
export interface Parties {
  /** Adds a party, or brings it back. */
  add(kind: PartyKind, id: string): Promise<void>;
  /** Stops a party as its owner would: disabled, suspended, removed. Nothing cascades. */
  remove(kind: PartyKind, id: string): Promise<void>;
  /** Until when an agent may act. */
  limit(agentId: string, until: Date): Promise<void>;
}

export type PartyKind = 'client' | 'agent' | 'account' | 'resource';

const OWNER = 'usr_owner';

/** `$1` is the id, `$2` the time. */
const ADD: Readonly<Record<PartyKind, string>> = {
  account: `INSERT INTO accounts (id, email, name, role, status, created_at) VALUES ($1, $1 || '@acme.test', $1, 'user', 'active', $2)
    ON CONFLICT (id) DO UPDATE SET status = 'active'`,
  client: `INSERT INTO clients (client_id, name, kind, purpose, status, metadata, bounds, is_management, has_governance, version, created_at, updated_at)
    VALUES ($1, $1, 'admin', 'agent', 'active', '{}', '{}', false, false, 1, $2, $2) ON CONFLICT (client_id) DO UPDATE SET status = 'active'`,
  agent: `INSERT INTO agents (id, name, display_name, status, status_changed_at, owner_kind, owner_id, purpose, risk_level, autonomy, source, provisioned,
      version, created_at, updated_at)
    VALUES ($1, $1, $1, 'active', $2, 'user', '${OWNER}', 'tests', 'low', 'background', 'admin', '{}', 1, $2, $2) ON CONFLICT (id) DO UPDATE SET status = 'active'`,
  resource: `INSERT INTO resource_servers (id, identifier, name, kind, sensitivity, algorithm, created_at, updated_at)
    VALUES ($1, $1, $1, 'api', 'normal', 'ES256', $2, $2) ON CONFLICT DO NOTHING`,
};
const REMOVE: Readonly<Record<PartyKind, string>> = {
  account: `UPDATE accounts SET status = 'disabled' WHERE id = $1`,
  client: `UPDATE clients SET status = 'disabled' WHERE client_id = $1`,
  agent: `UPDATE agents SET status = 'suspended' WHERE id = $1`,
  resource: 'DELETE FROM resource_servers WHERE identifier = $1',
};

/** The parties of a database; the owner of all agents is there already. */
export async function createParties(db: Db): Promise<Parties> {
  const add = async (kind: PartyKind, id: string) => {
    await db.rows({ name: `party-add-${kind}`, text: ADD[kind], values: [id, new Date()] });
  };
  await add('account', OWNER);
  return {
    add,
    async remove(kind, id) {
      await db.rows({ name: `party-remove-${kind}`, text: REMOVE[kind], values: [id] });
    },
    async limit(agentId, until) {
      await db.rows({ name: 'party-limit', text: 'UPDATE agents SET valid_until = $2 WHERE id = $1', values: [agentId, until] });
    },
  };
}
