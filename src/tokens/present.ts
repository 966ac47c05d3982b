import type { Sent } from '../platform/http/operation.ts';
import { initialsOf } from '../platform/http/pages.ts';
import type { ListedToken } from './store.ts';
import type { tokenBody } from './wire.ts';
import { type ActClaim, actorsOf, type Falling, type KnownToken } from './token-record.ts';

/** A party of a chain as partials/party.eta shows it. */
export interface PartyView {
  readonly kind: 'person' | 'agent' | 'service' | 'resource';
  readonly name: string;
  readonly initials: string;
  readonly now?: true;
  readonly href?: string;
}

/** Names of parties and resources by id; what has none is called by its id. */
export type Names = ReadonlyMap<string, string>;

/** What the pages need to know besides the token. */
export interface ViewContext {
  readonly names: Names;
  readonly now: Date;
  /** The issuer's path without a slash at its end. */
  readonly basePath: string;
  readonly mayEnd: boolean;
}

/** What each `sub_profile` is called in a chain. */
export const KINDS: Readonly<Record<string, PartyView['kind']>> = { user: 'person', ai_agent: 'agent', service: 'service' };
const PAGES: Readonly<Partial<Record<PartyView['kind'], string>>> = { person: 'people', agent: 'agents' };

/** A record in the form of `tokenBody`. */
export function presentToken(token: KnownToken): Sent<typeof tokenBody> {
  return {
    jti: token.jti,
    live: token.isLive,
    client_id: token.clientId,
    sub: token.subject,
    sub_profile: token.subjectProfile,
    agent_id: token.agentId,
    account_id: token.accountId,
    actor_source: token.actorSource,
    act: token.act,
    aud: token.resource,
    scope: token.scope,
    authorization_details: token.details,
    cnf: token.cnf,
    acr: token.acr,
    auth_time: token.authTime?.toISOString(),
    approval: token.approval,
    decision_id: token.decisionId,
    parent_jti: token.parentJti,
    root_jti: token.rootJti,
    depth: token.depth,
    issued_at: token.issuedAt.toISOString(),
    expires_at: token.expiresAt.toISOString(),
    ended_at: token.endedAt?.toISOString(),
    end_cause: token.endCause,
  };
}

/** Everything whose name a page needs for these tokens. */
export function namedIn(tokens: readonly KnownToken[]): readonly string[] {
  return [...new Set(tokens.flatMap((token) => [token.subject, token.resource, ...actorsOf(token.act).map(({ sub }) => sub)]))];
}

/** A party or resource as pages show it, with the way to its page. */
export function partyView(id: string, kind: PartyView['kind'], context: Pick<ViewContext, 'names' | 'basePath'>): PartyView {
  const name = context.names.get(id) ?? id;
  const page = PAGES[kind];
  return { kind, name, initials: initialsOf(name), ...(page === undefined ? {} : { href: `${context.basePath}/console/${page}/${id}` }) };
}

/** Who acts, for whom, on what: the subject first, then the actors in the order in which they came, the resource last. */
export function chainOf(token: KnownToken, context: ViewContext): readonly PartyView[] {
  const actors = actorsOf(token.act).toReversed();
  const people = [
    partyView(token.subject, KINDS[token.subjectProfile] ?? 'service', context),
    ...actors.map((actor: ActClaim) => partyView(actor.sub, KINDS[actor.sub_profile ?? 'service'] ?? 'service', context)),
  ];
  const last = people.length - 1;
  return [
    ...people.map((each, index) => (index === last ? { ...each, now: true as const } : each)),
    partyView(token.resource, 'resource', context),
  ];
}

/** A moment ahead as partials/time.eta shows it. */
export function momentLeft(at: Date, now: Date): { text: string; exact: string; iso: string; keep: 'left' } {
  const seconds = Math.max(0, Math.round((at.getTime() - now.getTime()) / 1000));
  const units: [number, string][] = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
  ];
  const [size, unit] = units.find(([length]) => seconds >= length) ?? [1, 's'];
  const exact = at.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium', timeZone: 'UTC' });
  return { text: `${Math.floor(seconds / size)} ${unit} left`, exact: `${exact} UTC`, iso: at.toISOString(), keep: 'left' };
}

/** An identifier as partials/id.eta shows it. */
export function shortened(id: string): { short: string; full: string } {
  return { short: id.length <= 13 ? id : `${id.slice(0, 8)}…${id.slice(-4)}`, full: id };
}

function mayOf(token: KnownToken): string {
  const details = (token.details ?? []).map((detail) => String(detail['type']));
  const words = [...(token.scope === '' ? [] : token.scope.split(' ')), ...details];
  return words.length === 0 ? 'nothing but be recognised' : words.join(', ');
}

/** One row of console/tokens.eta. */
export function tokenRow(token: ListedToken, context: ViewContext): Readonly<Record<string, unknown>> {
  return {
    id: shortened(token.jti),
    chain: chainOf(token, context),
    may: mayOf(token),
    ends: momentLeft(token.expiresAt, context.now),
    children: token.childCount,
    mayEnd: context.mayEnd,
  };
}

/** "1 token ends" or "4 tokens end". */
function counted(count: number, one: string, many: string): string {
  return count === 1 ? `1 ${one}` : `${count} ${many}`;
}

/** What falls, as partials/falls.eta says it before anything is ended. */
export function fallsView(falling: Falling): { headline: string; words: readonly string[] } {
  const { tokens, agents, people, grants } = falling;
  const words = [
    ...(agents > 0 ? [`${counted(agents, 'agent loses', 'agents lose')} what it was handed.`] : []),
    ...(people > 0 ? [`${counted(people, 'person', 'people')} would notice.`] : []),
    ...(grants > 0 ? [`What they consented to stays; a new token can be asked for.`] : []),
  ];
  return { headline: tokens === 0 ? 'Nothing' : counted(tokens, 'live token', 'live tokens'), words };
}
