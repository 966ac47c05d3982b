import { momentOf } from '../../../platform/http/moment.ts';
import { countOf, type Frame, presentRow, riskWord, type ShownOwner } from '../../present.ts';
import type { State } from '../../surroundings.ts';
import { type Campaign, type CampaignScope, type ItemState, type Progress, standingOf, totalOf } from '../campaign.ts';
import { dayOf } from '../present.ts';
import type { AskedAgent } from '../row.ts';
import type { CampaignInProgress } from '../service.ts';
import type { Reach } from '../store.ts';

const SOON_SECONDS = 7 * 86_400;
const standings = {
  running: { word: 'Running', tone: 'info' },
  due: { word: 'Date is over', tone: 'stop' },
  closed: { word: 'Closed', tone: '' },
  cancelled: { word: 'Cancelled', tone: '' },
} as const satisfies Record<string, State>;

function stateOf(campaign: Campaign, { progress, now }: { progress: Progress; now: Date }): State {
  const standing = standingOf(campaign, now);
  if (standing !== 'running' || progress.open === 0) return standings[standing];
  const isSoon = campaign.dueAt.getTime() - now.getTime() < SOON_SECONDS * 1000;
  return isSoon ? { word: 'Due soon', tone: 'wait' } : standings.running;
}

function meterOf(progress: Progress) {
  const total = totalOf(progress);
  const answered = total - progress.open;
  return { answered, total, words: `${answered.toLocaleString('en-GB')} of ${countOf(total, 'agent')} answered or ended` };
}

/** A line of the list of campaigns. */
function presentLine({ campaign, progress }: CampaignInProgress, { now, base }: Frame) {
  return {
    href: `${base}/console/certifications/${campaign.id}`,
    name: campaign.name,
    state: stateOf(campaign, { progress, now }),
    due: dayOf(campaign.dueAt, now),
    progress: meterOf(progress),
    open: progress.open,
  };
}

/** The model of views/console/certifications.eta. */
export function presentCampaigns(
  { items, nextCursor }: { readonly items: readonly CampaignInProgress[]; readonly nextCursor: string | undefined },
  { frame, mayStart }: { frame: Frame; mayStart: boolean },
): object {
  const running = items.filter(({ campaign }) => campaign.closedAt === undefined);
  const open = running.reduce((sum, { progress }) => sum + progress.open, 0);
  return {
    heading:
      open === 0 ? 'Nobody is asked to confirm agents' : `${countOf(open, 'agent')} ${open === 1 ? 'waits' : 'wait'} to be confirmed`,
    words: 'Owners say by a date that their agents are still needed. What nobody confirms is suspended then.',
    mayStart,
    campaigns: items.map((item) => presentLine(item, frame)),
    ...(nextCursor === undefined
      ? {}
      : {
          pager: { words: countOf(items.length, 'certification'), nextHref: `${frame.base}/console/certifications?cursor=${nextCursor}` },
        }),
  };
}

const itemWords = {
  open: { word: 'Not answered', tone: 'wait' },
  confirmed: { word: 'Confirmed', tone: 'yes' },
  declined: { word: 'No longer needed', tone: 'stop' },
  expired: { word: 'Suspended', tone: 'stop' },
  dropped: { word: 'Taken out', tone: '' },
} as const satisfies Record<ItemState, State>;

/** The word for a state, for tabs. */
export function itemWord(state: ItemState): string {
  return itemWords[state].word;
}

/** Who is asked for, in a sentence part: `medium and high risk, of Jana Weber, not confirmed for 90 days`. */
export function scopeWords({ riskLevels, unconfirmedDays }: CampaignScope, ownerName: string | undefined): string {
  const levels = riskLevels.map((level) => riskWord(level).toLowerCase().replace(' risk', ''));
  const risk = levels.length >= 3 ? 'all active agents' : `active agents of ${levels.join(' and ')} risk`;
  const owner = ownerName === undefined ? '' : ` of ${ownerName}`;
  return `${risk}${owner}${unconfirmedDays === undefined ? '' : `, not confirmed for ${countOf(unconfirmedDays, 'day')}`}`;
}

/** How much a campaign would ask, before it begins. */
export function presentReach({ agents, owners, unanswerable }: Reach): { readonly headline: string; readonly words: readonly string[] } {
  if (agents === 0) return { headline: 'No agent', words: ['No active agent is like this.'] };
  const gone =
    unanswerable === 0 ? [] : [`For ${countOf(unanswerable, 'agent')} nobody is left who could answer. Give them to somebody first.`];
  return { headline: `${countOf(agents, 'agent')} of ${countOf(owners, 'owner')}`, words: gone };
}

/** What a campaign's page shows beside the campaign. */
export interface CampaignContent extends CampaignInProgress {
  readonly agents: readonly AskedAgent[];
  readonly shown: ItemState;
  readonly names: ReadonlyMap<string, ShownOwner>;
  readonly mayManage: boolean;
}

function presentAnswer({ agent, item, campaign }: AskedAgent, { content, frame }: { content: CampaignContent; frame: Frame }) {
  const { names, mayManage } = content;
  const owner = names.get(agent.owner?.id ?? '');
  const by = item.decidedBy === undefined ? undefined : (names.get(item.decidedBy)?.name ?? item.decidedBy);
  const as = item.decidedAs === 'administrator' ? ' for the owner' : item.state === 'expired' ? ', too late' : '';
  const mayAnswer = mayManage && item.state === 'open' && standingOf(campaign, frame.now) === 'running';
  return {
    ...presentRow(agent, owner, frame),
    answer: itemWords[item.state],
    ...(by === undefined ? {} : { by: `${by}${as}` }),
    ...(item.decidedAt === undefined ? {} : { when: momentOf(item.decidedAt, frame.now) }),
    ...(item.comment === undefined ? {} : { comment: item.comment }),
    ...(mayAnswer ? { answerHref: `${frame.base}/console/certifications/${campaign.id}/agents/${agent.id}/confirm` } : {}),
  };
}

function countsOf({ confirmed, declined, open, expired, dropped }: Progress) {
  const said = [
    `${confirmed} confirmed`,
    `${declined} no longer needed`,
    `${open} not answered`,
    expired > 0 ? `${expired} suspended because nobody answered` : '',
    dropped > 0 ? `${dropped} taken out` : '',
  ];
  return `${said.filter((part) => part !== '').join(', ')}.`;
}

function endWords({ cancelled }: Campaign, names: ReadonlyMap<string, ShownOwner>): string | undefined {
  return (
    cancelled &&
    `Cancelled by ${names.get(cancelled.by)?.name ?? cancelled.by}: ${cancelled.reason.replace(/\.$/, '')}. Nobody was suspended from then on.`
  );
}

/** The part of views/console/certification.eta about the campaign and the agents on this page. */
export function presentCampaign(content: CampaignContent, frame: Frame) {
  const { campaign, progress, names } = content;
  const ended = endWords(campaign, names);
  const isRunning = campaign.closedAt === undefined;
  return {
    id: campaign.id,
    name: campaign.name,
    state: stateOf(campaign, { progress, now: frame.now }),
    words: `Asks for ${scopeWords(campaign.scope, campaign.scope.ownerId && names.get(campaign.scope.ownerId)?.name)}. Started by ${names.get(campaign.createdBy)?.name ?? campaign.createdBy}.`,
    due: dayOf(campaign.dueAt, frame.now),
    note: campaign.note,
    ...(ended === undefined ? {} : { ended }),
    counts: countsOf(progress),
    progress: meterOf(progress),
    may: { extend: content.mayManage && isRunning, cancel: content.mayManage && isRunning },
    agents: content.agents.map((each) => presentAnswer(each, { content, frame })),
  };
}
