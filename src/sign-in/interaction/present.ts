import { describeDetail, type DetailTypes } from '../../authorization-details/index.ts';
import { initialsOf } from '../../platform/http/pages.ts';
import type { BrowserSession } from '../../platform/http/web.ts';
import { withToolTitles } from '../../resource-servers/index.ts';
import { bareValue, claimValue, type ConsentRequest } from '../consent.ts';
import { type AskedResource, destinationOf, plainName, type Risk, type Software, type Standing } from './software.ts';

/** Everything the consent page is made of. */
export interface ConsentInput {
  readonly session: BrowserSession;
  readonly software: Software;
  readonly redirectUri: unknown;
  /** Every address that answers may go to. */
  readonly redirectUris: readonly string[];
  readonly request: ConsentRequest;
  /** Values that were allowed before: when there are others beside them, the page says which are new. */
  readonly allowedBefore: ReadonlySet<string>;
  /** By identifier; what is missing is shown by its identifier. */
  readonly resources: ReadonlyMap<string, AskedResource>;
  readonly types: DetailTypes;
  /** By the place of its detail: what was used up of its budget before. */
  readonly used?: readonly (string | undefined)[];
  readonly isFirstTime: boolean;
  readonly mayRefresh: boolean;
  /** The riskiest scopes that the person's yes gives; undefined: all. */
  readonly mostRisk?: Risk | undefined;
}

const IDENTITY_WORDS: Readonly<Record<string, string>> = {
  openid: 'Know that it is you, by an identifier',
  profile: 'Know your name',
  email: 'Know your email address',
};
const CLAIM_WORDS: Readonly<Record<string, string>> = {
  name: 'Know your name',
  email: 'Know your email address',
  email_verified: 'Know whether your email address was checked',
};
const RISKS = ['high', 'medium', 'low'] as const;
const NOT_YOURS = 'an administrator has to adopt this software before it may do this';
const DELICATE = 'delicate: allow it only if you need it now';
const BEFORE = 'You allowed this before';

function riskOf(resource: AskedResource | undefined, scope: string) {
  return resource?.scopes.find(({ name }) => name === scope);
}

/** The scopes of one resource server that the person's yes does not give. */
export function scopesBeyond(resource: AskedResource | undefined, scopes: readonly string[], most: Risk | undefined): readonly string[] {
  if (most === undefined) return [];
  return scopes.filter((scope) => RISKS.indexOf(riskOf(resource, scope)?.risk ?? 'high') < RISKS.indexOf(most));
}

/** Scopes of one resource server, the riskiest first; one that nobody described is shown as what it is and counts as high. */
function scopeLines(resource: AskedResource | undefined, scopes: readonly string[], most: Risk | undefined) {
  const beyond = scopesBeyond(resource, scopes, most);
  const lines = scopes.map((value) => {
    const known = riskOf(resource, value);
    const risk = known?.risk ?? 'high';
    const isBeyond = beyond.includes(value);
    const hint = isBeyond ? { hint: NOT_YOURS } : risk === 'high' ? { hint: DELICATE } : {};
    return { value, words: known?.description ?? value, risk, ...hint, checked: !isBeyond, ...(isBeyond ? { locked: true } : {}) };
  });
  return lines.toSorted((a, b) => RISKS.indexOf(a.risk) - RISKS.indexOf(b.risk));
}

function aboutPerson(request: ConsentRequest) {
  const scopes = request.identityScopes.map((value) => ({ value, words: IDENTITY_WORDS[value] ?? `Know your ${value}`, checked: true }));
  const claims = request.claims.map((claim) => ({
    value: claimValue(claim),
    words: CLAIM_WORDS[claim] ?? `Know your ${claim}`,
    checked: true,
  }));
  const lines = [...scopes, ...claims];
  return lines.length === 0 ? [] : [{ name: 'About you', uri: 'this server', scopes: lines }];
}

/** Whether a client that was let in before asks for more now. */
function asksForMore({ request, allowedBefore }: ConsentInput): boolean {
  if (allowedBefore.size === 0) return false;
  const asked = [...request.identityScopes, ...[...request.resources.values()].flat()];
  return request.details.length > 0 || asked.some((scope) => !allowedBefore.has(scope));
}

type Line = { readonly value: string; readonly hint?: string };

/** What is new comes first and says so; the rest says that it is not. */
function markNew<L extends Line, G extends { readonly scopes: readonly L[] }>(groups: readonly G[], input: ConsentInput) {
  if (!asksForMore(input)) return groups;
  const { allowedBefore } = input;
  const isNew = ({ value }: Line) => !allowedBefore.has(value);
  const mark = (line: L) =>
    isNew(line)
      ? { ...line, state: { word: 'New', tone: 'info' } }
      : { ...line, hint: line.hint === undefined ? BEFORE : `${BEFORE}; ${line.hint}` };
  const marked = groups.map((group) => ({
    ...group,
    scopes: group.scopes.toSorted((a, b) => Number(isNew(b)) - Number(isNew(a))).map(mark),
  }));
  return marked.toSorted((a, b) => Number(b.scopes.some(isNew)) - Number(a.scopes.some(isNew)));
}

/** A resource server that has no scopes is used as a whole, or not. */
function bareGroups({ request, resources }: ConsentInput) {
  return request.bare.map((identifier) => {
    const name = resources.get(identifier)?.name ?? identifier;
    return { name, uri: identifier, scopes: [{ value: bareValue(identifier), words: `Use ${name}`, checked: true }] };
  });
}

function groupsOf(input: ConsentInput) {
  const { request, resources, mostRisk } = input;
  const groups = [...request.resources].map(([identifier, scopes]) => {
    const resource = resources.get(identifier);
    return { name: resource?.name ?? identifier, uri: identifier, scopes: scopeLines(resource, scopes, mostRisk) };
  });
  const worst = ({ scopes }: { scopes: readonly { risk: (typeof RISKS)[number] }[] }) =>
    Math.min(...scopes.map(({ risk }) => RISKS.indexOf(risk)));
  return markNew<Line, { readonly name: string; readonly uri: string; readonly scopes: readonly Line[] }>(
    [...groups.toSorted((a, b) => worst(a) - worst(b)), ...bareGroups(input), ...aboutPerson(request)],
    input,
  );
}

function detailLines({ request, resources, types, used = [] }: ConsentInput) {
  const [first] = request.resources.keys();
  const server = (first === undefined ? undefined : resources.get(first)) ?? [...resources.values()][0];
  const name = server?.name ?? 'the resource';
  return request.details.map((detail, index) => {
    const type = types.find(detail.type);
    const exact = JSON.stringify(detail, null, 2);
    if (type === undefined) return { index, words: detail.type, hint: exact, checked: true, exact };
    const { headline, rows, amount } = describeDetail(type, withToolTitles(detail, server), name);
    const before = used[index] === undefined ? [] : [used[index]];
    const hint = [...rows.map(({ label, value }) => `${label}: ${value}`), ...before].join(' · ');
    return {
      index,
      words: headline,
      ...(amount === undefined ? {} : { amount: `${amount.amount} ${amount.currency}` }),
      ...(hint === '' ? {} : { hint }),
      checked: true,
      exact,
    };
  });
}

/** What to be careful about when a document describes the software (draft-ietf-oauth-client-id-metadata-document §6.4, §6.5). */
function documentOf({ software, redirectUri, redirectUris }: ConsentInput) {
  const { documentHost } = software;
  if (documentHost === undefined) return {};
  const { host, isLocal } = destinationOf(redirectUri);
  const isElsewhere = !isLocal && host.replace(/:\d+$/, '') !== documentHost;
  return {
    document: { host: documentHost, ...(isElsewhere ? { elsewhere: host } : {}) },
    ...(redirectUris.length > 0 && redirectUris.every((uri) => destinationOf(uri).isLocal) ? { loopbackOnly: true } : {}),
  };
}

function softwareOf(input: ConsentInput) {
  const { software, redirectUri, isFirstTime } = input;
  const { says, host, isLocal } = destinationOf(redirectUri);
  return {
    state: software.isVerified ? { word: 'Verified software', tone: 'yes' } : { word: 'Not verified', tone: 'wait' },
    owner: software.ownerName === undefined ? 'Nobody here answers for it' : `${plainName(software.ownerName)} answers for it`,
    says,
    host,
    loopbackOnly: isLocal && !software.isVerified,
    firstTime: isFirstTime,
    ...documentOf(input),
  };
}

function headingOf(input: ConsentInput, name: string): string {
  const { request } = input;
  if (asksForMore(input)) return `Let ${name} do more for you?`;
  const isIdentityOnly = request.resources.size === 0 && request.bare.length === 0 && request.details.length === 0;
  return isIdentityOnly ? `Let ${name} know who you are?` : `Let ${name} act for you?`;
}

/** The model of views/sign-in/consent.eta, without its addresses. What the client says of itself is only its name. */
export function presentConsent(input: ConsentInput): Readonly<Record<string, unknown>> {
  const { session, software, resources } = input;
  const name = plainName(software.agentName ?? software.name) || 'This software';
  const clientName = plainName(software.name);
  const parties = [
    { kind: 'person', name: 'You', initials: initialsOf(session.name) },
    {
      kind: 'agent',
      name: clientName === name || clientName === '' ? name : `${name} (${clientName})`,
      initials: initialsOf(name),
      now: true,
    },
    ...[...resources.values()].map((resource) => ({ kind: 'resource', name: resource.name, initials: initialsOf(resource.name) })),
  ];
  return {
    heading: headingOf(input, name),
    person: { email: session.email },
    chain: parties,
    software: softwareOf(input),
    groups: groupsOf(input),
    details: detailLines(input),
    holds: input.mayRefresh
      ? 'It holds until you end it, or until it was not used for 14 days.'
      : 'It holds for this visit: at most a few minutes, then you are asked again.',
  };
}

const WAITING = {
  new: {
    state: { word: 'Not let in yet', tone: 'wait' },
    words: 'Nobody here knows this software yet. An administrator has to let it in before it may act for anybody.',
    ask: 'Ask an administrator',
  },
  asked: {
    state: { word: 'Waits for an administrator', tone: 'wait' },
    words: 'An administrator was asked to let this software in. When they did, connect again from the application.',
  },
  reviewed: {
    state: { word: 'Under review', tone: 'wait' },
    words: 'Something about this software changed, so an administrator looks at it first. Nothing you allowed before is lost.',
  },
  refused: {
    state: { word: 'Stopped', tone: 'stop' },
    words: 'An administrator decided that this software does not act for people here. Ask them if you think that is a mistake.',
  },
} as const;

/** The model of views/sign-in/waits.eta, without its address: why the person is not asked. */
export function presentWaiting(software: Software, standing: Exclude<Standing, { readonly state: 'welcome' }>) {
  const name = plainName(software.agentName ?? software.name) || 'This software';
  const key = standing.state === 'waits' ? (standing.isAsked ? 'asked' : 'new') : standing.state;
  const heading = key === 'refused' ? `${name} may not act for you` : `${name} cannot act for you yet`;
  return { heading, ...WAITING[key] };
}
