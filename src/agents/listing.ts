import { type AgentOwner, ownerOf, riskLevels } from './agent.ts';
import { type AgentStatus, agentStatuses } from './lifecycle.ts';
import type { OwnerDirectory } from './owners.ts';
import { countOf, type Frame, numberOf, presentRow, riskWord, type ShownOwner, statusWord } from './present.ts';
import { type AgentListRequest, MOST_COUNTED, type StatusCounts } from './search/store.ts';
import type { AgentService } from './service.ts';

type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

const PAGE_SIZE = 25;
const MAX_SEARCH = 120;
const MAX_ID = 100;
const DAY_MS = 86_400_000;
/** For how long an agent may not have been seen, to be found by it. */
const UNSEEN_DAYS = [7, 30, 90, 365];

function textIn(query: Query, name: string, max = MAX_ID): string | undefined {
  const value = query[name];
  return typeof value === 'string' && value.trim() !== '' && !value.includes('\u0000') ? value.trim().slice(0, max) : undefined;
}

/** What the address of a list says; `unseenDays`: not seen for so long. */
export interface ListQuery extends AgentListRequest {
  readonly unseenDays?: number | undefined;
}

type ListService = Pick<AgentService, 'list' | 'countByStatus' | 'countMatching'>;

/** What an address of the list asks for; what is malformed is not asked for. */
export function readListQuery(query: Query): ListQuery {
  return {
    search: textIn(query, 'q', MAX_SEARCH),
    status: agentStatuses.find((one) => one === query['status']),
    risk: riskLevels.find((one) => one === query['risk']),
    ownerId: textIn(query, 'owner'),
    unseenDays: UNSEEN_DAYS.find((days) => String(days) === query['unseen']),
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
  { search, status, risk, ownerId, unseenDays }: ListQuery,
  more: Readonly<Record<string, string | undefined>> = {},
): string {
  const unseen = unseenDays === undefined ? undefined : String(unseenDays);
  const wanted = { q: search, status, risk, owner: ownerId, unseen, ...more };
  const given = Object.entries(wanted).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return `${base}/console/agents${given.length > 0 ? `?${new URLSearchParams(given)}` : ''}`;
}

const totalOf = (counts: StatusCounts): number => Object.values(counts).reduce((sum, count) => sum + count, 0);
const MANY = `${MOST_COUNTED.toLocaleString('en-GB')}+`;

/** Of very many, only that there are: the single tabs then have no number. */
function tabsOf(base: string, request: ListQuery, counts: StatusCounts | undefined) {
  const tab = (status: AgentStatus | undefined, words: string, count: string) => ({
    href: hrefWith(base, { ...request, status }),
    words,
    count,
    current: request.status === status,
  });
  const countIn = (status: AgentStatus) => (counts === undefined ? '' : counts[status].toLocaleString('en-GB'));
  const all = tab(undefined, 'All', counts === undefined ? MANY : totalOf(counts).toLocaleString('en-GB'));
  return [all, ...agentStatuses.map((status) => tab(status, statusWord(status), countIn(status)))];
}

function matchingWords({ status }: ListQuery, counts: StatusCounts | undefined, shown: number): string {
  if (counts === undefined) return status === undefined ? `${shown} of ${MANY} agents` : countOf(shown, 'agent');
  return `${shown} of ${countOf(status === undefined ? totalOf(counts) : counts[status], 'agent')}`;
}

/** What else the list can be narrowed by, as the form shows it. */
function choicesOf({ risk, unseenDays }: ListQuery) {
  const chosen = (options: readonly { value: string; words: string }[], current: string) =>
    options.map((option) => ({ ...option, selected: option.value === current }));
  const days = UNSEEN_DAYS.map((count) => ({ value: String(count), words: `Not for ${count} days` }));
  return {
    risks: chosen([{ value: '', words: 'Any risk' }, ...riskLevels.map((value) => ({ value, words: riskWord(value) }))], risk ?? ''),
    unseen: chosen([{ value: '', words: 'Seen or not' }, ...days], unseenDays === undefined ? '' : String(unseenDays)),
  };
}

/** The model of views/console/agents.eta. */
export async function agentsModel(
  request: ListQuery,
  { service, directory, frame }: { service: ListService; directory: Names; frame: Frame },
): Promise<object> {
  const { base } = frame;
  const { search, unseenDays } = request;
  const searchOwners = search === undefined ? undefined : await ownersNamed(search, directory);
  const unseenSince = unseenDays === undefined ? undefined : new Date(frame.now.getTime() - unseenDays * DAY_MS);
  const filter = { ...request, searchOwners, unseenSince };
  const isNarrowed = [search, request.risk, request.ownerId, unseenDays].some((one) => one !== undefined);
  const [page, everywhere] = await Promise.all([service.list(filter), service.countByStatus()]);
  const counts = isNarrowed ? await service.countMatching(filter) : everywhere;
  const labels = await labelsOf(
    page.agents.map(({ owner }) => owner),
    directory,
  );
  const owner = request.ownerId === undefined ? undefined : ownerOf(request.ownerId);
  const ownerName = owner && ((await directory.ownerLabel(owner))?.name ?? 'Nobody');
  const pager = {
    words: matchingWords(request, counts, page.agents.length),
    ...(page.previousCursor === undefined ? {} : { previousHref: hrefWith(base, request, { newer: page.previousCursor }) }),
    ...(page.nextCursor === undefined ? {} : { nextHref: hrefWith(base, request, { cursor: page.nextCursor }) }),
  };
  return {
    heading:
      everywhere.active === 0
        ? 'No agent acts here'
        : `${countOf(everywhere.active, 'agent')} ${everywhere.active === 1 ? 'acts' : 'act'} here`,
    words: `${numberOf(everywhere.proposed)} proposed, ${numberOf(everywhere.underReview)} under review, ${numberOf(everywhere.suspended)} suspended.`,
    q: search ?? '',
    tabs: tabsOf(base, request, counts),
    status: request.status ?? '',
    ...choicesOf(request),
    ...(ownerName === undefined
      ? {}
      : { owner: { id: request.ownerId, name: ownerName, clearHref: hrefWith(base, { ...request, ownerId: undefined }) } }),
    filtered: isNarrowed || request.status !== undefined,
    agents: page.agents.map((agent) => presentRow(agent, agent.owner && labels.get(agent.owner.id), frame)),
    ...(page.agents.length === 0 ? {} : { pager }),
  };
}
