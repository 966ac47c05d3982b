import type { NewAgent } from '../../../src/agents/index.ts';
import type { Campaign, NewCampaign } from '../../../src/agents/certification/campaign.ts';
import { administrator, openRegistry, type Registry } from '../registry.ts';

/** A registry with Jana and Jonas, who share a group, and what tests do with campaigns. */
export interface CampaignRegistry extends Registry {
  readonly jana: string;
  readonly jonas: string;
  readonly group: string;
  /** An active agent of Jana's unless told otherwise; its id. */
  agent(input?: Partial<NewAgent>): Promise<string>;
  /** A campaign of two weeks for every active agent unless told otherwise. */
  start(input?: Partial<Omit<NewCampaign, 'scope'>> & { readonly scope?: Partial<NewCampaign['scope']> }): Promise<Campaign>;
  /** The states of a campaign's agents by their ids. */
  statesOf(campaignId: string): Promise<Readonly<Record<string, string>>>;
  statusOf(agentId: string): Promise<string>;
  /** Events about a campaign or one agent of it, of one type, the newest first. */
  recorded(type: string): Promise<readonly object[]>;
}

export const ADA = administrator.id;
export const DAY = 86_400;

export async function openCampaigns(home?: URL): Promise<CampaignRegistry> {
  const registry = await openRegistry(home);
  const [jana, jonas] = [await registry.addPerson('Jana Weber'), await registry.addPerson('Jonas Brandt')];
  const group = await registry.addGroup('Finance', [jana, jonas]);
  await registry.sql(
    `INSERT INTO accounts (id, email, name, role, status, created_at) VALUES ($1, 'ada@example.com', 'Ada Admin', 'admin', 'active', $2)`,
    [ADA, registry.clock.now()],
  );
  const { certification } = registry.agents;
  return {
    ...registry,
    jana,
    jonas,
    group,
    async agent(input = {}) {
      const filled = {
        displayName: 'Invoice bot',
        owner: { kind: 'user', id: jana },
        status: 'active',
        source: 'console',
        ...input,
      } as const;
      return (await registry.agents.create(filled, administrator)).id;
    },
    start: ({ scope, ...input } = {}) =>
      certification.start(
        {
          name: 'Winter review',
          note: 'Ask Ada when in doubt.',
          scope: { riskLevels: ['low', 'medium', 'high'], ownerId: undefined, unconfirmedDays: undefined, ...scope },
          dueAt: new Date(registry.clock.now().getTime() + 14 * DAY * 1000),
          ...input,
        },
        ADA,
      ),
    async statesOf(campaignId) {
      const rows = await registry.sql<{ agent_id: string; state: string }>(
        'SELECT agent_id, state FROM certification_items WHERE campaign_id = $1',
        [campaignId],
      );
      return Object.fromEntries(rows.map(({ agent_id: id, state }) => [id, state]));
    },
    statusOf: async (agentId) => (await registry.agents.get(agentId)).status,
    async recorded(type) {
      const { events } = await registry.audit.list({ type, limit: 50 });
      return events.map(({ event }) => event);
    },
  };
}
