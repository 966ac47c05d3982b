import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import type { Agent, RiskLevel } from '../agent.ts';
import type { CertificationAudit } from '../agent-event.ts';
import { isOwnedBy, type OwnerDirectory } from '../owners.ts';
import type { AgentService } from '../service.ts';
import { mayLetRun, type StatusDeps } from '../status.ts';
import type { AgentStore } from '../store.ts';
import { type AnswerRefusal, type Campaign, type CampaignItem, declineReason, judgeAnswer, readComment } from './campaign.ts';
import type { Answer, ItemKey, ItemStore } from './items/store.ts';
import type { CampaignStore } from './store.ts';

/** An owner's answer for one agent. */
export interface OwnerAnswer extends ItemKey {
  readonly decision: 'confirm' | 'decline';
  /** Kept with the answer; may be empty. */
  readonly comment: string;
  /** The account that answers. */
  readonly by: string;
  /** Set: only if the agent still is at this risk. */
  readonly onlyAt?: RiskLevel;
}

/** What came of an answer: an agent confirmed too late stays suspended. */
export type AnswerOutcome = 'confirmed' | 'declined' | 'confirmed_late';

/** Answers to campaigns. Each is one transaction with its audit event; of two who answer at once one wins. */
export interface Answers {
  /**
   * A living owner confirms an agent, or stops it.
   * @throws {AppError} `not_found` (nothing is asked, or somebody else), `conflict` (answered, too late, over), `invalid_input`.
   */
  answer(answer: OwnerAnswer): Promise<AnswerOutcome>;
  /**
   * An administrator confirms for an owner who is away, and says why.
   * @throws {AppError} `not_found`, `conflict`, `invalid_input` (no reason), `forbidden` (their own agent, security rule R8).
   */
  confirmForOwner(answer: ItemKey & { readonly by: string; readonly reason: string }): Promise<void>;
  /** Confirms those that are low risk; what cannot be confirmed is left as it is. Returns how many were. */
  confirmLowRisk(answer: { readonly campaignId: string; readonly agentIds: readonly string[]; readonly by: string }): Promise<number>;
}

/** What answering stands on. */
export interface AnswerDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly audit: CertificationAudit;
  readonly owners: Pick<OwnerDirectory, 'ownerLabel' | 'holdOwner' | 'groupsOf'>;
  readonly isSoleAdministrator?: StatusDeps['isSoleAdministrator'];
  readonly agents: Pick<AgentService, 'setStatus'>;
  readonly agentStore: Pick<AgentStore, 'lock'>;
  readonly campaigns: Pick<CampaignStore, 'find'>;
  readonly items: Pick<ItemStore, 'find' | 'answer' | 'confirmLate' | 'setConfirmed'>;
}

/** An agent that is asked for, held against other writers. */
interface Asked {
  readonly campaign: Campaign;
  readonly agent: Agent;
  readonly item: CampaignItem;
}

const nothingAsked = () => new AppError('not_found', 'Nobody asks for this agent here, or somebody else answers for it.');

const refusals: Readonly<Record<Exclude<AnswerRefusal, 'decided'>, string>> = {
  late: 'The date is over: an administrator decides whether the agent may run again.',
  over: 'This certification is over: nothing has to be answered any more.',
  stopped: 'The agent was stopped meanwhile: nobody has to answer for it.',
};

function createRefusals({ owners, items }: Pick<AnswerDeps, 'owners' | 'items'>) {
  const decided = async ({ decidedBy, state }: CampaignItem, by: string) => {
    if (decidedBy === undefined || decidedBy === by) return 'You have answered this already.';
    const who = (await owners.ownerLabel({ kind: 'user', id: decidedBy }))?.name ?? 'Somebody';
    return state === 'declined' ? `${who} said before you that it is no longer needed.` : `${who} confirmed it before you.`;
  };
  return async (key: ItemKey, refusal: AnswerRefusal, by: string): Promise<AppError> => {
    if (refusal !== 'decided') return new AppError('conflict', refusals[refusal]);
    const item = await items.find(key);
    return item === undefined ? nothingAsked() : new AppError('conflict', await decided(item, by));
  };
}

/** Takes answers; owners and states are read in the transaction that keeps them. */
export function createAnswers(deps: AnswerDeps): Answers {
  const { db, clock, audit, owners, agents, agentStore, campaigns, items } = deps;
  const refusalOf = createRefusals(deps);

  // The agent first, then its item: whoever stops an agent takes them in the same order.
  const findAsked = async ({ campaignId, agentId }: ItemKey): Promise<Asked> => {
    const agent = await agentStore.lock(agentId);
    const [campaign, item] = [await campaigns.find(campaignId), await items.find({ campaignId, agentId })];
    if (agent === undefined || campaign === undefined || item === undefined) throw nothingAsked();
    return { campaign, agent, item };
  };
  /** Compare and set: keeps the answer if it still can be given. */
  const settle = async (asked: Asked, given: Pick<Answer, 'state' | 'by' | 'as' | 'comment'>): Promise<'answer' | 'confirm_late'> => {
    const key = { campaignId: asked.campaign.id, agentId: asked.agent.id };
    const now = clock.now();
    const judged = judgeAnswer({ ...asked, decision: given.state === 'confirmed' ? 'confirm' : 'decline', now });
    if (judged !== 'answer' && judged !== 'confirm_late') throw await refusalOf(key, judged, given.by);
    const answer = { ...key, ...given, at: now };
    const isKept = judged === 'answer' ? await items.answer(answer) : await items.confirmLate(answer);
    // Only the end of the campaign can come in between: the agent is held.
    if (!isKept) throw await refusalOf(key, 'over', given.by);
    if (given.state === 'confirmed') await items.setConfirmed(key.agentId, { id: given.by, at: now });
    return judged;
  };
  const record = ({ campaign, agent }: Asked, by: string, event: { type: 'agent.confirmed' | 'agent.declined' } & Details) =>
    audit.record({ actor: { kind: 'account', id: by }, agentId: agent.id, resource: campaign.id, ...event });

  const answer = ({ by, decision, onlyAt, ...given }: OwnerAnswer): Promise<AnswerOutcome> =>
    db.transaction(async () => {
      const comment = readComment(given.comment, 'comment');
      // The person before the agent, as when somebody leaves and their agents move on.
      if (!(await owners.holdOwner({ kind: 'user', id: by }))) throw nothingAsked();
      const asked = await findAsked(given);
      if (!(await isOwnedBy(asked.agent.owner, by, owners))) throw nothingAsked();
      if (onlyAt !== undefined && asked.agent.riskLevel !== onlyAt) {
        throw new AppError('conflict', 'What can go wrong with it was judged anew: answer for it by itself.');
      }
      const state = decision === 'confirm' ? 'confirmed' : 'declined';
      const kept = await settle(asked, { state, by, as: 'owner', comment });
      if (kept === 'confirm_late') {
        await record(asked, by, { type: 'agent.confirmed', action: 'late' });
        return 'confirmed_late';
      }
      await record(asked, by, { type: `agent.${state}` });
      if (state === 'confirmed') return state;
      const reason = declineReason(asked.campaign, comment);
      await agents.setStatus(asked.agent.id, 'suspended', { by: { kind: 'account', id: by, party: 'owner' }, reason });
      return state;
    });
  return {
    answer,
    confirmForOwner: ({ by, reason, ...key }) =>
      db.transaction(async () => {
        const cause = readComment(reason, 'reason');
        if (cause === undefined) throw new AppError('invalid_input', 'Say why you answer instead of its owner.', { member: 'reason' });
        const asked = await findAsked(key);
        if (!(await mayLetRun(asked.agent, by, deps))) {
          throw new AppError('forbidden', 'You own this agent: answer for it on your own page.', { member: 'owner' });
        }
        if ((await settle(asked, { state: 'confirmed', by, as: 'administrator', comment: cause })) === 'confirm_late') {
          throw await refusalOf(key, 'late', by);
        }
        const owner = asked.agent.owner === undefined ? {} : { subjectId: asked.agent.owner.id };
        await record(asked, by, { type: 'agent.confirmed', action: 'for_owner', cause, ...owner });
      }),
    async confirmLowRisk({ campaignId, agentIds, by }) {
      let confirmed = 0;
      for (const agentId of new Set(agentIds)) {
        try {
          await answer({ campaignId, agentId, decision: 'confirm', comment: '', by, onlyAt: 'low' });
          confirmed += 1;
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
        }
      }
      return confirmed;
    },
  };
}

/** What an event of an answer says beside who and what. */
interface Details {
  readonly subjectId?: string;
  readonly action?: string;
  readonly cause?: string;
}
