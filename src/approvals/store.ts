import type { AuthorizationDetail } from '../authorization-details/index.ts';
import type { Db } from '../platform/db/db.ts';
import { type Approval, type ApprovalStatus, type Decision, MAX_PENDING, type Question } from './approval.ts';

/** A question about to be kept. */
export interface NewApproval extends Question {
  readonly id: string;
  readonly authReqHash: Buffer;
  readonly detailsHash: string;
  readonly requestedAt: Date;
  readonly expiresAt: Date;
}

/** Which approvals a list shows: of one person or of everybody, in these states, after the one with the id `after`, newest first. */
export interface ApprovalFilter {
  readonly accountId?: string;
  readonly statuses: readonly ApprovalStatus[];
  readonly after?: string | undefined;
  readonly limit: number;
}

/** What somebody decided about one question. */
export interface NewDecision extends Decision {
  readonly id: string;
  readonly status: 'approved' | 'denied';
  readonly approvedUntil: Date | undefined;
  readonly maxUses: number | undefined;
}

/** What a poll found: nothing that waits, or whether it came too early and how long the client must wait from now on. */
export type Poll = { readonly isEarly: boolean; readonly intervalSeconds: number } | undefined;

/** The approvals in SQL. Every change is conditional on the state it starts from: of N callers one wins. */
export interface ApprovalStore {
  /** Takes a free place of the agent with the person; false when all are taken. */
  insert(approval: NewApproval): Promise<boolean>;
  find(id: string): Promise<Approval | undefined>;
  findByRequest(authReqHash: Buffer): Promise<Approval | undefined>;
  list(filter: ApprovalFilter): Promise<Approval[]>;
  countByStatus(now: Date): Promise<ReadonlyMap<ApprovalStatus, number>>;
  countWaiting(accountId: string, now: Date): Promise<number>;
  /** How many questions of these agents wait, whoever is asked. */
  countOpen(agentIds: readonly string[], now: Date): Promise<number>;
  /** How the person answered the agent before. */
  countAnswers(agentId: string, accountId: string): Promise<{ approved: number; denied: number }>;
  /** pending → approved or denied; undefined when it no longer waits. */
  decide(decision: NewDecision): Promise<Approval | undefined>;
  /** Held until the transaction ends; undefined when there is nothing to finish. */
  lockUnfinished(id: string): Promise<Approval | undefined>;
  unfinished(limit: number): Promise<string[]>;
  complete(id: string, result: { at: Date; grantHash: Buffer | undefined }): Promise<void>;
  /** pending → expired for everything whose time is over, of one agent with one person if told; returns what ran out. */
  expire(now: Date, of?: { agentId: string; accountId: string }): Promise<readonly { id: string; accountId: string }[]>;
  /** pending → withdrawn for everything these agents asked. */
  withdraw(agentIds: readonly string[]): Promise<readonly { id: string; accountId: string; agentId: string }[]>;
  /** Notes that the client asked; each time it asks too early it has to wait longer (CIBA Core §11 slow_down). */
  poll(authReqHash: Buffer, clientId: string, now: Date): Promise<Poll>;
}

interface Row {
  readonly id: string;
  readonly status: ApprovalStatus;
  readonly client_id: string;
  readonly agent_id: string;
  readonly account_id: string;
  readonly auth_req_hash: Buffer;
  readonly resource: string | null;
  readonly scope: string;
  readonly identity_scope: string;
  readonly details: AuthorizationDetail[];
  readonly details_hash: string;
  readonly binding_message: string | null;
  readonly requested_at: Date;
  readonly expires_at: Date;
  readonly decided_at: Date | null;
  readonly decided_by: string | null;
  readonly decision_session: string | null;
  readonly decision_auth_time: Date | null;
  readonly decision_acr: string | null;
  readonly decision_amr: string[] | null;
  readonly approved_until: Date | null;
  readonly max_uses: number | null;
  readonly completed_at: Date | null;
  readonly asked_details: AuthorizationDetail[] | null;
  readonly asked_scope: string | null;
  readonly has_receipt: boolean;
}

const COLUMNS = `id, status, client_id, agent_id, account_id, auth_req_hash, resource, scope, identity_scope, details, details_hash, binding_message,
  requested_at, expires_at, decided_at, decided_by, decision_session, decision_auth_time, decision_acr, decision_amr, approved_until, max_uses, completed_at, asked_details, asked_scope, receipt IS NOT NULL AS has_receipt`;
const SELECT = `SELECT ${COLUMNS} FROM approvals`;
/** What adds to the wait of a client that asks too early, and the most it can come to; seconds. */
const SLOWER_BY = 5;
const SLOWEST = 60;

function decisionOf(row: Row): Decision | undefined {
  if (row.decided_at === null || row.decided_by === null || row.decision_session === null) return undefined;
  return {
    at: row.decided_at,
    by: row.decided_by,
    sessionUid: row.decision_session,
    authTime: row.decision_auth_time ?? undefined,
    acr: row.decision_acr ?? undefined,
    amr: row.decision_amr ?? [],
  };
}

function toApproval(row: Row): Approval {
  return {
    id: row.id,
    status: row.status,
    clientId: row.client_id,
    agentId: row.agent_id,
    accountId: row.account_id,
    authReqHash: row.auth_req_hash,
    resource: row.resource ?? undefined,
    scope: row.scope,
    identityScope: row.identity_scope,
    details: row.details,
    detailsHash: row.details_hash,
    bindingMessage: row.binding_message ?? undefined,
    requestedAt: row.requested_at,
    expiresAt: row.expires_at,
    decision: decisionOf(row),
    approvedUntil: row.approved_until ?? undefined,
    maxUses: row.max_uses ?? undefined,
    completedAt: row.completed_at ?? undefined,
    asked: row.asked_details === null ? undefined : { details: row.asked_details, scope: row.asked_scope ?? '' },
    hasReceipt: row.has_receipt,
  };
}

async function first(rows: Promise<Row | undefined>): Promise<Approval | undefined> {
  const row = await rows;
  return row && toApproval(row);
}

function readers(db: Db) {
  return {
    find: (id: string) => first(db.row<Row>({ name: 'approval-find', text: `${SELECT} WHERE id = $1`, values: [id] })),
    findByRequest: (authReqHash: Buffer) =>
      first(db.row<Row>({ name: 'approval-find-request', text: `${SELECT} WHERE auth_req_hash = $1`, values: [authReqHash] })),
    async list({ accountId, statuses, after, limit }: ApprovalFilter) {
      const rows = await db.rows<Row>({
        name: 'approval-list',
        text: `${SELECT} WHERE status = ANY($1::text[]) AND ($2::text IS NULL OR account_id = $2) AND ($3::text IS NULL OR id < $3) ORDER BY id DESC LIMIT $4`,
        values: [statuses, accountId, after, limit],
      });
      return rows.map(toApproval);
    },
    async countByStatus(now: Date) {
      const rows = await db.rows<{ status: ApprovalStatus; count: string }>({
        name: 'approval-count-status',
        text: `SELECT CASE WHEN status = 'pending' AND expires_at <= $1 THEN 'expired' ELSE status END AS status, count(*) AS count FROM approvals GROUP BY 1`,
        values: [now],
      });
      return new Map(rows.map(({ status, count }) => [status, Number(count)]));
    },
    async countWaiting(accountId: string, now: Date) {
      const row = await db.row<{ count: string }>({
        name: 'approval-count-waiting',
        text: `SELECT count(*) AS count FROM approvals WHERE account_id = $1 AND status = 'pending' AND expires_at > $2`,
        values: [accountId, now],
      });
      return Number(row?.count ?? 0);
    },
    async countOpen(agentIds: readonly string[], now: Date) {
      const row = await db.row<{ count: string }>({
        name: 'approval-count-open',
        text: `SELECT count(*) AS count FROM approvals WHERE agent_id = ANY($1) AND status = 'pending' AND expires_at > $2`,
        values: [agentIds, now],
      });
      return Number(row?.count ?? 0);
    },
    async countAnswers(agentId: string, accountId: string) {
      const row = await db.row<{ approved: string; denied: string }>({
        name: 'approval-count-answers',
        text: `SELECT count(*) FILTER (WHERE status = 'approved') AS approved, count(*) FILTER (WHERE status = 'denied') AS denied
               FROM approvals WHERE agent_id = $1 AND account_id = $2`,
        values: [agentId, accountId],
      });
      return { approved: Number(row?.approved ?? 0), denied: Number(row?.denied ?? 0) };
    },
    async unfinished(limit: number) {
      const rows = await db.rows<{ id: string }>({
        name: 'approval-unfinished',
        text: `SELECT id FROM approvals WHERE status IN ('approved', 'denied') AND completed_at IS NULL ORDER BY decided_at LIMIT $1`,
        values: [limit],
      });
      return rows.map(({ id }) => id);
    },
  };
}

/** Each try takes the lowest free place; a place that another request takes meanwhile costs one more try. */
async function insert(db: Db, approval: NewApproval): Promise<boolean> {
  for (let attempt = 0; attempt < MAX_PENDING; attempt += 1) {
    const row = await db.row({
      name: 'approval-insert',
      text: `INSERT INTO approvals (id, status, slot, client_id, agent_id, account_id, auth_req_hash, resource, scope, identity_scope, details, details_hash,
               binding_message, requested_at, expires_at, poll_interval_seconds)
             SELECT $1, 'pending', place, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10, $11, $12, $13, ${SLOWER_BY} FROM generate_series(1, ${MAX_PENDING}) AS place
             WHERE NOT EXISTS (SELECT 1 FROM approvals WHERE agent_id = $3 AND account_id = $4 AND status = 'pending' AND slot = place)
             ORDER BY place LIMIT 1
             ON CONFLICT (agent_id, account_id, slot) WHERE status = 'pending' DO NOTHING RETURNING id`,
      values: [
        approval.id,
        approval.clientId,
        approval.agentId,
        approval.accountId,
        approval.authReqHash,
        approval.resource,
        approval.scope,
        approval.identityScope,
        JSON.stringify(approval.details),
        approval.detailsHash,
        approval.bindingMessage,
        approval.requestedAt,
        approval.expiresAt,
      ],
    });
    if (row !== undefined) return true;
  }
  return false;
}

function decide(db: Db, decision: NewDecision): Promise<Approval | undefined> {
  const { id, status, at, by, sessionUid, authTime, acr, amr, approvedUntil, maxUses } = decision;
  return first(
    db.row<Row>({
      name: 'approval-decide',
      text: `UPDATE approvals SET status = $2, decided_at = $3, decided_by = $4, decision_session = $5, decision_auth_time = $6, decision_acr = $7,
               decision_amr = $8, approved_until = $9, max_uses = $10
             WHERE id = $1 AND status = 'pending' AND expires_at > $3 RETURNING ${COLUMNS}`,
      values: [id, status, at, by, sessionUid, authTime, acr, amr, approvedUntil, maxUses],
    }),
  );
}

async function poll(db: Db, of: { authReqHash: Buffer; clientId: string; now: Date }): Promise<Poll> {
  const row = await db.row<{ is_early: boolean; poll_interval_seconds: number }>({
    name: 'approval-poll',
    text: `WITH before AS (
             SELECT id, coalesce(last_polled_at > $3::timestamptz - make_interval(secs => poll_interval_seconds), false) AS is_early FROM approvals
             WHERE auth_req_hash = $1 AND client_id = $2 AND status = 'pending' AND expires_at > $3 FOR UPDATE)
           UPDATE approvals SET last_polled_at = $3,
             poll_interval_seconds = least(poll_interval_seconds + CASE WHEN before.is_early THEN ${SLOWER_BY} ELSE 0 END, ${SLOWEST})
           FROM before WHERE approvals.id = before.id RETURNING before.is_early, approvals.poll_interval_seconds`,
    values: [of.authReqHash, of.clientId, of.now],
  });
  return row && { isEarly: row.is_early, intervalSeconds: row.poll_interval_seconds };
}

/** The store over PostgreSQL. */
export function createApprovalStore({ db }: { db: Db }): ApprovalStore {
  return {
    ...readers(db),
    insert: (approval) => insert(db, approval),
    decide: (decision) => decide(db, decision),
    lockUnfinished: (id) =>
      first(
        db.row<Row>({
          name: 'approval-lock',
          text: `${SELECT} WHERE id = $1 AND status IN ('approved', 'denied') AND completed_at IS NULL FOR UPDATE`,
          values: [id],
        }),
      ),
    async complete(id, { at, grantHash }) {
      await db.rows({
        name: 'approval-complete',
        text: 'UPDATE approvals SET completed_at = $2, grant_hash = $3 WHERE id = $1 AND completed_at IS NULL',
        values: [id, at, grantHash],
      });
    },
    expire: (now, of) =>
      db.rows({
        name: 'approval-expire',
        text: `UPDATE approvals SET status = 'expired' WHERE status = 'pending' AND expires_at <= $1 AND ($2::text IS NULL OR agent_id = $2)
               AND ($3::text IS NULL OR account_id = $3) RETURNING id, account_id AS "accountId"`,
        values: [now, of?.agentId, of?.accountId],
      }),
    withdraw: (agentIds) =>
      db.rows({
        name: 'approval-withdraw',
        text: `UPDATE approvals SET status = 'withdrawn' WHERE status = 'pending' AND agent_id = ANY($1)
               RETURNING id, account_id AS "accountId", agent_id AS "agentId"`,
        values: [agentIds],
      }),
    poll: (authReqHash, clientId, now) => poll(db, { authReqHash, clientId, now }),
  };
}
