import type { Db } from '../../../platform/db/db.ts';
import type { AgentOwner } from '../../agent.ts';
import type { AgentRow } from '../../row.ts';
import type { Campaign, CampaignItem, ItemState } from '../campaign.ts';
import {
  ASKED_COLUMNS,
  type AskedAgent,
  CAMPAIGN_COLUMNS,
  type CampaignRow,
  ITEM_COLUMNS,
  type ItemRow,
  ownerValues,
  STOPPED,
  toAsked,
  toCampaign,
  toItem,
} from '../row.ts';

/** Names an agent in a campaign. */
export interface ItemKey {
  readonly campaignId: string;
  readonly agentId: string;
}

/** An owner and how many agents of theirs nobody answered for. */
export interface Unanswered {
  readonly owner: AgentOwner | undefined;
  readonly open: number;
}

/** An answer to be kept. */
export interface Answer extends ItemKey {
  readonly state: 'confirmed' | 'declined';
  readonly by: string;
  readonly as: 'owner' | 'administrator';
  readonly at: Date;
  readonly comment: string | undefined;
}

/** Which agents of a campaign, in the order of their ids: those after `cursor`. */
export interface ItemQuery {
  readonly campaignId: string;
  readonly state: ItemState;
  readonly ownerId: string | undefined;
  readonly cursor: string | undefined;
  readonly limit: number;
}

/** Which agents are asked of these owners: those after `cursor`, the earliest date first. */
export interface OwnerQuery {
  readonly owners: readonly AgentOwner[];
  readonly now: Date;
  readonly cursor: ItemKey | undefined;
  readonly limit: number;
}

/** How many agents wait for an owner, and the earliest date. */
export interface Waiting {
  readonly count: number;
  readonly dueAt: Date | undefined;
}

/** The agents in campaigns, in SQL. Whoever owns an agent now is asked, not whoever did when the campaign began. */
export interface ItemStore {
  find(key: ItemKey): Promise<CampaignItem | undefined>;
  list(query: ItemQuery): Promise<AskedAgent[]>;
  /** Whose agents are open, the most first. */
  unanswered(campaignId: string, limit: number): Promise<Unanswered[]>;
  askedOf(query: OwnerQuery): Promise<AskedAgent[]>;
  /** What expired without an answer and is suspended for it, newest first. */
  expiredOf(owners: readonly AgentOwner[], limit: number): Promise<AskedAgent[]>;
  countAsked(owners: readonly AgentOwner[], now: Date): Promise<Waiting>;
  /** The running campaign with the earliest date that waits for this agent. */
  waitingFor(agentId: string): Promise<Campaign | undefined>;
  /** False when it is no longer open, or its campaign no longer runs. */
  answer(answer: Answer): Promise<boolean>;
  /** Keeps that an expired one was confirmed after all; false when it was before. */
  confirmLate(answer: Answer): Promise<boolean>;
  setConfirmed(agentId: string, by: { readonly id: string; readonly at: Date }): Promise<void>;
  /** Takes agents that were stopped out of the campaigns that run; only these, if told. */
  dropStopped(at: Date, agentIds?: readonly string[]): Promise<void>;
  /** What is open although the date is over: the next ones after `cursor`. */
  overdue(now: Date, page: { readonly cursor: ItemKey | undefined; readonly limit: number }): Promise<ItemKey[]>;
  /** False when it was answered, or its campaign got more time or ended. */
  expire(key: ItemKey, at: Date): Promise<boolean>;
}

type AskedRow = CampaignRow & ItemRow & AgentRow;

const IN_CAMPAIGNS = `FROM certification_items item JOIN certification_campaigns campaign ON campaign.id = item.campaign_id
  JOIN agents ON agents.id = item.agent_id`;
/**
 * Agents that running campaigns ask of these owners. Every signed-in person asks this of their own page, so the way is fixed: without
 * OFFSET 0 PostgreSQL reads all items while it does not know yet how many a campaign has just taken in. Nothing runs: nothing is read.
 */
const RUNNING_OF_OWNERS = `FROM certification_campaigns campaign CROSS JOIN unnest($1::text[], $2::text[]) AS owner(kind, id)
  CROSS JOIN LATERAL (SELECT * FROM agents one WHERE campaign.closed_at IS NULL AND one.owner_id = owner.id AND one.owner_kind = owner.kind OFFSET 0) AS agents
  CROSS JOIN LATERAL (SELECT * FROM certification_items one WHERE one.campaign_id = campaign.id AND one.agent_id = agents.id OFFSET 0) AS item`;
const SUSPENDED_OF_OWNERS = `FROM unnest($1::text[], $2::text[]) AS owner(kind, id)
  CROSS JOIN LATERAL (SELECT * FROM agents one WHERE one.owner_id = owner.id AND one.owner_kind = owner.kind AND one.status = 'suspended' OFFSET 0) AS agents
  CROSS JOIN LATERAL (SELECT * FROM certification_items one WHERE one.agent_id = agents.id OFFSET 0) AS item
  JOIN certification_campaigns campaign ON campaign.id = item.campaign_id`;
const WAITS = `item.state = 'open' AND agents.status NOT IN ${STOPPED} AND campaign.closed_at IS NULL`;

function reads(db: Db) {
  const asked = async (name: string, text: string, values: readonly unknown[]) =>
    (await db.rows<AskedRow>({ name: `certification-${name}`, text, values })).map(toAsked);
  return {
    async find({ campaignId, agentId }: ItemKey) {
      const text = `SELECT ${ITEM_COLUMNS} FROM certification_items item WHERE item.campaign_id = $1 AND item.agent_id = $2`;
      const row = await db.row<ItemRow>({ name: 'certification-item', text, values: [campaignId, agentId] });
      return row && toItem(row);
    },
    list: ({ campaignId, state, ownerId, cursor, limit }: ItemQuery) =>
      asked(
        'items',
        `SELECT ${ASKED_COLUMNS} ${IN_CAMPAIGNS} WHERE item.campaign_id = $1 AND item.state = $2 AND ($3::text IS NULL OR agents.owner_id = $3)
          AND ($4::text IS NULL OR item.agent_id > $4) ORDER BY item.agent_id LIMIT $5`,
        [campaignId, state, ownerId, cursor, limit],
      ),
    async unanswered(campaignId: string, limit: number) {
      const text = `SELECT agents.owner_kind AS kind, agents.owner_id AS id, count(*)::int AS open FROM certification_items item
        JOIN agents ON agents.id = item.agent_id WHERE item.campaign_id = $1 AND item.state = 'open'
        GROUP BY agents.owner_kind, agents.owner_id ORDER BY open DESC, id LIMIT $2`;
      const rows = await db.rows<{ kind: AgentOwner['kind'] | null; id: string | null; open: number }>({
        name: 'certification-unanswered',
        text,
        values: [campaignId, limit],
      });
      return rows.map(({ kind, id, open }) => ({ owner: kind === null || id === null ? undefined : { kind, id }, open }));
    },
    askedOf: ({ owners, now, cursor, limit }: OwnerQuery) =>
      asked(
        'asked-of',
        `SELECT ${ASKED_COLUMNS} ${RUNNING_OF_OWNERS} WHERE ${WAITS} AND campaign.due_at > $3
          AND ($4::text IS NULL OR (campaign.due_at, campaign.id, item.agent_id) >
            ((SELECT due_at FROM certification_campaigns WHERE id = $4), $4, $5::text))
          ORDER BY campaign.due_at, campaign.id, item.agent_id LIMIT $6`,
        [...ownerValues(owners), now, cursor?.campaignId, cursor?.agentId, limit],
      ),
    expiredOf: (owners: readonly AgentOwner[], limit: number) =>
      asked(
        'expired-of',
        `SELECT ${ASKED_COLUMNS} ${SUSPENDED_OF_OWNERS} WHERE item.state = 'expired' AND item.decided_by IS NULL
          AND agents.status_changed_by IS NULL ORDER BY item.decided_at DESC, item.agent_id LIMIT $3`,
        [...ownerValues(owners), limit],
      ),
    async countAsked(owners: readonly AgentOwner[], now: Date) {
      const text = `SELECT count(*)::int AS count, min(campaign.due_at) AS due_at ${RUNNING_OF_OWNERS} WHERE ${WAITS} AND campaign.due_at > $3`;
      const values = [...ownerValues(owners), now];
      const row = await db.row<{ count: number; due_at: Date | null }>({ name: 'certification-count-asked', text, values });
      return { count: row?.count ?? 0, dueAt: row?.due_at ?? undefined };
    },
    async waitingFor(agentId: string) {
      const text = `SELECT ${CAMPAIGN_COLUMNS} ${IN_CAMPAIGNS} WHERE item.agent_id = $1 AND ${WAITS} ORDER BY campaign.due_at LIMIT 1`;
      const row = await db.row<CampaignRow>({ name: 'certification-waiting-for', text, values: [agentId] });
      return row && toCampaign(row);
    },
    async overdue(now: Date, { cursor, limit }: { readonly cursor: ItemKey | undefined; readonly limit: number }) {
      const text = `SELECT item.campaign_id AS "campaignId", item.agent_id AS "agentId" FROM certification_items item
        JOIN certification_campaigns campaign ON campaign.id = item.campaign_id
        WHERE campaign.closed_at IS NULL AND campaign.due_at <= $1 AND item.state = 'open'
          AND ($2::text IS NULL OR (item.campaign_id, item.agent_id) > ($2, $3::text)) ORDER BY item.campaign_id, item.agent_id LIMIT $4`;
      const values = [now, cursor?.campaignId, cursor?.agentId, limit];
      return db.rows<ItemKey>({ name: 'certification-overdue', text, values });
    },
  };
}

function writes(db: Db) {
  const hasChanged = async (name: string, text: string, values: readonly unknown[]) =>
    (await db.row({ name: `certification-${name}`, text: `${text} RETURNING item.agent_id`, values })) !== undefined;
  return {
    answer: ({ campaignId, agentId, state, by, as, at, comment }: Answer) =>
      hasChanged(
        'answer',
        `UPDATE certification_items item SET state = $3, decided_by = $4, decided_as = $5, decided_at = $6, comment = $7
          FROM certification_campaigns campaign WHERE item.campaign_id = $1 AND item.agent_id = $2 AND item.state = 'open'
          AND campaign.id = item.campaign_id AND campaign.closed_at IS NULL AND campaign.due_at > $6`,
        [campaignId, agentId, state, by, as, at, comment],
      ),
    confirmLate: ({ campaignId, agentId, by, as, at, comment }: Answer) =>
      hasChanged(
        'confirm-late',
        `UPDATE certification_items item SET decided_by = $3, decided_as = $4, decided_at = $5, comment = $6
          WHERE item.campaign_id = $1 AND item.agent_id = $2 AND item.state = 'expired' AND item.decided_by IS NULL`,
        [campaignId, agentId, by, as, at, comment],
      ),
    async setConfirmed(agentId: string, { id, at }: { readonly id: string; readonly at: Date }) {
      const text = 'UPDATE agents SET last_confirmed_at = $2, last_confirmed_by = $3 WHERE id = $1';
      await db.rows({ name: 'certification-set-confirmed', text, values: [agentId, at, id] });
    },
    async dropStopped(at: Date, agentIds?: readonly string[]) {
      const text = `UPDATE certification_items item SET state = 'dropped', decided_at = $1 FROM agents
        WHERE item.state = 'open' AND agents.id = item.agent_id AND agents.status IN ${STOPPED} AND ($2::text[] IS NULL OR item.agent_id = ANY ($2::text[]))`;
      await db.rows({ name: 'certification-drop-stopped', text, values: [at, agentIds] });
    },
    expire: ({ campaignId, agentId }: ItemKey, at: Date) =>
      hasChanged(
        'expire',
        `UPDATE certification_items item SET state = 'expired', decided_at = $3 FROM certification_campaigns campaign
          WHERE item.campaign_id = $1 AND item.agent_id = $2 AND item.state = 'open'
          AND campaign.id = item.campaign_id AND campaign.closed_at IS NULL AND campaign.due_at <= $3`,
        [campaignId, agentId, at],
      ),
  };
}

/** The store over PostgreSQL. */
export function createItemStore({ db }: { readonly db: Db }): ItemStore {
  return { ...reads(db), ...writes(db) };
}
