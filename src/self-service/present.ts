import { dayWords, endOf, momentOf } from '../platform/http/moment.ts';
import { initialsOf } from '../platform/http/pages.ts';
import type { GrantWords } from './grant.ts';
import type { LineageNode } from '../tokens/index.ts';
import type { SelfServiceSources } from './sources.ts';

const STATES: Readonly<Record<string, { word: string; tone: string }>> = {
  active: { word: 'Active', tone: 'yes' },
  proposed: { word: 'Proposed', tone: 'info' },
  underReview: { word: 'Under review', tone: 'wait' },
  suspended: { word: 'Suspended', tone: 'stop' },
  retired: { word: 'Retired', tone: '' },
};

function stateOf(status: string) {
  return STATES[status] ?? { word: status, tone: '' };
}

function partyOf({ grantee }: GrantWords) {
  return { kind: grantee.kind, name: grantee.name, initials: initialsOf(grantee.name) };
}

function sentence(parts: readonly string[]): string {
  const text = parts.join('; ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** How many act, as a heading. */
function headingOf(grants: readonly GrantWords[]): string {
  const count = new Set(grants.map(({ clientId }) => clientId)).size;
  if (count === 0) return 'Your agents';
  return count === 1 ? 'One agent acts for you' : `${count} agents act for you`;
}

/** A line of what a person allowed (views/me/home.eta). */
export function presentGrant(grant: GrantWords, { lastUsed, now }: { lastUsed: Date | undefined; now: Date }) {
  return {
    id: grant.hash.toString('hex'),
    agent: partyOf(grant),
    may: sentence(grant.may),
    resources: grant.resources.length === 0 ? 'This server' : grant.resources.join(', '),
    ...(lastUsed === undefined ? {} : { lastUsed: momentOf(lastUsed, now) }),
    state: stateOf(grant.grantee.status ?? 'active'),
  };
}

type Sessions = Awaited<ReturnType<SelfServiceSources['sessionsOf']>>;
type Agents = Awaited<ReturnType<SelfServiceSources['agentsOwnedBy']>>;

/** Nothing to look at: those with something to say come first. */
function isQuiet({ status, card, notice }: Agents[number]): boolean {
  return status === 'active' && card === undefined && notice === undefined;
}

/** What a browser calls itself, in two words as far as it tells. */
function deviceOf(userAgent: string): string {
  const browsers = { 'Edg/': 'Edge', 'OPR/': 'Opera', 'Firefox/': 'Firefox', 'Chrome/': 'Chrome', 'Safari/': 'Safari' };
  const systems = { iPhone: 'iPhone', iPad: 'iPad', Android: 'Android', Windows: 'Windows', 'Mac OS X': 'Mac', Linux: 'Linux' };
  const find = (names: Record<string, string>) => Object.entries(names).find(([sign]) => userAgent.includes(sign))?.[1];
  const [browser, system] = [find(browsers), find(systems)];
  if (browser === undefined) return system ?? 'A browser';
  return system === undefined ? browser : `${browser} on ${system}`;
}

/** The whole page, without the part about signing in. */
export function presentHome(facts: {
  grants: readonly GrantWords[];
  lines: readonly ReturnType<typeof presentGrant>[];
  agents: Agents;
  sessions: Sessions;
  waiting: number;
  toConfirm: Awaited<ReturnType<SelfServiceSources['toConfirm']>>;
  toHandOn: number;
  currentUid: string;
  now: Date;
}) {
  const { grants, lines, agents, sessions, waiting, toConfirm, currentUid, now } = facts;
  return {
    heading: headingOf(grants),
    waiting,
    toHandOn: facts.toHandOn,
    ...(toConfirm.dueAt === undefined ? {} : { toConfirm: { count: toConfirm.count, due: dayWords(toConfirm.dueAt) } }),
    grants: lines,
    agents: agents
      .toSorted((one, other) => Number(isQuiet(one)) - Number(isQuiet(other)))
      .map(({ id, displayName, purpose, status, validUntil, card, notice }) => ({
        id,
        name: displayName,
        purpose,
        state: stateOf(status),
        ...(validUntil === undefined ? {} : { ends: endOf(validUntil, now) }),
        ...(card === undefined ? {} : { card }),
        ...(notice === undefined ? {} : { drift: notice }),
      })),
    sessions: sessions.map(({ uid, userAgent, address, lastSeenAt }) => ({
      id: uid,
      device: deviceOf(userAgent),
      place: address,
      lastSeen: momentOf(lastSeenAt, now),
      current: uid === currentUid,
    })),
  };
}

/** What became of a grant (views/me/grant.eta). */
export function presentHistory(grant: GrantWords, trees: readonly LineageNode[], base: string) {
  return {
    heading: `What ${grant.grantee.name} did with it`,
    words: sentence(grant.may),
    trees,
    endHref: `${base}/me/grants/${grant.hash.toString('hex')}/end`,
  };
}

/** The page that says first what falls (views/me/end-grant.eta). */
export function presentEnd(grant: GrantWords, around: { base: string; falling: { tokens: number; agents: number }; person: string }) {
  const { tokens, agents } = around.falling;
  const { grantee, resources } = grant;
  return {
    action: `${around.base}/me/grants/${grant.hash.toString('hex')}/end`,
    heading: `End what ${grantee.name} may do?`,
    words: 'It would have to ask you again.',
    chain: [
      { kind: 'person', name: 'You', initials: initialsOf(around.person) },
      { ...partyOf(grant), now: true },
      ...resources.map((name) => ({ kind: 'resource', name, initials: initialsOf(name) })),
    ],
    falls: {
      headline: tokens === 0 ? 'No live token' : tokens === 1 ? 'One live token ends' : `${tokens} live tokens end`,
      words: agents === 0 ? [] : [`${agents === 1 ? 'One agent' : `${agents} agents`} further down the chain lose what it handed on.`],
    },
    may: grant.may,
  };
}
