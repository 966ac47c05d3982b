import { chainOf, type PartyView, presentToken, shortened } from '../present.ts';
import type { KnownToken } from '../token-record.ts';
import { draw, type Drawing } from './drawing.ts';
import { actingIn, type Lineage, stateOf } from './lineage.ts';
import { type LineageContext, type LineageNode, lineageTree, mayWords } from './present.ts';
import { beginningWords, STATES } from './words.ts';

interface Fact {
  readonly label: string;
  readonly value: string;
  readonly href?: string;
}

/** The page of one token (views/console/token.eta). */
export interface TokenPage {
  readonly heading: string;
  readonly words: string;
  readonly state: { readonly word: string; readonly tone: string };
  readonly id: { readonly short: string; readonly full: string };
  readonly chain: readonly PartyView[];
  readonly facts: readonly Fact[];
  readonly tree: LineageNode;
  readonly drawing: Drawing;
  readonly endHref?: string;
  readonly exact: string;
}

function headingOf(token: KnownToken, { names }: LineageContext): string {
  const name = (id: string) => names.get(id) ?? id;
  const acting = actingIn(token);
  return acting.id === token.subject ? `${name(acting.id)} acts for itself` : `${name(acting.id)} acts for ${name(token.subject)}`;
}

function factsOf(token: KnownToken, { names, basePath }: LineageContext): readonly Fact[] {
  const optional = (label: string, value: string | undefined, href?: string): Fact[] =>
    value === undefined ? [] : [{ label, value, ...(href === undefined ? {} : { href: `${basePath}/console/${href}` }) }];
  const { resource, clientId, decisionId, approvalId, expiresAt, issuedAt } = token;
  return [
    ...optional('For', names.get(resource) ?? resource),
    ...optional('Audience', resource),
    ...optional('Client', clientId, `clients/${encodeURIComponent(clientId)}`),
    ...optional('Given', issuedAt.toUTCString()),
    ...optional(token.endedAt === undefined ? 'Until' : 'Would have held until', expiresAt.toUTCString()),
    ...optional('Ended because', token.endCause),
    ...optional('Decision', decisionId, `decisions/${decisionId}`),
    ...optional('Approval', approvalId, `approvals/${approvalId}`),
    ...(token.parentJti === undefined ? optional('Began', beginningWords(token)) : []),
    ...(token.cnf === undefined ? [] : optional('Bound to', 'a key its holder has to prove')),
  ];
}

/** Everything the page shows, drawn and in words. */
export function presentTokenPage(lineage: Lineage, context: LineageContext): TokenPage {
  const { focus } = lineage;
  const tree = lineageTree(lineage, context);
  return {
    heading: headingOf(focus, context),
    words: mayWords(focus, context),
    state: STATES[stateOf(focus, context.now)],
    id: shortened(focus.jti),
    chain: chainOf(focus, context),
    facts: factsOf(focus, context),
    tree,
    drawing: draw(tree),
    ...(context.mayEnd && focus.isLive ? { endHref: `${context.basePath}/console/tokens/${encodeURIComponent(focus.jti)}/end` } : {}),
    exact: JSON.stringify(presentToken(focus), null, 2),
  };
}
