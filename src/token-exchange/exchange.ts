import type { DetailTypes } from '../authorization-details/index.ts';
import { mayAct, type PrincipalFacts } from '../policy/index.ts';
import type { VerifiedToken } from '../tokens/index.ts';
import type { Trust } from '../trust/index.ts';
import { type ActClaim, type Actor, extendActChain } from './act-chain.ts';
import { type ActorDecision, decideActor } from './actor.ts';
import { type ActorToken, actorOf } from './actor-token.ts';
import type { Clock } from '../platform/clock.ts';
import type { Delegation } from './delegation.ts';
import { type BoundedAgents, depthFor } from './depth.ts';
import { type ForeignPeople, readForeignSubject } from './foreign-subject.ts';
import { type Holding, type NarrowedToken, type NarrowingLimits, narrow, type ScopeMapping } from './narrowing.ts';
import { readSubjectToken, type SubjectToken } from './presented-token.ts';
import { decidePresenter, type KeyProof, type PresenterBasis, type PresenterDecision } from './presenter.ts';
import { accept, type Outcome, refuse } from './refusal.ts';
import { type PresentedToken, type TokenExchangeRequest, tokenTypes } from './request.ts';

/** What an exchange asks of the records. */
export interface ExchangeDeps {
  readonly issuer: string;
  readonly clock: Clock;
  readonly types: DetailTypes;
  /** Identifiers of this server's own resources. */
  readonly ownResources: readonly string[];
  readonly tokens: {
    verify(jwt: string): Promise<VerifiedToken | undefined>;
    find(jti: string): Promise<{ readonly grantHash: Buffer | undefined } | undefined>;
  };
  readonly resources: { resourcesOfClient(clientId: string): Promise<readonly string[]> };
  readonly delegations: { inForce(agents: { readonly from: string; readonly to: string }): Promise<readonly Delegation[]> };
  readonly agents: BoundedAgents;
  /** Administrators' rules from one resource to another (security rule R2). */
  readonly mappings: { between(pair: { readonly from: string; readonly to: string }): Promise<readonly ScopeMapping[]> };
  readonly trust: Pick<Trust, 'verify' | 'useUp'>;
  readonly people: ForeignPeople;
  /** What a grant holds, one entry a resource. */
  readonly holdingsOf: (grantHash: Buffer) => Promise<readonly Holding[]>;
}

/** The party that asks, as the engine authenticated it. */
export interface Requester {
  readonly clientId: string;
  readonly authMethod: string;
  readonly proof: KeyProof;
  readonly facts: PrincipalFacts;
  /** The assertion by which it authenticated (RFC 7523 §2.2). */
  readonly clientAssertion: string | undefined;
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
  /** How many actors the chain may hold. */
  readonly maxActors: number;
  /** Who acts without standing in the token, and by which delegation (impersonation); undefined: everybody who acts is named. */
  readonly hidden: { readonly actor: Actor; readonly delegationId: string } | undefined;
  /** The actor token, when it is one that is used up. */
  readonly credential: ActorToken['credential'];
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
  const read = presented === undefined ? accept(undefined) : await actorOf(presented, requester, deps);
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
  const isEntrusted = actor?.iss === deps.issuer && subject.foreign?.presenters.includes(actor.sub) === true;
  const { tokenIssuer: iss, clientId: issuedTo, cnf, mayAct: namedInToken } = subject;
  return decidePresenter({
    client: { id: clientId, isAuthenticated: authMethod !== 'none' && authMethod !== '', proof },
    subjectToken: { iss, clientId: issuedTo, isEntrusted, cnf, mayAct: namedInToken, outermostActor: from },
    resourceServer: isServersOwn ? { clientIds: [clientId], downstreamResources: facts.client?.resources ?? [] } : undefined,
    actor,
    isActorProven: named.actorToken !== undefined,
    delegations: records.map((one) => ({ ...one, from: party(one.fromAgentId), to: party(one.toAgentId) })),
    requested: { resource, scopes: request.scopes, detailTypes: exchange.details?.map(({ type }) => type) },
    now,
  });
}

/** R2: what the root grant holds elsewhere; asked only for another resource. */
async function holdingsElsewhere({ foreign, ...subject }: SubjectToken, resource: string, deps: ExchangeDeps): Promise<readonly Holding[]> {
  if (resource === subject.resource) return [];
  if (foreign !== undefined || subject.rootJti === undefined) return foreign?.holdings ?? [];
  const grantHash = (await deps.tokens.find(subject.rootJti))?.grantHash;
  return grantHash === undefined ? [] : deps.holdingsOf(grantHash);
}

async function narrowed(about: { exchange: Exchange; subject: SubjectToken; limits?: NarrowingLimits | undefined }, deps: ExchangeDeps) {
  const { exchange, subject, limits } = about;
  const { request, resource, serverScopes, details, now } = exchange;
  const { details: held, expiresAt, foreign } = subject;
  const lifetimeSeconds = Math.min(exchange.lifetimeSeconds, foreign?.maxTtlSeconds ?? Infinity);
  const offered = (scopes: readonly string[]) => scopes.filter((scope) => serverScopes.includes(scope));
  const isElsewhere = subject.resource !== resource && foreign === undefined;
  const [elsewhere, mappings] = await Promise.all([
    holdingsElsewhere(subject, resource, deps),
    isElsewhere ? deps.mappings.between({ from: subject.resource, to: resource }) : [],
  ]);
  const scopes = subject.resource === resource ? offered(subject.scopes) : subject.scopes;
  return narrow(
    {
      parent: { resource: subject.resource, scopes, details: held, expiresAt },
      rootGrant: elsewhere.map((holding) => ({ ...holding, scopes: offered(holding.scopes) })),
      mappings: mappings.filter(({ to }) => serverScopes.includes(to.scope)),
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

/** The subject token: one of ours, or one of an issuer that an administrator trusts. */
async function readSubject({ token, type }: PresentedToken, deps: ExchangeDeps): Promise<Outcome<SubjectToken>> {
  const verified = type === tokenTypes.idToken ? undefined : await deps.tokens.verify(token);
  if (verified === undefined) {
    const foreign = await readForeignSubject({ token, type }, deps);
    if (foreign !== undefined) return foreign;
  }
  return readSubjectToken(verified, deps.ownResources);
}

/** The chain of the new token; one who acts hidden leaves it as it is, and stands in the ledger and the audit instead. */
function chainFor(about: { subject: SubjectToken; actor: Actor | undefined; presenter: AllowedPresenter; maxDepth: number }) {
  const { subject, actor, presenter, maxDepth } = about;
  const { hidesActor, delegationId = '' } = presenter;
  const hidden = hidesActor === true && actor !== undefined ? { actor, delegationId } : undefined;
  const chain = extendActChain({ subject, inbound: subject.chain, actor: hidden === undefined ? actor : undefined, maxDepth });
  return chain.ok ? accept({ chain: chain.value, hidden }) : chain;
}

type AllowedPresenter = Extract<PresenterDecision, { allowed: true }>;

/**
 * Decides an exchange in the order of RFC 8693 §2.1 and security rules R1–R3: the subject token, the actor, who may present it,
 * the chain, what is left of scopes, details and time. Reads; writes nothing.
 */
export async function decideExchange(exchange: Exchange, deps: ExchangeDeps): Promise<ExchangeOutcome> {
  const read = await readSubject(exchange.request.subjectToken, deps);
  if (!read.ok) return refusedAt(read);
  const subject = read.value;
  const named = await nameActor(exchange, subject, deps);
  if (!named.ok) return refusedAt(named, subject);
  const { decision, actorToken } = named.value;
  const actor = decision.kind === 'actor' ? decision.actor : undefined;
  const [presenter, maxActors] = await Promise.all([
    judgePresenter({ exchange, subject, named: named.value }, deps),
    depthFor({ subject, actor, issuer: deps.issuer }, deps.agents),
  ]);
  if (!presenter.allowed) return refusedAt(presenterRefusal(presenter), subject);
  if (subject.cnf !== undefined && Object.keys(exchange.requester.proof).length === 0)
    return refusedAt(
      refuse('invalid_request', 'the subject token is bound to a key: prove one of yours, the new token is bound to it'),
      subject,
    );
  const chained = chainFor({ subject, actor, presenter, maxDepth: maxActors });
  if (!chained.ok) return refusedAt(chained, subject);
  const left = await narrowed({ exchange, subject, limits: presenter.limits }, deps);
  if (!left.ok) return refusedAt(left, subject);
  const { chain, hidden } = chained.value;
  const source = decision.kind === 'actor' ? decision.source : 'continuation';
  const actorSource = hidden === undefined ? source : 'impersonation';
  const noted = {
    subject,
    actorSource,
    basis: presenter.basis,
    delegationId: presenter.delegationId,
    maxActors,
    credential: actorToken?.credential,
  };
  return { result: accept({ ...left.value, ...noted, chain, hidden }), subject };
}
