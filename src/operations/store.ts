import type { Db } from '../platform/db/db.ts';

/** What the database says of itself. */
export interface DatabaseFacts {
  /** As PostgreSQL counts: 180004 is 18.4. */
  readonly versionNumber: number;
  /** What time it is there. */
  readonly now: Date;
}

/** Records that nothing can be done with as they are; `total` counts more than `ids` lists. */
export interface Stranded {
  readonly ids: readonly string[];
  readonly total: number;
}

/** A provisioning token that somebody should look at. */
export interface AgeingToken {
  /** Of the identity provider that has it. */
  readonly name: string;
  readonly endsIn: string;
  readonly expiresAt: Date;
  /** Its last use; when it was never used, its making. */
  readonly idleSince: Date;
}

/** What the doctor asks across capabilities, through views of its own. */
export interface OperationsStore {
  database(): Promise<DatabaseFacts>;
  agentsWithoutOwner(): Promise<Stranded>;
  clientsWithoutAgent(): Promise<Stranded>;
  /** Since when the environment's client has its secret; undefined when there is none. */
  bootstrapSecretSince(): Promise<Date | undefined>;
  /** Provisioning tokens that work now and soon will not, or that nobody showed since `idleSince`; the first to end first. */
  ageingProvisioningTokens(when: {
    readonly now: Date;
    readonly endsBefore: Date;
    readonly idleSince: Date;
  }): Promise<readonly AgeingToken[]>;
  /** Events that have no place in the chain yet. */
  unsealedTail(): Promise<{ readonly events: number; readonly oldestAt: Date | undefined }>;
}

const LISTED = 5;

/** The doctor's questions in SQL. */
export function createOperationsStore({ db }: { db: Db }): OperationsStore {
  const stranded = async (view: 'agents_without_owner' | 'clients_without_agent', id: 'agent_id' | 'client_id') => {
    const rows = await db.rows<{ id: string; total: number }>({
      name: `operations-${view}`,
      text: `SELECT ${id} AS id, count(*) OVER ()::int AS total FROM ${view} ORDER BY 1 LIMIT $1`,
      values: [LISTED],
    });
    return { ids: rows.map((row) => row.id), total: rows[0]?.total ?? 0 };
  };
  return {
    async database() {
      const text = `SELECT current_setting('server_version_num')::int AS version_number, clock_timestamp() AS now`;
      const row = await db.row<{ version_number: number; now: Date }>({ name: 'operations-database', text, values: [] });
      if (row === undefined) throw new Error('the database did not answer a question about itself');
      return { versionNumber: row.version_number, now: row.now };
    },
    agentsWithoutOwner: () => stranded('agents_without_owner', 'agent_id'),
    clientsWithoutAgent: () => stranded('clients_without_agent', 'client_id'),
    async bootstrapSecretSince() {
      const text = 'SELECT since FROM bootstrap_secrets ORDER BY since LIMIT 1';
      return (await db.row<{ since: Date }>({ name: 'operations-bootstrap', text, values: [] }))?.since;
    },
    async ageingProvisioningTokens({ now, endsBefore, idleSince }) {
      const rows = await db.rows<{ name: string; ends_in: string; expires_at: Date; idle_since: Date }>({
        name: 'operations-provisioning',
        text: `SELECT name, ends_in, expires_at, idle_since FROM usable_provisioning_tokens
          WHERE expires_at > $1 AND (expires_at <= $2 OR idle_since <= $3) ORDER BY expires_at, id LIMIT $4`,
        values: [now, endsBefore, idleSince, LISTED],
      });
      return rows.map((row) => ({ name: row.name, endsIn: row.ends_in, expiresAt: row.expires_at, idleSince: row.idle_since }));
    },
    async unsealedTail() {
      const text = 'SELECT events, oldest_at FROM unsealed_audit_tail';
      const row = await db.row<{ events: number; oldest_at: Date | null }>({ name: 'operations-unsealed', text, values: [] });
      return { events: row?.events ?? 0, oldestAt: row?.oldest_at ?? undefined };
    },
  };
}
