import { detailLimits, locationsWithin } from '../authorization-details/index.ts';
import type { Effect, PolicyInput } from './decision.ts';
import { lineRules, reachRules } from './family-rules.ts';
import { mayAct, principalFrom, reasonOfStatus } from './principal.ts';
import { type Invariant, type RuleError, ruleErrors } from './rule.ts';

/** The version that is recorded with each decision: it changes when a rule changes its meaning. */
export const INVARIANTS_VERSION = 'invariants-4';

/** What the invariants say: the first that does not hold decides. */
export interface Verdict {
  readonly effect: Effect;
  readonly rule: string;
  readonly reason: string;
  readonly remedy: string;
  readonly refusal?: RuleError;
}

const CLIENT_CREDENTIALS = 'client_credentials';
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** Grants that only an authenticated client may use (security rule R4). */
const NEED_AUTHENTICATION: ReadonlySet<string> = new Set([
  CLIENT_CREDENTIALS,
  TOKEN_EXCHANGE,
  'urn:openid:params:grant-type:ciba',
  JWT_BEARER,
  'urn:ietf:params:oauth:grant-type:deferred',
]);

/** R26: what a whole token may measure, and what its header, signature and fixed claims take of that. */
const MAX_TOKEN_BYTES = 8192;
const FRAME_BYTES = 1024;

const { invalidClient, unauthorizedClient, invalidTarget, invalidScope, invalidDetails, invalidRequest } = ruleErrors;

const always = () => true;
const isExchange = ({ grantType }: PolicyInput) => grantType === TOKEN_EXCHANGE;
const isByAssertion = ({ grantType }: PolicyInput) => grantType === JWT_BEARER;
const isOwn = ({ resource }: PolicyInput) => resource.kind === 'own';
const agentOf = ({ facts }: PolicyInput) => facts.agent;
const isSelfService = (input: PolicyInput) => agentOf(input)?.isSelfService === true;
const says = (sentence: string) => () => sentence;

function agentRule(status: 'suspended' | 'retired' | 'proposed' | 'underReview', rest: Pick<Invariant, 'remedy' | 'refusal'>): Invariant {
  return {
    name: `agent-${status === 'underReview' ? 'under-review' : status}`,
    applies: (input) => agentOf(input) !== undefined,
    holds: (input) => {
      const agent = agentOf(input);
      return agent?.status !== status || mayAct(agent);
    },
    reason: says(reasonOfStatus(status) ?? ''),
    ...rest,
  };
}

/** Bytes of the token's text that come from what was asked for: base64url makes four of three. */
function tokenBytes({ details, scopes, actors, resource }: PolicyInput): number {
  const claims = Buffer.byteLength(JSON.stringify([details, scopes.join(' '), actors, resource.identifier ?? '']));
  return FRAME_BYTES + Math.ceil((claims * 4) / 3);
}

/** The rules in the order in which they are asked: who, in whose name, for what, how much. */
export const invariants: readonly Invariant[] = [
  {
    name: 'client-known',
    applies: always,
    holds: ({ facts }) => facts.client !== undefined,
    reason: says('The client is not known here.'),
    remedy: 'Register the client.',
    refusal: invalidClient,
  },
  {
    name: 'client-active',
    applies: always,
    holds: ({ facts }) => facts.client?.isActive === true,
    reason: says('The client is disabled.'),
    remedy: 'An administrator can enable the client.',
    refusal: invalidClient,
  },
  {
    name: 'client-authenticated',
    applies: ({ grantType }) => NEED_AUTHENTICATION.has(grantType),
    holds: ({ isAuthenticated }) => isAuthenticated,
    reason: says('This grant needs a client that authenticates.'),
    remedy: 'Register the client with a key or a secret.',
    refusal: unauthorizedClient,
  },
  agentRule('suspended', { remedy: 'An administrator can lift the suspension; registering again does not.', refusal: invalidClient }),
  agentRule('retired', { remedy: 'Register another agent: a retired one does not come back.', refusal: invalidClient }),
  agentRule('proposed', { remedy: 'An administrator can activate the agent.', refusal: unauthorizedClient }),
  {
    name: 'agent-drift',
    applies: ({ drift }) => drift?.differs === true,
    holds: ({ drift }) => drift?.goesOn === true,
    reason: says('The software of this agent is not what was agreed, so the agent is under review.'),
    remedy: 'An administrator can accept what runs and let the agent act again.',
    refusal: unauthorizedClient,
  },
  agentRule('underReview', { remedy: 'An administrator can finish the review.', refusal: unauthorizedClient }),
  {
    name: 'principal',
    applies: always,
    holds: ({ facts }) => principalFrom(facts).kind !== 'none',
    reason: ({ facts }) => {
      const principal = principalFrom(facts);
      return principal.kind === 'none' ? principal.reason : '';
    },
    remedy: 'Link the client to an active agent, or register it as an application or a service.',
    refusal: unauthorizedClient,
  },
  {
    name: 'owner-alive',
    applies: (input) => agentOf(input) !== undefined,
    holds: (input) => agentOf(input)?.isOwnerAlive === true,
    reason: says('Nobody answers for the agent of this client any more.'),
    remedy: 'An administrator can give the agent an owner.',
    refusal: unauthorizedClient,
  },
  {
    name: 'agent-valid',
    applies: (input) => agentOf(input)?.validUntil !== undefined,
    holds: (input) => (agentOf(input)?.validUntil?.getTime() ?? 0) > input.now.getTime(),
    reason: says('The time for which the agent was allowed is over.'),
    remedy: 'An administrator can extend the time of the agent.',
    refusal: unauthorizedClient,
  },
  ...lineRules,
  {
    name: 'self-service-grant',
    applies: isSelfService,
    holds: (input) => input.grantType !== CLIENT_CREDENTIALS && !isByAssertion(input),
    reason: says('Software that people let in by themselves acts only for those people, under what each of them granted.'),
    remedy: 'An administrator can register the agent with an owner of its own.',
    refusal: unauthorizedClient,
  },
  {
    name: 'self-service-exchange',
    applies: (input) => isSelfService(input) && isExchange(input),
    holds: ({ facts, resource }) => facts.client?.resources?.includes(resource.identifier ?? '') === true,
    reason: says('Software that people let in by themselves exchanges tokens only for resources on its record.'),
    remedy: 'An administrator can add the resource to the record of the client.',
    refusal: invalidTarget,
  },
  {
    name: 'subject-named',
    applies: always,
    holds: ({ subject, clientId }) => subject !== undefined && subject.id !== clientId,
    reason: says('An application has no identity of its own: it gets tokens for people only.'),
    remedy: 'Register the client as a service, or link it to an agent.',
    refusal: unauthorizedClient,
  },
  {
    name: 'resource-named',
    applies: ({ subject }) => subject?.kind !== 'account',
    holds: ({ resource }) => resource.kind !== 'none',
    reason: says('The request does not name the resource the token is for.'),
    remedy: 'Send the parameter resource.',
    refusal: invalidTarget,
  },
  {
    name: 'resource-known',
    applies: ({ resource }) => resource.kind !== 'none',
    holds: ({ resource }) => resource.kind !== 'unknown',
    reason: says('The resource is not registered here.'),
    remedy: 'An administrator can register the resource server.',
    refusal: invalidTarget,
  },
  {
    name: 'own-resource-not-exchanged',
    applies: isOwn,
    holds: (input) => !isExchange(input) && !isByAssertion(input),
    reason: says('Tokens for this server itself are never exchanged, nor issued on the word of somebody else.'),
    remedy: 'Ask for the token directly, with a client for management.',
    refusal: invalidTarget,
  },
  {
    name: 'own-resource-management',
    applies: isOwn,
    holds: ({ facts, resource, isResourceServersOwn }) =>
      facts.client?.isManagement === true || (resource.own === 'access' && isResourceServersOwn),
    reason: says('Tokens for this server itself go only to clients that are marked for management.'),
    remedy: 'An administrator can register a client for management.',
    refusal: invalidTarget,
  },
  {
    name: 'own-resource-without-actor',
    applies: isOwn,
    holds: ({ actors }) => actors.length === 0,
    reason: says('No agent manages this server on behalf of a person.'),
    remedy: 'Use a client for management that is not linked to an agent.',
    refusal: invalidTarget,
  },
  {
    name: 'person-decides',
    applies: ({ scopes }) => scopes.includes('approvals:decide'),
    holds: ({ subject }) => subject?.kind === 'account',
    reason: says('Only a person decides approvals.'),
    remedy: 'A person can sign in and decide.',
    refusal: invalidScope,
  },
  ...reachRules,
  {
    name: 'delegation-depth',
    applies: ({ actors }) => actors.length > 0,
    holds: ({ actors, maxActors }) => actors.length <= maxActors,
    reason: ({ maxActors }) => `The chain of agents would hold more than ${maxActors}.`,
    remedy: 'Let fewer agents stand between the person and the resource.',
    refusal: invalidRequest,
  },
  {
    name: 'details-inside-audience',
    applies: ({ details, resource }) => details.length > 0 && resource.identifier !== undefined,
    holds: ({ details, resource }) => locationsWithin(details, resource.identifier ?? '').within,
    reason: says('The authorization details name a location outside the audience of the token.'),
    remedy: 'Name only locations of the resource, one token a resource.',
    refusal: invalidDetails,
  },
  {
    name: 'details-size',
    applies: ({ details }) => details.length > 0,
    holds: ({ details }) => Buffer.byteLength(JSON.stringify(details)) <= detailLimits.bytes,
    reason: says(`The authorization details are larger than ${detailLimits.bytes} bytes.`),
    remedy: 'Send fewer or shorter details, or refer to larger ones.',
    refusal: invalidDetails,
  },
  {
    name: 'token-size',
    applies: always,
    holds: (input) => tokenBytes(input) <= MAX_TOKEN_BYTES,
    reason: says(`The token would be larger than ${MAX_TOKEN_BYTES} bytes.`),
    remedy: 'Ask for fewer scopes and details.',
    refusal: invalidRequest,
  },
];

function permission({ facts, drift }: PolicyInput): string {
  if (drift?.differs !== true && facts.agent?.actsUnderReview !== true) return 'Every rule allows it.';
  return 'Every rule allows it: the agent is under review for drift, and the setting for drift lets it act meanwhile.';
}

/** Asks the rules in order. Pure. */
export function judge(input: PolicyInput, rules: readonly Invariant[] = invariants): Verdict {
  const broken = rules.find((rule) => rule.applies(input) && !rule.holds(input));
  if (broken === undefined) return { effect: 'permit', rule: 'invariants', reason: permission(input), remedy: 'Nothing to change.' };
  const { name, remedy, refusal } = broken;
  return { effect: 'deny', rule: name, reason: broken.reason(input), remedy, refusal };
}
