import type { Agent, AgentOwner, RiskLevel } from '../agent.ts';
import { AGENT_COLUMNS, type AgentRow, toAgent } from '../row.ts';
import type { Campaign, CampaignItem, ItemState } from './campaign.ts';

/** An agent in a campaign, as it is now. */
export interface AskedAgent {
  readonly campaign: Campaign;
  readonly item: CampaignItem;
  readonly agent: Agent;
}

/** A campaign as PostgreSQL gives it; its columns are named so that an agent can stand beside it. */
export interface CampaignRow {
  readonly campaign_id: string;
  readonly campaign_name: string;
  readonly note: string;
  readonly risk_levels: readonly RiskLevel[];
  readonly scope_owner_id: string | null;
  readonly unconfirmed_days: number | null;
  readonly due_at: Date;
  readonly created_by: string;
  readonly campaign_created_at: Date;
  readonly closed_at: Date | null;
  readonly cancelled_by: string | null;
  readonly cancel_reason: string | null;
}

/** An agent in a campaign as PostgreSQL gives it. */
export interface ItemRow {
  readonly item_campaign_id: string;
  readonly item_agent_id: string;
  readonly state: ItemState;
  readonly decided_by: string | null;
  readonly decided_as: CampaignItem['decidedAs'] | null;
  readonly decided_at: Date | null;
  readonly comment: string | null;
}

/** The columns of `certification_campaigns campaign`. */
export const CAMPAIGN_COLUMNS = `campaign.id AS campaign_id, campaign.name AS campaign_name, campaign.note, campaign.risk_levels,
  campaign.owner_id AS scope_owner_id, campaign.unconfirmed_days, campaign.due_at, campaign.created_by,
  campaign.created_at AS campaign_created_at, campaign.closed_at, campaign.cancelled_by, campaign.cancel_reason`;
/** The columns of `certification_items item`. */
export const ITEM_COLUMNS = `item.campaign_id AS item_campaign_id, item.agent_id AS item_agent_id, item.state, item.decided_by, item.decided_as,
  item.decided_at, item.comment`;
/** The columns of an agent in a campaign: `campaign`, `item` and `agents` stand in the FROM clause. */
export const ASKED_COLUMNS = `${CAMPAIGN_COLUMNS}, ${ITEM_COLUMNS}, ${AGENT_COLUMNS}`;

/** Agents nobody has to ask for any more. */
export const STOPPED = `('suspended', 'retired')`;

/** A row in the words of the domain. */
export function toCampaign(row: CampaignRow): Campaign {
  const { cancelled_by: by, cancel_reason: reason } = row;
  return {
    id: row.campaign_id,
    name: row.campaign_name,
    note: row.note,
    scope: { riskLevels: row.risk_levels, ownerId: row.scope_owner_id ?? undefined, unconfirmedDays: row.unconfirmed_days ?? undefined },
    dueAt: row.due_at,
    createdBy: row.created_by,
    createdAt: row.campaign_created_at,
    closedAt: row.closed_at ?? undefined,
    cancelled: by === null || reason === null ? undefined : { by, reason },
  };
}

/** A row in the words of the domain. */
export function toItem(row: ItemRow): CampaignItem {
  return {
    campaignId: row.item_campaign_id,
    agentId: row.item_agent_id,
    state: row.state,
    decidedBy: row.decided_by ?? undefined,
    decidedAs: row.decided_as ?? undefined,
    decidedAt: row.decided_at ?? undefined,
    comment: row.comment ?? undefined,
  };
}

/** A row of `ASKED_COLUMNS`. */
export function toAsked(row: CampaignRow & ItemRow & AgentRow): AskedAgent {
  return { campaign: toCampaign(row), item: toItem(row), agent: toAgent(row) };
}

/** Owners as two parameters: their kinds and their ids. */
export function ownerValues(owners: readonly AgentOwner[]): readonly [readonly string[], readonly string[]] {
  return [owners.map(({ kind }) => kind), owners.map(({ id }) => id)];
}
