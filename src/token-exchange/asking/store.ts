import { type Clock, secondsAfter } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { purge } from '../../platform/db/purge.ts';
import type { DelegationRequest } from './delegation-request.ts';

/** What a list of requests is narrowed to; the newest come first, `cursor` is the id of the last one seen. */
export interface RequestFilter {
  readonly agentId?: string | undefined;
  /** Only those that nobody has answered and that have not run out. */
  readonly isOpen?: boolean;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** An answer. */
export interface Answered {
  readonly id: string;
  readonly outcome: 'approved' | 'declined';
  readonly decidedBy: string;
  readonly delegationId: string | undefined;
}

/** SQL of the requests for delegations. */
export interface RequestStore {
  /** Holds everybody else who asks for the same pair until the transaction ends. */
  holdPair(pair: { readonly from: string; readonly to: string }): Promise<void>;
  /** Those open from one agent to another. */
  openBetween(pair: { readonly from: string; readonly to: string }): Promise<readonly DelegationRequest[]>;
  find(id: string): Promise<DelegationRequest | undefined>;
  list(filter: RequestFilter): Promise<readonly DelegationRequest[]>;
  /** Open ones in which one of these agents hands on, the soonest to run out first; at most 200. */
  openFrom(agentIds: readonly string[]): Promise<readonly DelegationRequest[]>;
  /** In which one of these agents would receive, the newest first. */
  askedFor(agentIds: readonly string[], limit: number): Promise<readonly DelegationRequest[]>;
  insert(request: DelegationRequest): Promise<void>;
  /** False when it was answered already, or has run out. */
  answer(answered: Answered): Promise<boolean>;
  /** Marks up to `limit` that ran out and returns them. */
  lapse(limit: number): Promise<readonly DelegationRequest[]>;
  /** Forgets up to `limit` that were asked more than a year ago; returns how many went. */
  purge(limit: number): Promise<number>;
}

interface Row {
  readonly id: string;
  readonly from_agent_id: string;
  readonly to_agent_id: string;
  readonly resources: string[];
  readonly scopes: string[];
  readonly detail_types: string[];
  readonly until: Date;
  readonly reason: string;
  readonly requested_by: string;
  readonly requested_at: Date;
  readonly expires_at: Date;
  readonly outcome: 'approved' | 'declined' | 'expired' | null;
  readonly decided_by: string | null;
  readonly decided_at: Date | null;
  readonly delegation_id: string | null;
}

function toRequest(row: Row): DelegationRequest {
  const { id, resources, scopes, until, reason } = row;
  return {
    ...{ id, resources, scopes, until, reason },
    fromAgentId: row.from_agent_id,
    toAgentId: row.to_agent_id,
    detailTypes: row.detail_types,
    requestedBy: row.requested_by,
    requestedAt: row.requested_at,
    expiresAt: row.expires_at,
    outcome: row.outcome ?? undefined,
    decidedBy: row.decided_by ?? undefined,
    decidedAt: row.decided_at ?? undefined,
    delegationId: row.delegation_id ?? undefined,
  };
}

/** Longer than any of them waits, or holds. */
const KEPT_SECONDS = 400 * 86_400;
const SELECT = 'SELECT * FROM delegation_requests';

/** The store over PostgreSQL. */
export function createRequestStore({ db, clock }: { db: Db; clock: Clock }): RequestStore {
  const many = async (name: string, where: string, values: unknown[]) =>
    (await db.rows<Row>({ name, text: `${SELECT} WHERE ${where}`, values })).map(toRequest);
  return {
    async holdPair({ from, to }) {
      const text = 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))';
      await db.rows({ name: 'delegation-request-hold', text, values: [`delegation-request ${from} ${to}`] });
    },
    openBetween: ({ from, to }) =>
      many('delegation-requests-between', 'from_agent_id = $1 AND to_agent_id = $2 AND outcome IS NULL AND expires_at > $3 ORDER BY id', [
        from,
        to,
        clock.now(),
      ]),
    find: async (id) => (await many('delegation-request-find', 'id = $1', [id]))[0],
    list: ({ agentId, isOpen = false, cursor, limit }) =>
      many(
        'delegation-request-list',
        `($1::text IS NULL OR from_agent_id = $1 OR to_agent_id = $1) AND ($2::text IS NULL OR id < $2)
         AND (NOT $3::boolean OR (outcome IS NULL AND expires_at > $4)) ORDER BY id DESC LIMIT $5`,
        [agentId, cursor, isOpen, clock.now(), limit],
      ),
    openFrom: (agentIds) =>
      many(
        'delegation-requests-from',
        'from_agent_id = ANY($1::text[]) AND outcome IS NULL AND expires_at > $2 ORDER BY expires_at, id LIMIT 200',
        [[...agentIds], clock.now()],
      ),
    askedFor: (agentIds, limit) =>
      many('delegation-requests-to', 'to_agent_id = ANY($1::text[]) ORDER BY id DESC LIMIT $2', [[...agentIds], limit]),
    async insert({ outcome: _open, resources, scopes, detailTypes, decidedBy: _by, decidedAt: _at, delegationId: _made, ...rest }) {
      const lists = { resources: [...resources], scopes: [...scopes], detailTypes: [...detailTypes] };
      await db.prisma.delegationRequest.create({ data: { ...rest, ...lists } });
    },
    async answer({ id, outcome, decidedBy, delegationId }) {
      const now = clock.now();
      const where = { id, outcome: null, expiresAt: { gt: now } };
      const data = { outcome, decidedBy, decidedAt: now, delegationId: delegationId ?? null };
      return (await db.prisma.delegationRequest.updateMany({ where, data })).count === 1;
    },
    async lapse(limit) {
      const text = `UPDATE delegation_requests SET outcome = 'expired', decided_at = $1 WHERE id IN (
          SELECT id FROM delegation_requests WHERE outcome IS NULL AND expires_at <= $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
        RETURNING *`;
      return (await db.rows<Row>({ name: 'delegation-requests-lapse', text, values: [clock.now(), limit] })).map(toRequest);
    },
    purge: (limit) =>
      purge(db, { table: 'delegation_requests', column: 'requested_at', before: secondsAfter(clock.now(), -KEPT_SECONDS) }, limit),
  };
}
