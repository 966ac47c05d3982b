import { type ActClaim, actorsOf, type GrantedDetail, type KnownToken, type SubjectProfile } from '../token-record.ts';

/** A token of a lineage, with how many were made from it directly; more than `MOST_COUNTED` are not counted. */
export interface LineageToken extends KnownToken {
  readonly childCount: number;
}

/** Counting stops here: "more than 1,000" says enough. */
export const MOST_COUNTED = 1_000;

/**
 * A token with what it came from and what was made of it, cut where it would be too much: `childCount` of a token says what is
 * missing below it.
 */
export interface Lineage {
  readonly focus: LineageToken;
  /** From the top down, without the focus. The first is the root unless it has a parent itself. */
  readonly above: readonly LineageToken[];
  /** Made from the same token as the focus. */
  readonly beside: readonly LineageToken[];
  /** Made from the focus and from what was made from it; a parent comes before its children. */
  readonly below: readonly LineageToken[];
}

/** One party of a token: who acts, or whom it is for. */
export interface ActingParty {
  readonly id: string;
  readonly profile: SubjectProfile;
}

/** How a token stands. `stopped`: something it stands on has ended. */
export type TokenState = 'live' | 'ended' | 'expired' | 'stopped';

/** What became less from one token to the next, and by which right. */
export interface Hop {
  readonly from: ActingParty;
  readonly to: ActingParty;
  /** Somebody else acts from here on. */
  readonly isHandedOn: boolean;
  /** R1: `issued_to`, `resource_server`, `may_act`, `delegation`; undefined when nobody wrote it down. */
  readonly basis: string | undefined;
  readonly delegationId: string | undefined;
  readonly decisionId: string | undefined;
  /** Set when the new token is for another resource. */
  readonly resource: { readonly from: string; readonly to: string } | undefined;
  readonly scopesBefore: readonly string[];
  readonly scopesAfter: readonly string[];
  readonly detailsBefore: readonly GrantedDetail[];
  readonly detailsAfter: readonly GrantedDetail[];
  /** By how many seconds the new token ends earlier. */
  readonly secondsShorter: number;
  /** Bound to another key than before, or for the first time. */
  readonly isRebound: boolean;
}

/** Who acts with a token: the newest actor, else the subject itself. */
export function actingIn({ act, subject, subjectProfile }: Pick<KnownToken, 'act' | 'subject' | 'subjectProfile'>): ActingParty {
  return act === undefined ? { id: subject, profile: subjectProfile } : { id: act.sub, profile: profileOf(act) };
}

function profileOf({ sub_profile: profile }: ActClaim): SubjectProfile {
  return profile === 'user' || profile === 'ai_agent' ? profile : 'service';
}

/** How a token stands at this moment. */
export function stateOf({ isLive, endedAt, expiresAt }: Pick<KnownToken, 'isLive' | 'endedAt' | 'expiresAt'>, now: Date): TokenState {
  if (isLive) return 'live';
  if (endedAt !== undefined) return 'ended';
  return expiresAt.getTime() <= now.getTime() ? 'expired' : 'stopped';
}

function scopesOf({ scope }: Pick<KnownToken, 'scope'>): readonly string[] {
  return scope.split(' ').filter((word) => word !== '');
}

/** The step from a token to one that was made from it. */
export function hopOf(parent: KnownToken, child: KnownToken): Hop {
  const [from, to] = [actingIn(parent), actingIn(child)];
  const isSame = from.id === to.id && actorsOf(parent.act).length === actorsOf(child.act).length;
  const seconds = Math.floor((parent.expiresAt.getTime() - child.expiresAt.getTime()) / 1000);
  return {
    from,
    to,
    isHandedOn: !isSame,
    basis: child.basis,
    delegationId: child.delegationId,
    decisionId: child.decisionId,
    resource: parent.resource === child.resource ? undefined : { from: parent.resource, to: child.resource },
    scopesBefore: scopesOf(parent),
    scopesAfter: scopesOf(child),
    detailsBefore: parent.details ?? [],
    detailsAfter: child.details ?? [],
    secondsShorter: Math.max(0, seconds),
    isRebound: child.cnf !== undefined && JSON.stringify(child.cnf) !== JSON.stringify(parent.cnf),
  };
}

/** All tokens of a lineage, from the top down. */
export function tokensOf({ above, focus, beside, below }: Lineage): readonly LineageToken[] {
  return [...above, focus, ...beside, ...below];
}

/** How many children of a token a lineage leaves out; undefined: more than are counted. */
export function missingBelow(token: LineageToken, lineage: Lineage): number | undefined {
  if (token.childCount > MOST_COUNTED) return undefined;
  return token.childCount - tokensOf(lineage).filter(({ parentJti }) => parentJti === token.jti).length;
}
