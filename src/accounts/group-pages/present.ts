import type { Account, Group } from '../account.ts';
import type { State } from '../present.ts';

/** So many members a page shows by name. */
export const MOST_MEMBERS_SHOWN = 200;
const PAGE_SIZE = 25;

/** `1 person`, `3 people`. */
const countOf = (count: number, one: string, many: string) => `${count.toLocaleString('en-GB')} ${count === 1 ? one : many}`;

function stateOf({ isAlive, isBuiltIn }: Group): State {
  if (isBuiltIn) return { word: 'Built in', tone: '' };
  return isAlive ? { word: 'Can answer', tone: 'yes' } : { word: 'Nobody in it', tone: 'wait' };
}

/** The groups of one page whose name has `q` in it. `cursor`: the last one of the page before. */
export function pageOfGroups(groups: readonly Group[], { q, cursor }: { readonly q: string; readonly cursor: string | undefined }) {
  const found = groups.filter(({ name }) => name.toLowerCase().includes(q.toLowerCase()));
  const from = cursor === undefined ? 0 : found.findIndex(({ id }) => id === cursor) + 1;
  const items = found.slice(from, from + PAGE_SIZE);
  return { items, total: found.length, nextCursor: from + PAGE_SIZE < found.length ? items.at(-1)?.id : undefined };
}

/** What `console/groups` shows. `owned`: how many agents each group answers for. */
export function presentGroups(
  page: ReturnType<typeof pageOfGroups>,
  { q, base, owned, isEditor }: { q: string; base: string; owned: ReadonlyMap<string, number>; isEditor: boolean },
) {
  const next = page.nextCursor && new URLSearchParams({ ...(q === '' ? {} : { q }), cursor: page.nextCursor });
  return {
    heading: q === '' && page.total === 0 ? 'No group yet' : countOf(page.total, 'group', 'groups'),
    words:
      q === '' ? 'People who answer for agents together, so that none is left alone when one of them leaves.' : `With “${q}” in the name.`,
    q,
    isEditor,
    groups: page.items.map((group) => ({
      id: group.id,
      name: group.name,
      people: group.memberCount,
      agents: owned.get(group.id) ?? 0,
      state: stateOf(group),
    })),
    ...(page.items.length === 0
      ? {}
      : { pager: { words: `${page.items.length} of ${page.total}`, ...(next ? { nextHref: `${base}/console/groups?${next}` } : {}) } }),
  };
}

/** Everything the page of a group shows. */
export interface GroupContent {
  readonly group: Group;
  readonly people: readonly Account[];
  /** Agents in it, as far as they are shown; an agent without a name is gone. */
  readonly agents: readonly { readonly id: string; readonly name: string }[];
  readonly hasMoreAgents: boolean;
  /** How many agents it answers for. */
  readonly owned: number;
  readonly base: string;
  readonly isEditor: boolean;
}

/** What is to be said of a member beside that they answer. */
function whyNot(one: Account, people: readonly Account[]): { readonly state?: State } {
  if (one.status !== 'active') return { state: { word: 'Shut out', tone: 'stop' } };
  const isLast = people.every(({ id, status }) => id === one.id || status !== 'active');
  return isLast ? { state: { word: 'The only one', tone: 'wait' } } : {};
}

const ownedWords = (owned: number) => (owned === 0 ? 'No agent' : countOf(owned, 'agent', 'agents'));

/** What `console/group` shows. */
export function presentGroup({ group, people, agents, hasMoreAgents, owned, base, isEditor }: GroupContent) {
  const here = `${base}/console/groups/${group.id}`;
  const shown = people.slice(0, MOST_MEMBERS_SHOWN);
  return {
    group: {
      id: { short: `${group.id.slice(0, 8)}…${group.id.slice(-4)}`, full: group.id },
      name: group.name,
      state: stateOf(group),
      words: group.isBuiltIn
        ? 'What people let in by their consent alone belongs to it, until somebody answers for it.'
        : `${countOf(group.memberCount, 'person', 'people')}, each of whom answers for what the group owns.`,
    },
    ...(group.isAlive || owned === 0
      ? {}
      : {
          warning: `Nobody in it can sign in, so the ${countOf(owned, 'agent', 'agents')} it owns ${owned === 1 ? 'gets' : 'get'} no token. Add somebody, then let ${owned === 1 ? 'it' : 'them'} run again.`,
        }),
    people: shown.map((one) => ({
      name: one.name,
      email: one.email,
      href: `${base}/console/people/${one.id}`,
      removeHref: `${here}/people/${one.id}/remove`,
      ...whyNot(one, people),
    })),
    ...(group.memberCount > shown.length ? { morePeople: `and ${group.memberCount - shown.length} more` } : {}),
    agents: agents.map(({ id, name }) => ({ name, href: `${base}/console/agents/${id}` })),
    ...(hasMoreAgents ? { moreAgents: 'and more: the list over SCIM has all of them' } : {}),
    owned: { words: ownedWords(owned), ...(owned === 0 ? {} : { href: `${base}/console/agents?owner=${group.id}` }) },
    may: { add: isEditor, rename: isEditor && !group.isBuiltIn, remove: isEditor && !group.isBuiltIn },
  };
}

const REVIEW = 'They get no token until somebody who can answer for them is found and lets them run.';

/** What falls when a group is deleted, or loses the last one who answers for it (views/partials/falls.eta). */
export function presentFalling(owned: number) {
  return owned === 0
    ? { headline: 'Nothing', words: ['It owns no agent.'] }
    : { headline: `${countOf(owned, 'agent', 'agents')} under review`, words: [REVIEW] };
}
