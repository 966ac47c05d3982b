import { type Moment, momentOf } from '../../platform/http/moment.ts';
import type { Sent } from '../../platform/http/operation.ts';
import { KINDS, type Names, type PartyView, partyView, presentToken } from '../present.ts';
import { actorsOf, type GrantedDetail, type KnownToken } from '../token-record.ts';
import type { lineageBody } from '../wire.ts';
import { actingIn, type Hop, hopOf, type Lineage, type LineageToken, missingBelow, stateOf, tokensOf } from './lineage.ts';
import { basisShort, basisWords, beginningWords, type ShrunkDetail, shrinkageWords, STATES } from './words.ts';

/** What details mean to people; whoever knows their types says it (app.ts passes it). */
export interface DetailWriter {
  /** Each as a sentence. */
  headlines(details: readonly GrantedDetail[], resourceName: string): readonly string[];
  /** What became less from one list to the next. */
  shrinkage(granted: readonly GrantedDetail[], derived: readonly GrantedDetail[]): readonly ShrunkDetail[];
}

/** What the presenters need to know besides the lineage. */
export interface LineageContext {
  readonly names: Names;
  readonly now: Date;
  /** The issuer's path without a slash at its end. */
  readonly basePath: string;
  readonly mayEnd: boolean;
  readonly details: DetailWriter;
}

/** The step into a token, in words. */
export interface HopView {
  readonly words: string;
  readonly rule: string;
  readonly ruleHref?: string;
  readonly decisionHref?: string;
  /** Sentences; empty when nothing became less. */
  readonly shrank: readonly string[];
  /** The same for the edge of a graph, the right first. */
  readonly short: readonly string[];
}

/** One place of the tree that views/partials/lineage.eta and the drawing show. */
export interface LineageNode {
  readonly party: PartyView;
  readonly words: string;
  readonly state?: { readonly word: string; readonly tone: string };
  readonly ends?: Moment;
  readonly href?: string;
  readonly endHref?: string;
  readonly isFocus: boolean;
  readonly hop?: HopView;
  readonly children: readonly LineageNode[];
  /** What is left out below it. */
  readonly more?: { readonly words: string; readonly href?: string };
}

/** Everything whose name the page needs. */
export function namedInLineage(lineage: Lineage): readonly string[] {
  const ids = tokensOf(lineage).flatMap((token) => [token.subject, token.resource, ...actorsOf(token.act).map(({ sub }) => sub)]);
  return [...new Set(ids)];
}

/** What a token allows, in a line. */
export function mayWords(token: KnownToken, { names, details }: Pick<LineageContext, 'names' | 'details'>): string {
  const resource = names.get(token.resource) ?? token.resource;
  const held = details.headlines(token.details ?? [], resource);
  if (held.length > 0) return [...held, ...(token.scope === '' ? [] : [token.scope.split(' ').join(', ')])].join(' · ');
  return token.scope === '' ? `Nothing but be recognised by ${resource}` : `${token.scope.split(' ').join(', ')} at ${resource}`;
}

function hopWords(hop: Hop, names: Names): string {
  const name = ({ id }: Hop['from']) => names.get(id) ?? id;
  return hop.isHandedOn ? `${name(hop.from)} handed it to ${name(hop.to)}` : `${name(hop.to)} made a narrower one for itself`;
}

function hopView(parent: KnownToken, child: KnownToken, context: LineageContext): HopView {
  const { names, basePath, details } = context;
  const hop = hopOf(parent, child);
  const lost = shrinkageWords(hop, details.shrinkage(hop.detailsBefore, hop.detailsAfter), (id) => names.get(id) ?? id);
  return {
    words: hopWords(hop, names),
    rule: basisWords(hop.basis),
    ...(hop.delegationId === undefined ? {} : { ruleHref: `${basePath}/console/delegations` }),
    ...(hop.decisionId === undefined ? {} : { decisionHref: `${basePath}/console/decisions/${hop.decisionId}` }),
    shrank: lost.map(({ words }) => words),
    short: [basisShort(hop.basis), ...lost.map(({ short }) => short)].filter((line) => line !== ''),
  };
}

function moreOf(token: LineageToken, lineage: Lineage, basePath: string): LineageNode['more'] {
  const missing = missingBelow(token, lineage);
  if (missing === 0) return undefined;
  const words = missing === undefined ? 'and more than 1,000 more' : `and ${missing.toLocaleString('en')} more`;
  return { words, href: `${basePath}/console/tokens?parent=${encodeURIComponent(token.jti)}` };
}

function nodeOf(token: LineageToken, lineage: Lineage, context: LineageContext): LineageNode {
  const { now, basePath, names, mayEnd } = context;
  const tokens = tokensOf(lineage);
  const parent = tokens.find(({ jti }) => jti === token.parentJti);
  const acting = actingIn(token);
  const isFocus = token === lineage.focus;
  const href = `${basePath}/console/tokens/${encodeURIComponent(token.jti)}`;
  const more = moreOf(token, lineage, basePath);
  const { href: _page, ...party } = partyView(acting.id, KINDS[acting.profile] ?? 'service', { names, basePath });
  return {
    party: isFocus ? { ...party, now: true } : party,
    words: mayWords(token, context),
    state: STATES[stateOf(token, now)],
    ends: momentOf(token.endedAt ?? token.expiresAt, now),
    ...(isFocus ? {} : { href }),
    ...(mayEnd && token.isLive ? { endHref: `${href}/end` } : {}),
    isFocus,
    ...(parent === undefined ? {} : { hop: hopView(parent, token, context) }),
    children: tokens.filter(({ parentJti }) => parentJti === token.jti).map((child) => nodeOf(child, lineage, context)),
    ...(more === undefined ? {} : { more }),
  };
}

/** Whom a lineage began with; where its top is cut off or forgotten, what is above it. */
function beginningOf(top: LineageToken, context: LineageContext): Pick<LineageNode, 'party' | 'words' | 'href'> {
  const { names, basePath } = context;
  const id = top.accountId ?? top.subject;
  const party = partyView(id, top.accountId === undefined ? (KINDS[top.subjectProfile] ?? 'service') : 'person', { names, basePath });
  if (top.parentJti !== undefined)
    return { party, words: 'gave what all this came from, further up', href: `${basePath}/console/tokens/${top.jti}` };
  const href = top.approvalId === undefined ? party.href : `${basePath}/console/approvals/${top.approvalId}`;
  return { party, words: beginningWords(top), ...(href === undefined ? {} : { href }) };
}

/** The tree from whoever it began with down to what was made of the token. */
export function lineageTree(lineage: Lineage, context: LineageContext): LineageNode {
  const top = lineage.above[0] ?? lineage.focus;
  return { ...beginningOf(top, context), isFocus: false, children: [nodeOf(top, lineage, context)] };
}

/** A lineage in the form of `lineageBody`. */
export function presentLineage(lineage: Lineage, { details }: Pick<LineageContext, 'details'>): Sent<typeof lineageBody> {
  const tokens = tokensOf(lineage);
  const known = new Map(tokens.map((token) => [token.jti, token]));
  const hops = tokens.flatMap((token) => {
    const parent = known.get(token.parentJti ?? '');
    if (parent === undefined) return [];
    const hop = hopOf(parent, token);
    return [
      {
        parent_jti: parent.jti,
        jti: token.jti,
        from: hop.from.id,
        to: hop.to.id,
        handed_on: hop.isHandedOn,
        basis: hop.basis ?? null,
        delegation_id: hop.delegationId ?? null,
        decision_id: hop.decisionId ?? null,
        resource: hop.resource ?? null,
        scopes_before: hop.scopesBefore,
        scopes_after: hop.scopesAfter,
        details: details.shrinkage(hop.detailsBefore, hop.detailsAfter),
        seconds_shorter: hop.secondsShorter,
        rebound: hop.isRebound,
      },
    ];
  });
  const leftOut = tokens.flatMap((token) => {
    const count = missingBelow(token, lineage);
    return count === 0 ? [] : [{ jti: token.jti, count: count ?? null }];
  });
  const { focus, above, beside, below } = lineage;
  return {
    token: presentToken(focus),
    above: above.map(presentToken),
    beside: beside.map(presentToken),
    below: below.map(presentToken),
    hops,
    left_out: leftOut,
  };
}

/** A tree for a person: the same words without the ways into the console. */
function withoutLinks({ party, words, state, ends, hop, more, children }: LineageNode): LineageNode {
  const { href: _page, now: _outline, ...known } = party;
  return {
    party: known,
    words,
    isFocus: false,
    ...(state === undefined ? {} : { state }),
    ...(ends === undefined ? {} : { ends }),
    ...(hop === undefined ? {} : { hop: { words: hop.words, rule: hop.rule, shrank: hop.shrank, short: hop.short } }),
    ...(more === undefined ? {} : { more: { words: more.words } }),
    children: children.map(withoutLinks),
  };
}

/** What was made under somebody's grant, for that person: from each token issued under it on down. */
export function grantHistory(lineages: readonly Lineage[], context: Omit<LineageContext, 'basePath' | 'mayEnd'>): readonly LineageNode[] {
  return lineages.flatMap((lineage) => lineageTree(lineage, { ...context, basePath: '', mayEnd: false }).children.map(withoutLinks));
}
