import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import type { AgentEditor, CertificationAudit } from '../agent-event.ts';
import type { AgentService } from '../service.ts';
import type { AgentStore } from '../store.ts';
import { expiryReason, isAsked, type Progress } from './campaign.ts';
import type { ItemKey, ItemStore } from './items/store.ts';
import type { CampaignStore } from './store.ts';

/** What ending campaigns stands on. */
export interface ExpiryDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly audit: CertificationAudit;
  readonly agents: Pick<AgentService, 'setStatus'>;
  readonly agentStore: Pick<AgentStore, 'lock'>;
  readonly campaigns: Pick<CampaignStore, 'find' | 'closeFinished' | 'progressOf'>;
  readonly items: Pick<ItemStore, 'dropStopped' | 'overdue' | 'expire'>;
}

/** The server acts by rule, and the trail says by which. */
export const CERTIFICATION = { kind: 'system', id: 'certification', party: 'system' } as const satisfies AgentEditor;

const BATCH = 200;
/** So many at once are not about single agents: the database is away. */
const MAX_FAILURES = 50;

function closingWords({ confirmed, declined, expired, dropped }: Progress): string {
  return `confirmed ${confirmed} declined ${declined} expired ${expired} dropped ${dropped}`;
}

/**
 * The periodic work: suspends what nobody confirmed by its date, and closes campaigns in which nothing is open. May run on several
 * servers at once and be cut off anywhere: each agent is one transaction, and whoever comes second finds it done.
 */
export function createExpiry({ db, clock, audit, agents, agentStore, campaigns, items }: ExpiryDeps): () => Promise<void> {
  const expireOne = (key: ItemKey): Promise<void> =>
    db.transaction(async () => {
      const agent = await agentStore.lock(key.agentId);
      const campaign = await campaigns.find(key.campaignId);
      if (agent === undefined || campaign === undefined) return;
      if (!isAsked(agent.status)) return items.dropStopped(clock.now(), [agent.id]);
      if (!(await items.expire(key, clock.now()))) return;
      await agents.setStatus(agent.id, 'suspended', { by: CERTIFICATION, reason: expiryReason(campaign) });
    });
  const expireAll = async (): Promise<readonly unknown[]> => {
    const failures: unknown[] = [];
    let cursor: ItemKey | undefined;
    for (;;) {
      const batch = await items.overdue(clock.now(), { cursor, limit: BATCH });
      // One that cannot be stopped now must not let the others run on; the next turn tries it again.
      for (const key of batch) await expireOne(key).catch((error: unknown) => failures.push(error));
      cursor = batch.at(-1);
      if (batch.length < BATCH || failures.length >= MAX_FAILURES) return failures;
    }
  };
  const close = () =>
    db.transaction(async () => {
      const closed = await campaigns.closeFinished(clock.now());
      const progress = await campaigns.progressOf(closed.map(({ id }) => id));
      for (const { id } of closed) {
        const counts = progress.get(id);
        const action = counts === undefined ? {} : { action: closingWords(counts) };
        await audit.record({ type: 'certification.closed', actor: CERTIFICATION, resource: id, ...action });
      }
    });
  return async () => {
    await items.dropStopped(clock.now());
    const failures = await expireAll();
    await close();
    if (failures.length > 0) throw new AggregateError(failures, `${failures.length} agents that nobody confirmed are not suspended yet`);
  };
}
