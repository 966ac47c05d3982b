import type { Db } from '../../platform/db/db.ts';
import type { Policy, PolicyVersion, VersionHead } from './policy-set.ts';

/** The versions in SQL. */
export interface PolicySetStore {
  /** The number that is in force: 0, when nobody ever saved anything. Outside the transaction under way. */
  current(): Promise<number>;
  /** The newest version; undefined: there is none. */
  newest(): Promise<PolicyVersion | undefined>;
  find(version: number): Promise<PolicyVersion | undefined>;
  /** Without what they hold; the newest first, from below `before`. */
  list(page: { readonly before: number | undefined; readonly limit: number }): Promise<VersionHead[]>;
  insert(version: PolicyVersion): Promise<void>;
  /** Holds back everybody else who saves, until the transaction ends. */
  lock(): Promise<void>;
}

interface HeadRow {
  readonly version: number;
  readonly summary: string;
  readonly reason: string;
  readonly changed_by: string;
  readonly changed_at: Date;
  readonly restores: number | null;
}
type Row = HeadRow & { readonly policies: Policy[] };

const HEAD = 'version, summary, reason, changed_by, changed_at, restores';
const LOCK = 0x706f6c69; // "poli"

function headOf(row: HeadRow): VersionHead {
  const { version, summary, reason, restores } = row;
  return { version, summary, reason, changedBy: row.changed_by, changedAt: row.changed_at, restores: restores ?? undefined };
}
const versionOf = (row: Row): PolicyVersion => ({ ...headOf(row), policies: row.policies });

/** The store over PostgreSQL. */
export function createPolicySetStore({ db }: { readonly db: Pick<Db, 'row' | 'rows' | 'detached'> }): PolicySetStore {
  return {
    async current() {
      const text = 'SELECT version FROM policies_in_force';
      const row = await db.detached(() => db.row<{ version: number }>({ name: 'policies-in-force', text, values: [] }));
      return row?.version ?? 0;
    },
    async newest() {
      const text = `SELECT ${HEAD}, policies FROM policy_versions ORDER BY version DESC LIMIT 1`;
      const row = await db.row<Row>({ name: 'policy-version-newest', text, values: [] });
      return row && versionOf(row);
    },
    async find(version) {
      const text = `SELECT ${HEAD}, policies FROM policy_versions WHERE version = $1`;
      const row = await db.row<Row>({ name: 'policy-version-find', text, values: [version] });
      return row && versionOf(row);
    },
    async list({ before, limit }) {
      const text = `SELECT ${HEAD} FROM policy_versions WHERE $1::int IS NULL OR version < $1 ORDER BY version DESC LIMIT $2`;
      return (await db.rows<HeadRow>({ name: 'policy-version-list', text, values: [before, limit] })).map(headOf);
    },
    async insert({ version, policies, summary, reason, changedBy, changedAt, restores }) {
      const text = `INSERT INTO policy_versions (version, policies, summary, reason, changed_by, changed_at, restores) VALUES ($1, $2, $3, $4, $5, $6, $7)`;
      const values = [version, JSON.stringify(policies), summary, reason, changedBy, changedAt, restores];
      await db.rows({ name: 'policy-version-insert', text, values });
    },
    async lock() {
      await db.rows({ name: 'policies-lock', text: 'SELECT pg_advisory_xact_lock($1)', values: [LOCK] });
    },
  };
}
