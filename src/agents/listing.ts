import { riskLevels } from './agent.ts';
import { type AgentStatus, agentStatuses } from './lifecycle.ts';
import type { OwnerDirectory } from './owners.ts';
import { countOf, type Frame, presentRow, type ShownOwner, statusWord } from './present.ts';
import type { AgentListRequest } from './search/store.ts';
import type { AgentService } from './service.ts';
import type { AgentOwner } from './agent.ts';

type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

const PAGE_SIZE = 25;
const MAX_SEARCH = 120;
const MAX_ID = 100;

function textIn(query: Query, name: string, max = MAX_ID): string | undefined {
  const value = query[name];
  return typeof value === 'string' && value.trim() !== '' && !value.includes('\u0000') ? value.trim().slice(0, max) : undefined;
}

/** What an address of the list asks for; what is malformed is not asked for. */
export function readListQuery(query: Query): AgentListRequest {
  return {
    search: textIn(query, 'q', MAX_SEARCH),
    status: agentStatuses.find((one) => one === query['status']),
    risk: riskLevels.find((one) => one === query['risk']),
    ownerId: textIn(query, 'owner'),
    cursor: textIn(query, 'cursor'),
    newerThan: textIn(query, 'newer'),
    limit: PAGE_SIZE,
  };
}

type Names = Pick<OwnerDirectory, 'ownerLabel' | 'list' | 'listGroups'>;

/** The labels of several owners, each looked up once. */
export async function labelsOf(
  owners: readonly (AgentOwner | undefined)[],
  directory: Pick<OwnerDirectory, 'ownerLabel'>,
): Promise<ReadonlyMap<string, ShownOwner>> {
  const distinct = new Map(owners.flatMap((owner) => (owner === undefined ? [] : [[owner.id, owner] as const])));
  const labels = await Promise.all(
    [...distinct].map(async ([id, owner]) => [id, (await directory.ownerLabel(owner)) ?? { name: 'Nobody', isAlive: false }] as const),
  );
  return new Map(labels);
}

/** People and groups whose name a search matches. */
async function ownersNamed(search: string, directory: Names): Promise<readonly string[]> {
  const [people, groups] = await Promise.all([directory.list({ search, limit: 50 }), directory.listGroups()]);
  const named = groups.filter(({ name }) => name.toLowerCase().includes(search.toLowerCase()));
  return [...people.items, ...named].map(({ id }) => id);
}

function hrefWith(
  base: string,
  { search, status, risk, ownerId }: AgentListRequest,
  more: Readonly<Record<string, string | undefined>> = {},
): string {
  const wanted = { q: search, status, risk, owner: ownerId, ...more };
  const given = Object.entries(wanted).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return `${base}/console/agents${given.length > 0 ? `?${new URLSearchParams(given)}` : ''}`;
}

type Counts = Readonly<Record<AgentStatus, number>>;

function tabsOf(base: string, request: AgentListRequest, counts: Counts) {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const tab = (status: AgentStatus | undefined, words: string, count: number) => ({
    href: hrefWith(base, { ...request, status }),
    words,
    count: count.toLocaleString('en-GB'),
    current: request.status === status,
  });
  return [tab(undefined, 'All', all), ...agentStatuses.map((status) => tab(status, statusWord(status), counts[status]))];
}

/** The model of views/console/agents.eta. */
export async function agentsModel(
  request: AgentListRequest,
  { service, directory, frame }: { service: Pick<AgentService, 'list' | 'countByStatus'>; directory: Names; frame: Frame },
): Promise<object> {
  const { base } = frame;
  const { search } = request;
  const filter = search === undefined ? request : { ...request, searchOwners: await ownersNamed(search, directory) };
  const [page, counts, everywhere] = await Promise.all([service.list(filter), service.countByStatus(filter), service.countByStatus({})]);
  const labels = await labelsOf(
    page.agents.map(({ owner }) => owner),
    directory,
  );
  const matching = request.status === undefined ? Object.values(counts).reduce((sum, count) => sum + count, 0) : counts[request.status];
  const pager = {
    words: `${page.agents.length} of ${countOf(matching, 'agent')}`,
    ...(page.previousCursor === undefined ? {} : { previousHref: hrefWith(base, request, { newer: page.previousCursor }) }),
    ...(page.nextCursor === undefined ? {} : { nextHref: hrefWith(base, request, { cursor: page.nextCursor }) }),
  };
  return {
    heading:
      everywhere.active === 0
        ? 'No agent acts here'
        : `${countOf(everywhere.active, 'agent')} ${everywhere.active === 1 ? 'acts' : 'act'} here`,
    words: `${everywhere.proposed} proposed, ${everywhere.underReview} under review, ${everywhere.suspended} suspended.`,
    q: search ?? '',
    tabs: tabsOf(base, request, counts),
    filtered: search !== undefined || request.status !== undefined || request.risk !== undefined || request.ownerId !== undefined,
    agents: page.agents.map((agent) => presentRow(agent, agent.owner && labels.get(agent.owner.id), frame)),
    ...(page.agents.length === 0 ? {} : { pager }),
  };
}
