import type { Clock } from '../../platform/clock.ts';
import { dayWords, type Moment, momentOf } from '../../platform/http/moment.ts';
import type { Agent, AgentOwner } from '../agent.ts';
import { labelsOf } from '../listing.ts';
import type { OwnerDirectory } from '../owners.ts';
import { countOf, type Frame, presentRow, type ShownOwner } from '../present.ts';
import type { Surroundings } from '../surroundings.ts';
import type { ItemKey } from './items/store.ts';
import type { AskedAgent } from './row.ts';
import type { AskedOfOwner, CertificationService } from './service.ts';

/** A line on the page of an agent. */
export interface CertifiedFact {
  readonly label: string;
  readonly value: string;
  readonly href?: string;
}

/** What pages ask beside the campaigns. */
export interface PageSources {
  readonly service: CertificationService;
  readonly owners: OwnerDirectory;
  readonly surroundings: Pick<Surroundings, 'reachOf'>;
  readonly clock: Clock;
  readonly base: string;
}

const MAX_REACHED = 3;

/** A day with its exact end; the day is the text, because people plan by days. */
export function dayOf(at: Date, now: Date): Moment {
  const { exact, iso } = momentOf(at, now);
  return { text: dayWords(at), exact, iso };
}

const personOf = (id: string): AgentOwner => ({ kind: 'user', id });

/** Who confirmed an agent last, and whether somebody is asked now. */
export async function factsAbout(
  { id, lastConfirmedAt, lastConfirmedBy }: Agent,
  { service, owners, base }: Pick<PageSources, 'service' | 'owners' | 'base'>,
): Promise<readonly CertifiedFact[]> {
  const [waiting, by] = await Promise.all([
    service.waitingFor(id),
    lastConfirmedBy === undefined ? undefined : owners.ownerLabel(personOf(lastConfirmedBy)),
  ]);
  const confirmed = lastConfirmedAt && { label: 'Confirmed', value: `by ${by?.name ?? lastConfirmedBy} on ${dayWords(lastConfirmedAt)}` };
  const asked = waiting && {
    label: 'Waits to be confirmed',
    value: `by ${dayWords(waiting.dueAt)}, ${waiting.name}`,
    href: `${base}/console/certifications/${waiting.id}`,
  };
  return [confirmed, asked].filter((fact) => fact !== undefined);
}

const answerHref = (base: string, { campaignId, agentId }: ItemKey) => `${base}/me/certifications/${campaignId}/${agentId}`;

async function reachWords({ reachOf }: PageSources['surroundings'], agentId: string): Promise<string> {
  const names = [...new Set((await reachOf(agentId)).map(({ name }) => name))];
  if (names.length === 0) return 'what is granted to it';
  const more = names.length - MAX_REACHED;
  return `${names.slice(0, MAX_REACHED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** An agent its owner is asked about. */
async function presentAsked({ agent, item }: AskedAgent, { around, owner }: { around: PageSources; owner: ShownOwner | undefined }) {
  const frame: Frame = { now: around.clock.now(), base: around.base };
  const { id, name, purpose, state, risk, ...seen } = presentRow(agent, owner, frame);
  return {
    id,
    name,
    purpose: purpose === '' ? 'Nobody said what it is for.' : purpose,
    state,
    risk,
    ...('lastSeen' in seen ? { lastSeen: seen.lastSeen } : {}),
    reach: await reachWords(around.surroundings, agent.id),
    ...(agent.owner?.kind === 'group' && owner !== undefined ? { group: owner.name } : {}),
    action: answerHref(around.base, item),
  };
}

const presentExpired =
  ({ base }: Pick<PageSources, 'base'>, now: Date) =>
  ({ agent, campaign, item }: AskedAgent) => ({
    name: agent.displayName,
    purpose: agent.purpose,
    campaign: campaign.name,
    due: dayOf(campaign.dueAt, now),
    action: answerHref(base, item),
  });

function byCampaign(asked: readonly AskedAgent[]) {
  const campaigns = new Map(asked.map(({ campaign }) => [campaign.id, campaign]));
  return [...campaigns.values()].map((campaign) => ({ campaign, group: asked.filter((each) => each.campaign.id === campaign.id) }));
}

/** Confirming many at once is for what can do little harm, and for what is on the page. */
function lowRiskOf(asked: readonly AskedAgent[], { campaign, base }: { campaign: AskedAgent['campaign']; base: string }) {
  const low = asked.filter(({ agent }) => agent.riskLevel === 'low');
  if (low.length < 2) return {};
  return {
    lowRisk: {
      action: `${base}/me/certifications/${campaign.id}/confirm-low-risk`,
      words: `Confirm all ${low.length} low-risk agents`,
      agents: low.map(({ agent }) => agent.id).join(' '),
    },
  };
}

/** The model of views/me/certifications.eta. */
export async function presentOwnerPage({ asked, expired, count, nextCursor }: AskedOfOwner, around: PageSources): Promise<object> {
  const { owners, base, clock } = around;
  const now = clock.now();
  const labels = await labelsOf(
    asked.flatMap(({ agent, campaign }) => [agent.owner, personOf(campaign.createdBy)]),
    owners,
  );
  const campaigns = byCampaign(asked).map(async ({ campaign, group }) => ({
    name: campaign.name,
    from: labels.get(campaign.createdBy)?.name ?? 'An administrator',
    note: campaign.note,
    due: dayOf(campaign.dueAt, now),
    ...lowRiskOf(group, { campaign, base }),
    agents: await Promise.all(group.map((each) => presentAsked(each, { around, owner: labels.get(each.agent.owner?.id ?? '') }))),
  }));
  return {
    heading:
      count === 0
        ? 'Nothing to confirm'
        : count === 1
          ? 'Is this agent still needed?'
          : `Are these ${countOf(count, 'agent')} still needed?`,
    campaigns: await Promise.all(campaigns),
    expired: expired.map(presentExpired(around, now)),
    ...(nextCursor === undefined
      ? {}
      : {
          pager: {
            words: `${asked.length} of ${countOf(count, 'agent')}`,
            nextHref: `${base}/me/certifications?campaign=${nextCursor.campaignId}&agent=${nextCursor.agentId}`,
          },
        }),
  };
}
