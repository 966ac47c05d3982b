import { accept, type Outcome, refuse } from './refusal.ts';

/** Who an actor is: the pair (`iss`, `sub`) names it (Actor Profile), `sub_profile` says what kind of party it is. */
export interface Actor {
  readonly iss: string;
  readonly sub: string;
  readonly sub_profile?: string;
}

/** The `act` claim (RFC 8693 §4.1): the newest actor outermost, the one before it inside. */
export interface ActClaim extends Actor {
  readonly act?: ActClaim;
}

/** What an extension of the chain starts from. */
export interface ChainExtension {
  /** The subject of the token that is exchanged. */
  readonly subject: Pick<Actor, 'iss' | 'sub'>;
  /** The chain of that token, as `readActChain` gave it. */
  readonly inbound: ActClaim | undefined;
  /** The party that acts from now on; undefined for a continuation, which leaves the chain as it is. */
  readonly actor: Actor | undefined;
  /** The most actors a chain may hold; the agent's `maxDelegationDepth` or 4 (R26). */
  readonly maxDepth: number;
}

/** Beyond this a chain is not even read: no token of ours can hold it in 8 KB. */
const maxReadableDepth = 16;
const maxIdentifierLength = 512;
const actMembers: ReadonlySet<string> = new Set(['iss', 'sub', 'sub_profile', 'act']);

/** Whether two parties are one: issuer and subject both equal, nothing else counts (Actor Profile). */
export function isSameParty(a: Pick<Actor, 'iss' | 'sub'>, b: Pick<Actor, 'iss' | 'sub'>): boolean {
  return a.iss === b.iss && a.sub === b.sub;
}

/** The actors of a chain, newest first. */
export function actorsOf(chain: ActClaim | undefined): readonly Actor[] {
  const actors: Actor[] = [];
  for (let link = chain; link !== undefined; link = link.act) actors.push(link);
  return actors;
}

/**
 * Reads the `act` claim of an inbound token. Every actor needs `iss` and `sub`; a member beyond `iss sub sub_profile act` is
 * refused, because carrying it on would vouch for it and dropping it would edit the chain (RFC 8693 §4.1: identity claims only;
 * Actor Profile: never drop, never edit). A chain that names one party twice is refused as well. Refusals: `invalid_request`.
 */
export function readActChain(claim: unknown): Outcome<ActClaim | undefined> {
  if (claim === undefined) return accept(undefined);
  const seen: Actor[] = [];
  for (let link: unknown = claim; link !== undefined; link = link.act) {
    if (!isLink(link)) return refuse('invalid_request', 'the act chain of the subject token is malformed');
    if (seen.length === maxReadableDepth) return refuse('invalid_request', 'the act chain of the subject token is too long');
    const { iss, sub } = link;
    if (seen.some((other) => isSameParty(other, { iss, sub })))
      return refuse('invalid_request', 'the act chain of the subject token names one actor twice');
    seen.push({ iss, sub });
  }
  return accept(claim as ActClaim);
}

function isLink(link: unknown): link is Actor & { readonly act?: unknown } {
  if (typeof link !== 'object' || link === null || Array.isArray(link)) return false;
  const { iss, sub, sub_profile: profile = 'user' } = link as Record<string, unknown>;
  return Object.keys(link).every((name) => actMembers.has(name)) && [iss, sub, profile].every(isIdentifier);
}

function isIdentifier(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= maxIdentifierLength;
}

/**
 * The chain of the token to be issued: the new actor outermost around the whole inbound chain, unchanged (RFC 8693 §4.1).
 *
 * Not wrapped: an actor that is already the outermost (R3), and a subject that acts for itself (no `act` then). Refused with
 * `invalid_request`: a chain longer than `maxDepth` (never truncated), also for a continuation; and an actor that stands deeper
 * in the chain, or is the subject of a token that others already act on. Such a loop would let a party launder what it was
 * given through others, and a reader could no longer tell who asked whom; it can use its own, earlier token instead.
 */
export function extendActChain({ subject, inbound, actor, maxDepth }: ChainExtension): Outcome<ActClaim | undefined> {
  const actors = actorsOf(inbound);
  if (actors.length > maxDepth) return tooDeep(maxDepth);
  if (actor === undefined) return accept(inbound);
  const position = actors.findIndex((link) => isSameParty(link, actor));
  if (position === 0) return accept(inbound);
  if (position > 0) return refuse('invalid_request', 'the actor already acts further down in this chain');
  if (isSameParty(subject, actor)) {
    return inbound === undefined
      ? accept(undefined)
      : refuse('invalid_request', 'the subject of the token cannot act in a chain that acts for it');
  }
  if (actors.length + 1 > maxDepth) return tooDeep(maxDepth);
  return accept(wrapped(actor, inbound));
}

function tooDeep(maxDepth: number) {
  return refuse('invalid_request', `the act chain would hold more than ${maxDepth} actors`);
}

function wrapped({ iss, sub, sub_profile }: Actor, inbound: ActClaim | undefined): ActClaim {
  return { iss, sub, ...(sub_profile === undefined ? {} : { sub_profile }), ...(inbound === undefined ? {} : { act: inbound }) };
}
