import type { Db } from '../../src/platform/db/db.ts';

/** The parties of a test: present in a table = alive. They stand in for the capabilities that own the liveness views. */
export interface Parties {
  add(kind: PartyKind, id: string): Promise<void>;
  remove(kind: PartyKind, id: string): Promise<void>;
  /** Until when an agent may act. */
  limit(agentId: string, until: Date): Promise<void>;
}

export type PartyKind = 'client' | 'agent' | 'account' | 'resource';

const VIEWS = `
  DROP VIEW IF EXISTS live_clients, live_agents, live_accounts, live_resource_servers CASCADE;
  CREATE TABLE test_parties (kind text, id text, valid_until timestamptz, PRIMARY KEY (kind, id));
  CREATE VIEW live_clients AS SELECT id AS client_id FROM test_parties WHERE kind = 'client';
  CREATE VIEW live_accounts AS SELECT id AS account_id FROM test_parties WHERE kind = 'account';
  CREATE VIEW live_agents AS SELECT id AS agent_id, valid_until FROM test_parties WHERE kind = 'agent';
  CREATE VIEW live_resource_servers AS SELECT id AS identifier FROM test_parties WHERE kind = 'resource';`;

/** Puts the views of a database of its own over one table of parties. */
export async function createParties(db: Db): Promise<Parties> {
  for (const statement of VIEWS.split(';').map((each) => each.trim()))
    if (statement !== '') await db.rows({ name: statement.slice(0, 60), text: statement, values: [] });
  return {
    async add(kind, id) {
      const text = 'INSERT INTO test_parties (kind, id) VALUES ($1, $2) ON CONFLICT DO NOTHING';
      await db.rows({ name: 'party-add', text, values: [kind, id] });
    },
    async remove(kind, id) {
      await db.rows({ name: 'party-remove', text: 'DELETE FROM test_parties WHERE kind = $1 AND id = $2', values: [kind, id] });
    },
    async limit(agentId, until) {
      const text = `UPDATE test_parties SET valid_until = $2 WHERE kind = 'agent' AND id = $1`;
      await db.rows({ name: 'party-limit', text, values: [agentId, until] });
    },
  };
}
