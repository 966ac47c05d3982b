import { mayHaveDetail, mayHaveResource, mayHaveScope } from '../agents/index.ts';
import type { PolicyInput } from './decision.ts';
import type { ElderFacts } from './principal.ts';
import { type Invariant, ruleErrors } from './rule.ts';

/** A chain holds no more (security rule R26); an agent that says nothing may hand on that far. */
const MAX_DELEGATION_DEPTH = 4;

const line = ({ facts }: PolicyInput): readonly ElderFacts[] => facts.agent?.line ?? [];
const isBelow = (input: PolicyInput) => line(input).length > 0;
const audienceOf = ({ resource }: PolicyInput) => resource.identifier ?? '';
const hasAudience = (input: PolicyInput) => isBelow(input) && input.resource.kind === 'registered';

const restingIn = (input: PolicyInput) =>
  line(input).find(({ isLive, validUntil }) => !isLive || (validUntil !== undefined && validUntil.getTime() <= input.now.getTime()));
const closedTo = (input: PolicyInput) => line(input).find(({ reach }) => !mayHaveResource(reach, audienceOf(input)));

/** The first (agent, thing) of the line that may not have what is asked for. */
function lacking(things: readonly string[], input: PolicyInput, may: (elder: ElderFacts, thing: string) => boolean): string | undefined {
  for (const elder of line(input)) {
    const thing = things.find((one) => !may(elder, one));
    if (thing !== undefined) return `${elder.displayName}, above this agent, may not have ${thing}`;
  }
  return undefined;
}
const lackedScope = (input: PolicyInput) =>
  lacking(input.scopes, input, ({ reach }, scope) => mayHaveScope(reach, audienceOf(input), scope));
const lackedDetail = (input: PolicyInput) => {
  const types = input.details.map(({ type }) => type);
  return lacking(types, input, ({ reach }, type) => mayHaveDetail(reach, audienceOf(input), type));
};

/** Who stands above an agent: none of them may rest while it acts. */
export const lineRules: readonly Invariant[] = [
  {
    name: 'parent-live',
    applies: isBelow,
    holds: (input) => restingIn(input) === undefined,
    reason: (input) => `The agent ${restingIn(input)?.displayName}, above this one, does not act now.`,
    remedy: 'An administrator can let the agents above it act again.',
    refusal: ruleErrors.unauthorizedClient,
  },
  {
    name: 'parent-delegation-depth',
    applies: isBelow,
    holds: (input) => {
      const own = input.facts.agent?.maxDelegationDepth ?? 0;
      return line(input).every(({ maxDelegationDepth: most }) => own <= (most ?? MAX_DELEGATION_DEPTH));
    },
    reason: () => 'The agent may hand on to more agents than one above it may.',
    remedy: 'An administrator can lower the delegation depth of this agent, or raise that of those above it.',
    refusal: ruleErrors.unauthorizedClient,
  },
];

/** What an agent may have: nothing that one above it may not. Scopes are pairs with their resource (security rule R2). */
export const reachRules: readonly Invariant[] = [
  {
    name: 'parent-resource',
    applies: hasAudience,
    holds: (input) => closedTo(input) === undefined,
    reason: (input) => `No client of ${closedTo(input)?.displayName}, above this agent, may ask for this resource.`,
    remedy: 'An administrator can add the resource to a client of the agents above it.',
    refusal: ruleErrors.invalidTarget,
  },
  {
    name: 'parent-scope',
    applies: hasAudience,
    holds: (input) => lackedScope(input) === undefined,
    reason: (input) => `${lackedScope(input)}.`,
    remedy: 'Ask only for scopes that the agents above it may have; an administrator can add more to their clients.',
    refusal: ruleErrors.invalidScope,
  },
  {
    name: 'parent-details',
    applies: (input) => hasAudience(input) && input.details.length > 0,
    holds: (input) => lackedDetail(input) === undefined,
    reason: (input) => `${lackedDetail(input)}.`,
    remedy: 'Ask only for types of details that the agents above it may have.',
    refusal: ruleErrors.invalidDetails,
  },
];
