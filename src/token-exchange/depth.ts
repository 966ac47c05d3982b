import { MAX_ACTORS, MOST_ACTORS } from '../policy/index.ts';
import { type ActClaim, type Actor, actorsOf, isSameParty } from './act-chain.ts';
import type { SubjectToken } from './presented-token.ts';

/** Agents with their own bounds. */
export interface BoundedAgents {
  /** How many agents may stand behind it; undefined: nobody said. */
  handOnBound(id: string): Promise<number | undefined>;
}

/** A party of a chain with how many agents an administrator lets stand behind it; undefined: nobody said. */
export interface BoundedParty {
  readonly behind: number | undefined;
}

/**
 * How many actors a chain may hold (security rule R26). `parties` stand in it newest first; `subject` is the agent that the token is
 * about, when it is one. Whoever is first in the delegation, the subject or else the innermost actor, may be allowed more than the
 * usual 4 by an administrator, up to 8; everybody after it can only be bounded further.
 */
export function chainBound(parties: readonly BoundedParty[], subject: BoundedParty | undefined): number {
  const bounds = parties.flatMap(({ behind }, index) => (behind === undefined ? [] : [parties.length - index + behind]));
  const first = subject === undefined ? parties.at(-1) : subject;
  const before = subject === undefined ? 1 : 0;
  const usual = first?.behind === undefined ? MAX_ACTORS : before + first.behind;
  return Math.min(MOST_ACTORS, usual, ...bounds, ...(subject?.behind === undefined ? [] : [subject.behind]));
}

/** The bound of an exchange; the records are asked only when somebody new would act, or the chain is already long. */
export async function depthFor(
  about: { readonly subject: SubjectToken; readonly actor: Actor | undefined; readonly issuer: string },
  agents: BoundedAgents,
): Promise<number> {
  const { subject, actor, issuer } = about;
  const actors = actorsOf(subject.chain);
  if (!hasNewcomer(subject, actor) && actors.length <= MAX_ACTORS) return MAX_ACTORS;
  const boundOf = async ({ iss, sub, sub_profile: profile }: Actor): Promise<BoundedParty> =>
    iss === issuer && profile === 'ai_agent' ? { behind: await agents.handOnBound(sub) } : { behind: undefined };
  const { iss, sub, profile } = subject;
  const own = profile === 'ai_agent' ? boundOf({ iss, sub, sub_profile: profile }) : undefined;
  // asked for together: one statement
  const [behindOwn, ...parties] = await Promise.all([own, ...actors.map(boundOf)]);
  return chainBound(parties as readonly BoundedParty[], behindOwn);
}

function hasNewcomer({ chain, iss, sub }: { readonly chain: ActClaim | undefined; iss: string; sub: string }, actor: Actor | undefined) {
  if (actor === undefined) return false;
  return chain === undefined ? !isSameParty({ iss, sub }, actor) : !isSameParty(chain, actor);
}
