import type { Db } from '../../platform/db/db.ts';
import type { AgentCard, CardFacts } from './card.ts';

/** A card as it is kept with its agent. */
export interface StoredCard extends AgentCard {
  readonly agentId: string;
  readonly url: string;
  readonly etag: string | undefined;
  /** When it was last read, or found unchanged. */
  readonly readAt: Date;
  readonly failing: { readonly times: number; readonly since: Date; readonly reason: string } | undefined;
  readonly change: { readonly at: Date; readonly members: readonly string[]; readonly before: CardFacts } | undefined;
}

/** What a reading leaves, whether it brought something new or not. */
export interface Reading {
  readonly agentId: string;
  readonly etag: string | undefined;
  readonly at: Date;
  readonly nextAt: Date;
}

/** Agent cards in SQL. */
export interface CardStore {
  findByAgent(agentId: string): Promise<StoredCard | undefined>;
  /** The card of the agent that came from this address and is not deleted. */
  findByUrl(url: string): Promise<StoredCard | undefined>;
  /** The same card, held against other writers until the transaction ends. */
  lock(agentId: string): Promise<StoredCard | undefined>;
  /** Which of these agents have a card that changed since. */
  listChanged(agentIds: readonly string[], since: Date): Promise<readonly string[]>;
  /** Cards whose time has come, of agents that can still act, the longest due first. */
  listDue(now: Date, limit: number): Promise<readonly StoredCard[]>;
  insert(reading: Reading & { readonly url: string; readonly card: AgentCard }): Promise<void>;
  noteUnchanged(reading: Reading): Promise<void>;
  noteChanged(reading: Reading & { readonly card: AgentCard; readonly members: readonly string[] }): Promise<void>;
  noteFailure(failure: { readonly agentId: string; readonly reason: string; readonly at: Date; readonly nextAt: Date }): Promise<void>;
}

interface Row {
  readonly agent_id: string;
  readonly url: string;
  readonly content_hash: string;
  readonly etag: string | null;
  readonly card: Pick<AgentCard, 'facts' | 'members'>;
  readonly read_at: Date;
  readonly failures: number;
  readonly failing_since: Date | null;
  readonly failure: string | null;
  readonly previous: CardFacts | null;
  readonly changed_at: Date | null;
  readonly changed_members: readonly string[] | null;
}

const SELECT = `SELECT c.agent_id, c.url, c.content_hash, c.etag, c.card, c.read_at, c.failures, c.failing_since, c.failure, c.previous, c.changed_at,
  c.changed_members FROM agent_cards c`;

function fromRow(row: Row): StoredCard {
  const { failing_since: since, failure, previous, changed_at: changedAt } = row;
  return {
    agentId: row.agent_id,
    url: row.url,
    contentHash: row.content_hash,
    etag: row.etag ?? undefined,
    ...row.card,
    readAt: row.read_at,
    failing: since === null || failure === null ? undefined : { times: row.failures, since, reason: failure },
    change: previous === null || changedAt === null ? undefined : { at: changedAt, members: row.changed_members ?? [], before: previous },
  };
}

const kept = ({ facts, members }: AgentCard): string => JSON.stringify({ facts, members });

/** The store over PostgreSQL. */
export function createCardStore({ db }: { readonly db: Db }): CardStore {
  const one = async (name: string, rest: string, value: string) => {
    const row = await db.row<Row>({ name, text: `${SELECT} ${rest}`, values: [value] });
    return row && fromRow(row);
  };
  return {
    findByAgent: (agentId) => one('agent-card', 'WHERE c.agent_id = $1', agentId),
    findByUrl: (url) => one('agent-card-by-url', 'JOIN agents a ON a.id = c.agent_id WHERE c.url = $1 AND a.removed_at IS NULL', url),
    lock: (agentId) => one('agent-card-lock', 'WHERE c.agent_id = $1 FOR UPDATE', agentId),
    async listDue(now, limit) {
      const text = `${SELECT} JOIN agents a ON a.id = c.agent_id WHERE c.next_read_at <= $1 AND a.status <> 'retired'
        ORDER BY c.next_read_at LIMIT $2`;
      return (await db.rows<Row>({ name: 'agent-cards-due', text, values: [now, limit] })).map(fromRow);
    },
    async listChanged(agentIds, since) {
      const text = 'SELECT agent_id FROM agent_cards WHERE agent_id = ANY($1::text[]) AND changed_at > $2';
      const rows = await db.rows<{ agent_id: string }>({ name: 'agent-cards-changed', text, values: [agentIds, since] });
      return rows.map((row) => row.agent_id);
    },
    async insert({ agentId, url, card, etag, at, nextAt }) {
      await db.rows({
        name: 'agent-card-insert',
        text: `INSERT INTO agent_cards (agent_id, url, content_hash, etag, card, read_at, next_read_at, failures, changed_members)
          VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7, 0, '{}')`,
        values: [agentId, url, card.contentHash, etag, kept(card), at, nextAt],
      });
    },
    async noteUnchanged({ agentId, etag, at, nextAt }) {
      const text = `UPDATE agent_cards SET etag = $2, read_at = $3, next_read_at = $4, failures = 0, failing_since = NULL, failure = NULL
        WHERE agent_id = $1`;
      await db.rows({ name: 'agent-card-unchanged', text, values: [agentId, etag, at, nextAt] });
    },
    async noteChanged({ agentId, etag, at, nextAt, card, members }) {
      await db.rows({
        name: 'agent-card-changed',
        text: `UPDATE agent_cards SET previous = card -> 'facts', card = $5::jsonb, content_hash = $6, changed_at = $3, changed_members = $7,
          etag = $2, read_at = $3, next_read_at = $4, failures = 0, failing_since = NULL, failure = NULL WHERE agent_id = $1`,
        values: [agentId, etag, at, nextAt, kept(card), card.contentHash, members],
      });
    },
    async noteFailure({ agentId, reason, at, nextAt }) {
      const text = `UPDATE agent_cards SET failures = failures + 1, failing_since = COALESCE(failing_since, $3), failure = $2, next_read_at = $4
        WHERE agent_id = $1`;
      await db.rows({ name: 'agent-card-failure', text, values: [agentId, reason, at, nextAt] });
    },
  };
}
