import type { DetailTypes } from '../authorization-details/index.ts';
import { MAX_ACTORS, mayAct, type PrincipalFacts } from '../policy/index.ts';
import type { VerifiedToken } from '../tokens/index.ts';
import { type ActClaim, type Actor, actorsOf, extendActChain, isSameParty } from './act-chain.ts';
import { type ActorDecision, decideActor } from './actor.ts';
import type { Delegation } from './delegation.ts';
import { type Holding, type NarrowedToken, type NarrowingLimits, narrow } from './narrowing.ts';
import { type ActorToken, readActorToken, readSubjectToken, type SubjectToken } from './presented-token.ts';
import { decidePresenter, type KeyProof, type PresenterBasis, type PresenterDecision } from './presenter.ts';
import { accept, type Outcome, refuse } from './refusal.ts';
import type { TokenExchangeRequest } from './request.ts';

/** What an exchange asks of the records. */
export interface ExchangeDeps {
  readonly issuer: string;
  readonly types: DetailTypes;
  /** Identifiers of this server's own resources. */
  readonly ownResources: readonly string[];
  readonly tokens: {
    verify(jwt: string): Promise<VerifiedToken | undefined>;
    find(jti: string): Promise<{ readonly grantHash: Buffer | undefined } | undefined>;
  };
  readonly resources: { resourcesOfClient(clientId: string): Promise<readonly string[]> };
  readonly delegations: { inForce(agents: { readonly from: string; readonly to: string }): Promise<readonly Delegation[]> };
  readonly agents: { find(id: string): Promise<{ readonly maxDelegationDepth: number | undefined } | undefined> };
  /** What a grant holds, one entry a resource. */
  readonly holdingsOf: (grantHash: Buffer) => Promise<readonly Holding[]>;
}

/** The party that asks, as the engine authenticated it. */
export interface Requester {
  readonly clientId: string;
  readonly authMethod: string;
  readonly proof: KeyProof;
  readonly facts: PrincipalFacts;
}

/** One exchange: who asks for what, of whose token. */
export interface Exchange {
  readonly requester: Requester;
  readonly request: TokenExchangeRequest;
  readonly details: readonly { readonly type: string }[] | undefined;
  /** In canonical form. */
  readonly resource: string;
  /** What the resource server offers now: a scope it has withdrawn is not passed on. */
  readonly serverScopes: readonly string[];
  readonly lifetimeSeconds: number;
  readonly now: Date;
}

/** What the new token is to be; nothing is issued yet. */
export interface ExchangeResult extends NarrowedToken {
  readonly subject: SubjectToken;
  readonly chain: ActClaim | undefined;
  /** `actor_token`, `linked_agent`, `resource_server_client` or `continuation` (security rule R3). */
  readonly actorSource: string;
  readonly basis: PresenterBasis;
  /** Of the record, when that is the basis. */
  readonly delegationId: string | undefined;
}

/** A step's refusal with what is known by then, for the record of the decision. */
export type ExchangeOutcome = { readonly result: Outcome<ExchangeResult>; readonly subject: SubjectToken | undefined };

interface Named {
  readonly decision: ActorDecision;
  readonly actorToken: ActorToken | undefined;
}

const refusedAt = (result: { readonly ok: false } & Outcome<never>, subject?: SubjectToken): ExchangeOutcome => ({ result, subject });

/** The party that hands over: the outermost actor, or the subject that acts for itself. */
function outermostOf({ chain, iss, sub, profile }: SubjectToken): Pick<Actor, 'iss' | 'sub'> | undefined {
  return chain ?? (profile === 'user' ? undefined : { iss, sub });
}

/** R3: who acts from now on; an actor token is verified first. */
async function nameActor(exchange: Exchange, subject: SubjectToken, deps: ExchangeDeps): Promise<Outcome<Named>> {
  const { requester, request } = exchange;
  const presented = request.actorToken;
  const read = presented === undefined ? accept(undefined) : readActorToken(await deps.tokens.verify(presented.token), requester);
  if (!read.ok) return read;
  const { client, agent } = requester.facts;
  const decision = decideActor({
    issuer: deps.issuer,
    actorToken: read.value,
    client: {
      authMethod: requester.authMethod,
      linkedAgents: agent === undefined ? [] : [{ id: agent.id, isActive: mayAct(agent) }],
      serviceId: client?.serviceId,
    },
    inbound: subject.chain,
  });
  return decision.ok ? accept({ decision: decision.value, actorToken: read.value }) : decision;
}

/** R1: who may present the token. Delegations are read only where nothing else could allow it. */
async function judgePresenter(about: { exchange: Exchange; subject: SubjectToken; named: Named }, deps: ExchangeDeps) {
  const { exchange, subject, named } = about;
  const { requester, request, resource, now } = exchange;
  const { clientId, authMethod, proof, facts } = requester;
  const actor = named.decision.kind === 'actor' ? named.decision.actor : undefined;
  const from = outermostOf(subject);
  const isForeign = clientId !== subject.clientId;
  const isServersOwn = isForeign && (await deps.resources.resourcesOfClient(clientId)).includes(subject.resource);
  const mayDelegate = isForeign && !isServersOwn && from !== undefined && actor !== undefined;
  const records = mayDelegate ? await deps.delegations.inForce({ from: from.sub, to: actor.sub }) : [];
  const party = (sub: string) => ({ iss: deps.issuer, sub });
  return decidePresenter({
    client: { id: clientId, isAuthenticated: authMethod !== 'none' && authMethod !== '', proof },
    subjectToken: { iss: subject.iss, clientId: subject.clientId, cnf: subject.cnf, mayAct: subject.mayAct, outermostActor: from },
    resourceServer: isServersOwn ? { clientIds: [clientId], downstreamResources: facts.client?.resources ?? [] } : undefined,
    actor,
    isActorProven: named.actorToken !== undefined,
    delegations: records.map((one) => ({ ...one, from: party(one.fromAgentId), to: party(one.toAgentId) })),
    requested: { resource, scopes: request.scopes, detailTypes: exchange.details?.map(({ type }) => type) },
    now,
  });
}

/**
 * R26 and each agent's own bound: how many actors the chain may hold. An agent's bound counts those who act after it; asked only
 * when somebody new would.
 */
async function depthFor(subject: SubjectToken, { decision }: Named, deps: ExchangeDeps): Promise<number> {
  if (decision.kind === 'continuation' || subject.chain === undefined || isSameParty(subject.chain, decision.actor)) return MAX_ACTORS;
  const actors = actorsOf(subject.chain).filter(({ iss, sub_profile }) => iss === deps.issuer && sub_profile === 'ai_agent');
  const agents = await Promise.all(actors.map(({ sub }) => deps.agents.find(sub)));
  const bounds = agents.map((agent, index) => (agent?.maxDelegationDepth ?? MAX_ACTORS) + actors.length - index);
  return Math.min(MAX_ACTORS, ...bounds);
}

/** R2: what the root grant holds elsewhere; asked only for another resource. */
async function holdingsElsewhere(subject: SubjectToken, resource: string, deps: ExchangeDeps): Promise<readonly Holding[]> {
  if (resource === subject.resource) return [];
  const grantHash = (await deps.tokens.find(subject.rootJti))?.grantHash;
  return grantHash === undefined ? [] : deps.holdingsOf(grantHash);
}

async function narrowed(about: { exchange: Exchange; subject: SubjectToken; limits?: NarrowingLimits | undefined }, deps: ExchangeDeps) {
  const { exchange, subject, limits } = about;
  const { request, resource, serverScopes, details, lifetimeSeconds, now } = exchange;
  const { details: held, expiresAt } = subject;
  const offered = (scopes: readonly string[]) => scopes.filter((scope) => serverScopes.includes(scope));
  const elsewhere = await holdingsElsewhere(subject, resource, deps);
  const scopes = subject.resource === resource ? offered(subject.scopes) : subject.scopes;
  return narrow(
    {
      parent: { resource: subject.resource, scopes, details: held, expiresAt },
      rootGrant: elsewhere.map((holding) => ({ ...holding, scopes: offered(holding.scopes) })),
      mappings: [],
      requested: { resource, scopes: request.scopes, details: details as typeof held | undefined, lifetimeSeconds },
      nowSeconds: Math.floor(now.getTime() / 1000),
      ...(limits === undefined ? {} : { limits }),
    },
    deps.types,
  );
}

function presenterRefusal(decision: Extract<PresenterDecision, { allowed: false }>) {
  const { error, description } = decision;
  return { ok: false, refusal: { error, description } } as const;
}

/**
 * Decides an exchange in the order of RFC 8693 §2.1 and security rules R1–R3: the subject token, the actor, who may present it,
 * the chain, what is left of scopes, details and time. Reads; writes nothing.
 */
export async function decideExchange(exchange: Exchange, deps: ExchangeDeps): Promise<ExchangeOutcome> {
  const read = readSubjectToken(await deps.tokens.verify(exchange.request.subjectToken.token), deps.ownResources);
  if (!read.ok) return refusedAt(read);
  const subject = read.value;
  const named = await nameActor(exchange, subject, deps);
  if (!named.ok) return refusedAt(named, subject);
  const { decision } = named.value;
  const [presenter, maxDepth] = await Promise.all([
    judgePresenter({ exchange, subject, named: named.value }, deps),
    depthFor(subject, named.value, deps),
  ]);
  if (!presenter.allowed) return refusedAt(presenterRefusal(presenter), subject);
  if (subject.cnf !== undefined && Object.keys(exchange.requester.proof).length === 0)
    return refusedAt(
      refuse('invalid_request', 'the subject token is bound to a key: prove one of yours, the new token is bound to it'),
      subject,
    );
  const actor = decision.kind === 'actor' ? decision.actor : undefined;
  const chain = extendActChain({ subject, inbound: subject.chain, actor, maxDepth });
  if (!chain.ok) return refusedAt(chain, subject);
  const left = await narrowed({ exchange, subject, limits: presenter.limits }, deps);
  if (!left.ok) return refusedAt(left, subject);
  const actorSource = decision.kind === 'actor' ? decision.source : 'continuation';
  const { basis, delegationId } = presenter;
  return { result: accept({ ...left.value, subject, chain: chain.value, actorSource, basis, delegationId }), subject };
}
