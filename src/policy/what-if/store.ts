import type { Db } from '../../platform/db/db.ts';
import type { Policy } from '../policy-set/policy-set.ts';
import type { Trial, TrialResult } from './trial.ts';

/** The trials in SQL. */
export interface TrialStore {
  insert(trial: Trial): Promise<void>;
  find(id: string): Promise<Trial | undefined>;
  /** Keeps how far it got; false when somebody else got on with it since `trial` was read. */
  advance(trial: Trial, next: Pick<Trial, 'state' | 'position' | 'result' | 'touchedAt'>): Promise<boolean>;
  countRunning(): Promise<number>;
  /** One that runs and that nobody got on with since. */
  findLeft(before: Date): Promise<Trial | undefined>;
  purge(before: Date): Promise<void>;
}

interface Row {
  readonly id: string;
  readonly base_version: number;
  readonly policies: Policy[];
  readonly draft: Policy[];
  readonly since: Date;
  readonly until: Date;
  readonly state: Trial['state'];
  readonly position: string;
  readonly result: TrialResult;
  readonly started_by: string;
  readonly started_at: Date;
  readonly touched_at: Date;
}

const COLUMNS = 'id, base_version, policies, draft, since, until, state, position, result, started_by, started_at, touched_at';

function toTrial(row: Row): Trial {
  const { id, policies, draft, since, until, state, position, result } = row;
  const times = { startedBy: row.started_by, startedAt: row.started_at, touchedAt: row.touched_at };
  return { id, baseVersion: row.base_version, policies, draft, since, until, state, position, result, ...times };
}

/** The store over PostgreSQL. */
export function createTrialStore({ db }: { readonly db: Pick<Db, 'row' | 'rows'> }): TrialStore {
  return {
    async insert({ id, baseVersion, policies, draft, since, until, state, position, result, startedBy, startedAt, touchedAt }) {
      const text = `INSERT INTO policy_trials (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`;
      const json = [policies, draft].map((value) => JSON.stringify(value));
      const values = [id, baseVersion, ...json, since, until, state, position, JSON.stringify(result), startedBy, startedAt, touchedAt];
      await db.rows({ name: 'policy-trial-insert', text, values });
    },
    async find(id) {
      const row = await db.row<Row>({
        name: 'policy-trial-find',
        text: `SELECT ${COLUMNS} FROM policy_trials WHERE id = $1`,
        values: [id],
      });
      return row && toTrial(row);
    },
    async advance({ id, position: from }, { state, position, result, touchedAt }) {
      const text = `UPDATE policy_trials SET state = $3, position = $4, result = $5, touched_at = $6
        WHERE id = $1 AND position = $2 AND state = 'running' RETURNING 1 AS one`;
      const values = [id, from, state, position, JSON.stringify(result), touchedAt];
      return (await db.rows({ name: 'policy-trial-advance', text, values })).length === 1;
    },
    async countRunning() {
      const text = `SELECT count(*)::int AS count FROM policy_trials WHERE state = 'running'`;
      return (await db.row<{ count: number }>({ name: 'policy-trials-running', text, values: [] }))?.count ?? 0;
    },
    async findLeft(before) {
      const text = `SELECT ${COLUMNS} FROM policy_trials WHERE state = 'running' AND touched_at < $1 ORDER BY id LIMIT 1`;
      const row = await db.row<Row>({ name: 'policy-trial-left', text, values: [before] });
      return row && toTrial(row);
    },
    async purge(before) {
      await db.rows({ name: 'policy-trials-purge', text: 'DELETE FROM policy_trials WHERE started_at < $1', values: [before] });
    },
  };
}
