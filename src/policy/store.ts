import type { Db } from '../platform/db/db.ts';
import { type Columns, namesOf, type NewRow, rowSet, rowsOf } from '../platform/db/row-set.ts';
import type { Companion } from '../tokens/index.ts';
import type { Effect, StoredDecision } from './decision.ts';

/** What a list of decisions may be narrowed to. `cursor` is the id of the last one seen; the newest come first. */
export interface DecisionFilter {
  readonly agentId?: string | undefined;
  readonly subjectId?: string | undefined;
  readonly clientId?: string | undefined;
  readonly effect?: Effect | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** SQL of the decisions. */
export interface DecisionStore {
  /** The row of a decision, for the statement that writes what it permits. */
  rowOf(decision: StoredDecision): Companion;
  insert(decision: StoredDecision): Promise<void>;
  find(id: string): Promise<StoredDecision | undefined>;
  list(filter: DecisionFilter): Promise<StoredDecision[]>;
  /** Decisions after one id and before another, the oldest first: ids sort by time. */
  listFrom(page: { readonly after: string; readonly until: string; readonly limit: number }): Promise<StoredDecision[]>;
  /** The newest decision of a rule about a client since a time. */
  latest(clientId: string, rule: string, since: Date): Promise<StoredDecision | undefined>;
  /** Removes up to `limit` decisions from before; returns how many went. */
  purge(before: Date, limit: number): Promise<number>;
}

interface Row {
  readonly id: string;
  readonly at: Date;
  readonly effect: string;
  readonly rule: string;
  readonly reason: string;
  readonly remedy: string;
  readonly client_id: string;
  readonly agent_id: string | null;
  readonly subject_id: string | null;
  readonly resource: string | null;
  readonly action: string;
  readonly input: Record<string, unknown>;
  readonly policy_version: string;
}

const COLUMNS: Columns = [
  ['id', 'text'],
  ['at', 'timestamptz'],
  ['effect', 'text'],
  ['rule', 'text'],
  ['reason', 'text'],
  ['remedy', 'text'],
  ['client_id', 'text'],
  ['agent_id', 'text'],
  ['subject_id', 'text'],
  ['resource', 'text'],
  ['action', 'text'],
  ['input', 'jsonb'],
  ['policy_version', 'text'],
];
const SELECT = `SELECT ${namesOf(COLUMNS)} FROM decisions`;

function rowOf(decision: StoredDecision): NewRow {
  const { id, at, effect, rule, reason, remedy, resource, action, input } = decision;
  return {
    ...{ id, at, effect, rule, reason, remedy, resource, action, input },
    client_id: decision.clientId,
    agent_id: decision.agentId,
    subject_id: decision.subjectId,
    policy_version: decision.policyVersion,
  };
}

function toDecision(row: Row): StoredDecision {
  const { id, at, rule, reason, remedy, resource, action, input } = row;
  const parties = { clientId: row.client_id, agentId: row.agent_id ?? undefined, subjectId: row.subject_id ?? undefined };
  const policyVersion = row.policy_version;
  return {
    id,
    at,
    effect: row.effect as Effect,
    rule,
    reason,
    remedy,
    ...parties,
    resource: resource ?? undefined,
    action,
    input,
    policyVersion,
  };
}

/** The store over PostgreSQL; what every token request writes is one prepared statement. */
export function createDecisionStore({ db }: { db: Db }): DecisionStore {
  return {
    rowOf: (decision) => ({ table: 'decisions', columns: COLUMNS, row: rowOf(decision) }),
    async insert(decision) {
      const text = `INSERT INTO decisions (${namesOf(COLUMNS)}) SELECT * FROM ${rowsOf('$1', COLUMNS, 'decision')}`;
      await db.rows({ name: 'decision-insert', text, values: [rowSet([rowOf(decision)])] });
    },
    async find(id) {
      const row = await db.row<Row>({ name: 'decision-find', text: `${SELECT} WHERE id = $1`, values: [id] });
      return row && toDecision(row);
    },
    async list({ agentId, subjectId, clientId, effect, cursor, limit }) {
      const rows = await db.rows<Row>({
        name: 'decision-list',
        text: `${SELECT} WHERE ($1::text IS NULL OR agent_id = $1) AND ($2::text IS NULL OR subject_id = $2)
               AND ($3::text IS NULL OR client_id = $3) AND ($4::text IS NULL OR effect = $4) AND ($5::text IS NULL OR id < $5)
               ORDER BY id DESC LIMIT $6`,
        values: [agentId, subjectId, clientId, effect, cursor, limit],
      });
      return rows.map(toDecision);
    },
    async listFrom({ after, until, limit }) {
      const text = `${SELECT} WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3`;
      return (await db.rows<Row>({ name: 'decision-list-from', text, values: [after, until, limit] })).map(toDecision);
    },
    async latest(clientId, rule, since) {
      const row = await db.row<Row>({
        name: 'decision-latest',
        text: `${SELECT} WHERE client_id = $1 AND rule = $2 AND at >= $3 ORDER BY id DESC LIMIT 1`,
        values: [clientId, rule, since],
      });
      return row && toDecision(row);
    },
    async purge(before, limit) {
      // ids sort by time: when the oldest are young enough, all are
      const text = `DELETE FROM decisions WHERE id = ANY(ARRAY(
          SELECT id FROM (SELECT id, at FROM decisions ORDER BY id LIMIT $2) AS oldest WHERE at < $1)) RETURNING 1 AS one`;
      return (await db.rows({ name: 'decisions-purge', text, values: [before, limit] })).length;
    },
  };
}
