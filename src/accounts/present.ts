import { AppError } from '../platform/errors.ts';
import { type Moment, momentOf } from '../platform/http/moment.ts';
import { initialsOf } from '../platform/http/pages.ts';
import { type Account, type Role, ROLES } from './account.ts';
import { successorWords } from './leaving/present.ts';
import type { OneTimeLink } from './enrolment/links.ts';
import type { AccountPage } from './service.ts';
import type { Security } from './second-factor/second-factor.ts';

/** A word with a colour (views/partials/state.eta). */
export interface State {
  readonly word: string;
  readonly tone: '' | 'yes' | 'wait' | 'stop' | 'info';
}

/** What is wrong with a form, and in which field (views/partials/error-summary.eta). */
export interface Fault {
  readonly field?: string;
  readonly message: string;
}

/** What other capabilities know of a person, for the page about them. */
export interface PersonSurroundings {
  agentsOf(
    accountId: string,
  ): Promise<readonly { readonly href: string; readonly name: string; readonly purpose: string; readonly state: State }[]>;
  /** How many agents each of these people owns; left out: none. */
  agentCounts(accountIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Who may act for them; `agent` as views/partials/party.eta takes it. */
  grantsOf(accountId: string): Promise<readonly { readonly agent: object; readonly may: string; readonly lastUsed?: Moment }[]>;
  sessionCount(accountId: string): Promise<number>;
}

const ROLE_WORDS: Readonly<Record<Role, { words: string; hint: string }>> = {
  admin: { words: 'Administrator', hint: 'Runs this server: people, agents, clients, resource servers, policies.' },
  approver: { words: 'Approver', hint: 'Decides what agents ask for.' },
  auditor: { words: 'Auditor', hint: 'Reads everything, changes nothing.' },
  user: { words: 'Person', hint: 'Owns agents and lets them act for themselves.' },
};

/** The faults to show beside the form; anything that is not the person's to mend is thrown on. */
export function faultsOf(error: unknown): readonly Fault[] {
  if (!(error instanceof AppError)) throw error;
  const isMendable =
    error.code === 'invalid_input' || error.code === 'conflict' || (error.code === 'too_many_requests' && error.message !== '');
  if (!isMendable) throw error;
  const { member } = error.details;
  return [member === undefined ? { message: error.message } : { field: member, message: error.message }];
}

function stateOf({ status, passwordChangedAt }: Account): State {
  if (status === 'disabled') return { word: 'Shut out', tone: 'stop' };
  return passwordChangedAt === undefined ? { word: 'Invited', tone: 'wait' } : { word: 'Active', tone: 'yes' };
}

function secondOf({ passkeys, hasCode }: Security): State {
  if (passkeys.length > 0) return { word: 'Passkey', tone: 'yes' };
  return hasCode ? { word: 'Authenticator app', tone: 'yes' } : { word: 'Password only', tone: 'wait' };
}

function count(n: number, one: string, many: string): string {
  return n === 1 ? `1 ${one}` : `${n} ${many}`;
}

/** Role choices for a form, one of them chosen. */
export function roleChoices(chosen: Role) {
  return ROLES.map((value) => ({ value, ...ROLE_WORDS[value], checked: value === chosen, type: 'radio' }));
}

/** What `console/people` shows. */
export function presentPeople(
  page: AccountPage,
  about: { q: string; base: string; now: Date; security: ReadonlyMap<string, Security>; agents: ReadonlyMap<string, number> },
) {
  const { q, base, now, security, agents } = about;
  const next = page.nextCursor && new URLSearchParams({ ...(q === '' ? {} : { q }), cursor: page.nextCursor });
  return {
    heading: count(page.total, 'person', 'people'),
    words: q === '' ? 'They own agents, decide what agents ask for, or look after this server.' : `Name or email has “${q}” in it.`,
    q,
    people: page.items.map((account) => ({
      id: account.id,
      name: account.name,
      initials: initialsOf(account.name),
      email: account.email,
      roles: ROLE_WORDS[account.role].words,
      second: secondOf(security.get(account.id) ?? { passkeys: [], hasCode: false }),
      agents: agents.get(account.id) ?? 0,
      ...(account.lastSeenAt === undefined ? {} : { lastSeen: momentOf(account.lastSeenAt, now) }),
      state: stateOf(account),
    })),
    ...(next ? { pager: { words: `${page.items.length} of ${page.total}`, nextHref: `${base}/console/people?${next}` } } : {}),
  };
}

/** What `console/person` shows. `isEditor`: may change people; `isSelf`: looks at their own page. */
export function presentPerson(
  account: Account,
  about: {
    now: Date;
    security: Security;
    isEditor: boolean;
    isSelf: boolean;
    successor: { readonly name: string; readonly isAlive: boolean } | undefined;
  } & { [K in 'agents' | 'grants' | 'groups']: readonly object[] } & {
    sessions: number;
  },
) {
  const { now, security, isEditor, isSelf } = about;
  const isActive = account.status === 'active';
  const facts = [
    { label: 'Role', value: ROLE_WORDS[account.role].words },
    { label: 'Here since', time: momentOf(account.createdAt, now) },
    { label: 'Signs in with', value: secondOf(security).word },
    account.lastSeenAt === undefined
      ? { label: 'Last seen', value: 'never' }
      : { label: 'Last seen', time: momentOf(account.lastSeenAt, now) },
  ];
  return {
    person: {
      id: { short: `${account.id.slice(0, 8)}…${account.id.slice(-4)}`, full: account.id },
      name: account.name,
      email: account.email,
      state: stateOf(account),
      facts,
    },
    agents: about.agents,
    grants: about.grants,
    groups: about.groups,
    sessions: count(about.sessions, 'session', 'sessions'),
    leaving: successorWords(about.successor),
    may: {
      roles: isEditor && isActive,
      reset: isEditor && isActive,
      suspend: isEditor && isActive && !isSelf,
      resume: isEditor && !isActive,
      remove: isEditor && !isSelf,
      successor: isEditor,
    },
  };
}

/** What `console/shown-once` shows for a link. */
export function presentLink(account: Account, link: OneTimeLink, about: { base: string; now: Date }) {
  const isInvitation = link.purpose === 'invitation';
  return {
    current: 'people',
    heading: isInvitation ? `Hand this to ${account.name}` : `A way back in for ${account.name}`,
    words: isInvitation
      ? 'Whoever opens it chooses the password of this account. Give it to them yourself, by a way you trust.'
      : 'Whoever opens it chooses a new password. Passkeys and authenticator app of the account end then, and every session.',
    once: [{ label: isInvitation ? 'Invitation' : 'Reset link', value: link.url }],
    facts: [
      { label: 'For', value: account.email },
      { label: 'Works once, until', value: momentOf(link.expiresAt, about.now).exact },
    ],
    next: { href: `${about.base}/console/people/${account.id}`, words: 'Done' },
  };
}

/** What an account may know of its own ways to sign in: the part of `me/home` that is ours. */
export function presentSecurity(account: Account, security: Security, now: Date) {
  return {
    account: { name: account.name, email: account.email, roles: ROLE_WORDS[account.role].words },
    passkeys: security.passkeys.map(({ id, label, createdAt }) => ({ id, label, added: momentOf(createdAt, now) })),
    hasCode: security.hasCode,
    mayUseConsole: account.role !== 'user',
  };
}
