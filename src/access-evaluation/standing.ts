import { type AgentFacts, mayAct, type PrincipalFacts } from '../policy/index.ts';
import type { NamedActor, PartyKind } from './naming.ts';

/** Why records alone refuse an access. Sentences a caller may read. */
export interface RecordFault {
  readonly rule: string;
  readonly reason: string;
  readonly remedy: string;
}

/** What the records say of the parties at this moment. */
export interface Standing {
  readonly subject: { readonly kinds: readonly PartyKind[]; readonly id: string };
  readonly actors: readonly NamedActor[];
  /** The kinds as which an id is alive now. */
  readonly liveAs: (id: string) => readonly PartyKind[];
  readonly facts: PrincipalFacts;
  readonly issuer: string;
  readonly now: Date;
}

export const unknownResource: RecordFault = {
  rule: 'resource-known',
  reason: 'The resource is not one that the caller may ask about.',
  remedy: 'Name a resource server of your own in resource.properties.server.',
};

export const unreadableActors: RecordFault = {
  rule: 'actors-readable',
  reason: 'The chain of actors is malformed or too long.',
  remedy: 'Send the act claim of the token as it is.',
};

export const unknownToken: RecordFault = {
  rule: 'token-known',
  reason: 'The token that was named is not one for this, or is no longer alive.',
  remedy: 'Name a living token of this subject for this resource.',
};

export const notGranted: RecordFault = {
  rule: 'access-granted',
  reason: 'No policy permits it by name, and no token was named that speaks of it.',
  remedy: 'Name the token in context.jti and the scope it needs in context.scope, or let an administrator write a policy that permits it.',
};

export const anotherActor: RecordFault = {
  rule: 'actor-of-client',
  reason: 'The client stands for another agent than those that were named.',
  remedy: 'Name the token in context.jti, or the chain and the client as they stand in it.',
};

const unknownSubject: RecordFault = {
  rule: 'subject-known',
  reason: 'The subject is not known here, or may not sign in or act now.',
  remedy: 'Name a living person, agent or service by its sub.',
};

const unknownActor: RecordFault = {
  rule: 'actor-known',
  reason: 'An actor of the chain is not known here, or may not act now.',
  remedy: 'Only living agents and services of this server act.',
};

/** As what the subject is alive; undefined: as nothing its type stands for. */
export function kindOfSubject({ subject, liveAs }: Pick<Standing, 'subject' | 'liveAs'>): PartyKind | undefined {
  return liveAs(subject.id).find((kind) => subject.kinds.includes(kind));
}

function isActorLive({ iss, sub }: NamedActor, { issuer, liveAs }: Standing): boolean {
  return iss === issuer && liveAs(sub).some((kind) => kind !== 'account');
}

/** An agent that acts without a client of its own being named: the same rules that a token for it would meet. */
function agentFault({ displayName, ...agent }: AgentFacts, now: Date): RecordFault | undefined {
  const remedy = 'An administrator can let the agent act again.';
  if (!mayAct(agent)) return { rule: 'agent-active', reason: `The agent ${displayName} may not act now.`, remedy };
  if (!agent.isOwnerAlive) return { rule: 'owner-alive', reason: `Nobody answers for the agent ${displayName} any more.`, remedy };
  if (agent.validUntil !== undefined && agent.validUntil.getTime() <= now.getTime())
    return { rule: 'agent-valid', reason: `The time for which the agent ${displayName} was allowed is over.`, remedy };
  const resting = agent.line?.find(
    ({ isLive, validUntil }) => !isLive || (validUntil !== undefined && validUntil.getTime() <= now.getTime()),
  );
  if (resting !== undefined)
    return { rule: 'parent-live', reason: `The agent ${resting.displayName}, above it, does not act now.`, remedy };
  return undefined;
}

/** The first party that is not alive or not known; undefined when all are. Fails closed. Pure. */
export function faultOfStanding(standing: Standing): RecordFault | undefined {
  const { actors, facts, now } = standing;
  if (kindOfSubject(standing) === undefined) return unknownSubject;
  if (!actors.every((actor) => isActorLive(actor, standing))) return unknownActor;
  return facts.client === undefined && facts.agent !== undefined ? agentFault(facts.agent, now) : undefined;
}
