import type { Db } from '../../platform/db/db.ts';
import { type Campaign, type CampaignScope, type ItemState, type NewCampaign, type Progress, unconfirmedSince } from './campaign.ts';
import { CAMPAIGN_COLUMNS, type CampaignRow, toCampaign } from './row.ts';

/** How much a campaign would ask, and of how many. */
export interface Reach {
  readonly agents: number;
  readonly owners: number;
  /** Agents whose owner cannot answer any more. */
  readonly unanswerable: number;
}

/** A campaign as it is begun. */
export interface StartedCampaign extends NewCampaign {
  readonly id: string;
  readonly by: string;
  readonly at: Date;
}

/** A campaign that runs, and how many agents nobody answered for. */
export type RunningCampaign = Pick<Campaign, 'id' | 'name' | 'dueAt'> & { readonly open: number };

/** Campaigns, in SQL. */
export interface CampaignStore {
  reachOf(scope: CampaignScope, now: Date): Promise<Reach>;
  /** Takes in every agent of the scope, in one statement. Returns how many, of how many owners. */
  insert(campaign: StartedCampaign): Promise<Pick<Reach, 'agents' | 'owners'>>;
  find(id: string): Promise<Campaign | undefined>;
  /** Newest first, those before `cursor`. */
  list(query: { readonly cursor: string | undefined; readonly limit: number }): Promise<Campaign[]>;
  progressOf(campaignIds: readonly string[]): Promise<ReadonlyMap<string, Progress>>;
  /** The earliest date first. */
  running(limit: number): Promise<RunningCampaign[]>;
  /** The new date of a running campaign; undefined when it no longer runs or its date is not earlier. */
  extend(id: string, dueAt: Date): Promise<Campaign | undefined>;
  /** Ends it; what is open is dropped. Undefined when it no longer runs. */
  cancel(id: string, by: { readonly id: string; readonly reason: string; readonly at: Date }): Promise<Campaign | undefined>;
  /** Closes every campaign in which nothing is open. */
  closeFinished(at: Date): Promise<Campaign[]>;
}

const SELECT = `SELECT ${CAMPAIGN_COLUMNS} FROM certification_campaigns campaign`;
const IN_SCOPE = `(agents.status = 'active' OR agents.acts_under_review) AND agents.removed_at IS NULL AND agents.risk_level = ANY ($1::text[]) AND ($2::text IS NULL OR agents.owner_id = $2)
  AND ($3::timestamptz IS NULL OR coalesce(agents.last_confirmed_at, agents.created_at) < $3)`;
const IS_ANSWERABLE = `(owner_kind = 'user' AND EXISTS (SELECT 1 FROM live_accounts WHERE live_accounts.account_id = owner_id))
  OR (owner_kind = 'group' AND EXISTS (SELECT 1 FROM group_members member JOIN live_accounts ON live_accounts.account_id = member.account_id WHERE member.group_id = owner_id))`;

const NONE: Progress = { open: 0, confirmed: 0, declined: 0, expired: 0, dropped: 0 };

const scopeValues = (scope: CampaignScope, now: Date) => [scope.riskLevels, scope.ownerId, unconfirmedSince(scope, now)];

async function one(db: Db, name: string, [text, values]: readonly [string, readonly unknown[]]): Promise<Campaign | undefined> {
  const row = await db.row<CampaignRow>({ name: `certification-${name}`, text, values });
  return row && toCampaign(row);
}

function reads(db: Db) {
  return {
    async reachOf(scope: CampaignScope, now: Date) {
      const text = `SELECT count(*)::int AS agents, count(DISTINCT owner_id)::int AS owners, count(*) FILTER (WHERE (${IS_ANSWERABLE}) IS NOT TRUE)::int AS unanswerable
        FROM agents WHERE ${IN_SCOPE}`;
      const row = await db.row<Reach>({ name: 'certification-reach', text, values: scopeValues(scope, now) });
      return row ?? { agents: 0, owners: 0, unanswerable: 0 };
    },
    find: (id: string) => one(db, 'find', [`${SELECT} WHERE campaign.id = $1`, [id]]),
    async list({ cursor, limit }: { readonly cursor: string | undefined; readonly limit: number }) {
      const text = `${SELECT} WHERE $1::text IS NULL OR campaign.id < $1 ORDER BY campaign.id DESC LIMIT $2`;
      return (await db.rows<CampaignRow>({ name: 'certification-list', text, values: [cursor, limit] })).map(toCampaign);
    },
    async progressOf(campaignIds: readonly string[]) {
      const text = `SELECT campaign_id, state, count(*)::int AS count FROM certification_items WHERE campaign_id = ANY ($1::text[]) GROUP BY campaign_id, state`;
      const rows = await db.rows<{ campaign_id: string; state: ItemState; count: number }>({
        name: 'certification-progress',
        text,
        values: [campaignIds],
      });
      const countIn = (id: string) => rows.filter((row) => row.campaign_id === id).map(({ state, count }) => [state, count] as const);
      return new Map(campaignIds.map((id): [string, Progress] => [id, { ...NONE, ...Object.fromEntries(countIn(id)) }]));
    },
    async running(limit: number) {
      const text = `SELECT campaign.id, campaign.name, campaign.due_at AS "dueAt",
          (SELECT count(*)::int FROM certification_items item WHERE item.campaign_id = campaign.id AND item.state = 'open') AS open
        FROM certification_campaigns campaign WHERE campaign.closed_at IS NULL ORDER BY campaign.due_at, campaign.id LIMIT $1`;
      return db.rows<RunningCampaign>({
        name: 'certification-running',
        text,
        values: [limit],
      });
    },
  };
}

function writes(db: Db) {
  return {
    async insert({ id, by, at, name, note, scope, dueAt }: StartedCampaign) {
      const campaign = `INSERT INTO certification_campaigns (id, name, note, risk_levels, owner_id, unconfirmed_days, due_at, created_by, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`;
      const values = [id, name, note, scope.riskLevels, scope.ownerId, scope.unconfirmedDays, dueAt, by, at];
      await db.rows({ name: 'certification-insert', text: campaign, values });
      const items = `WITH taken AS (
          INSERT INTO certification_items (campaign_id, agent_id, owner_kind, owner_id, state)
          SELECT $4, agents.id, agents.owner_kind, agents.owner_id, 'open' FROM agents WHERE ${IN_SCOPE} RETURNING owner_id
        ) SELECT count(*)::int AS agents, count(DISTINCT owner_id)::int AS owners FROM taken`;
      const row = await db.row<Reach>({ name: 'certification-take-in', text: items, values: [...scopeValues(scope, at), id] });
      return row ?? { agents: 0, owners: 0 };
    },
    extend: (id: string, dueAt: Date) =>
      one(db, 'extend', [
        `UPDATE certification_campaigns campaign SET due_at = $2 WHERE id = $1 AND closed_at IS NULL AND due_at < $2 RETURNING ${CAMPAIGN_COLUMNS}`,
        [id, dueAt],
      ]),
    async cancel(id: string, { id: by, reason, at }: { readonly id: string; readonly reason: string; readonly at: Date }) {
      const text = `UPDATE certification_campaigns campaign SET closed_at = $2, cancelled_by = $3, cancel_reason = $4
        WHERE id = $1 AND closed_at IS NULL RETURNING ${CAMPAIGN_COLUMNS}`;
      const cancelled = await one(db, 'cancel', [text, [id, at, by, reason]]);
      const drop = `UPDATE certification_items SET state = 'dropped', decided_at = $2 WHERE campaign_id = $1 AND state = 'open'`;
      if (cancelled !== undefined) await db.rows({ name: 'certification-drop-all', text: drop, values: [id, at] });
      return cancelled;
    },
    async closeFinished(at: Date) {
      const text = `UPDATE certification_campaigns campaign SET closed_at = $1 WHERE campaign.closed_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM certification_items item WHERE item.campaign_id = campaign.id AND item.state = 'open')
        RETURNING ${CAMPAIGN_COLUMNS}`;
      return (await db.rows<CampaignRow>({ name: 'certification-close', text, values: [at] })).map(toCampaign);
    },
  };
}

/** The store over PostgreSQL. */
export function createCampaignStore({ db }: { readonly db: Db }): CampaignStore {
  return { ...reads(db), ...writes(db) };
}
