import type { AuthorizationDetail, DetailTypes } from '../authorization-details/index.ts';
import type { Clock } from '../platform/clock.ts';
import {
  type Answer,
  type Ask,
  type FactsSource,
  MAX_ACTORS,
  type PolicyInput,
  type PrincipalFacts,
  type Question,
} from '../policy/index.ts';
import { actorsOf, type KnownToken, type TokenService } from '../tokens/index.ts';
import type { Evaluation } from './access-request.ts';
import { isServerType, type Named, type NamedActor, namesOf, type PartyKind } from './naming.ts';
import type { AskedServer, Reach, Reaching } from './reach.ts';
import { rememberFacts } from './remembered-facts.ts';
import {
  anotherActor,
  faultOfStanding,
  kindOfSubject,
  notGranted,
  type RecordFault,
  unknownResource,
  unknownToken,
  unreadableActors,
} from './standing.ts';
import type { AccessStore } from './store.ts';
import { faultOfBounds, grants } from './token-bounds.ts';

/** What was answered, and about whom, as far as the records know them. */
export interface Judged {
  readonly answer: Answer;
  readonly clientId: string | undefined;
  readonly agentId: string | undefined;
  /** Set only for a subject that is known here. */
  readonly subjectId: string | undefined;
  readonly server: string | undefined;
  /** The token whose limits were applied. */
  readonly jti: string | undefined;
  /** What the policies were asked; undefined when the records or the token refused before. */
  readonly question: Question | undefined;
}

/** What judging stands on. */
export interface JudgeDeps {
  readonly ask: Ask;
  readonly store: Pick<AccessStore, 'liveAs'>;
  readonly tokens: Pick<TokenService, 'find'>;
  readonly facts: FactsSource;
  /** The same for an agent by its id. */
  readonly agentFacts: FactsSource;
  readonly policy: { decide(input: PolicyInput): Pick<Answer, 'effect' | 'rule' | 'reason' | 'remedy'> };
  readonly serverOf: Reaching['serverOf'];
  readonly types: DetailTypes;
  readonly clock: Clock;
  readonly issuer: string;
}

/** Judges one question for a caller with this reach. Records nothing. */
export type Judge = (evaluation: Evaluation, reach: Reach) => Promise<Judged>;

const RECORDS_VERSION = 'records-1';
/** How the rule of an answer begins that a policy gave, and not the absence of one. */
const BY_NAME = 'policy:';
const NOBODY: PrincipalFacts = { client: undefined, agent: undefined };

/** Everything that was looked up for one question. */
interface Seen {
  readonly evaluation: Evaluation;
  readonly named: Named;
  readonly server: AskedServer;
  readonly token: KnownToken | undefined;
  readonly actors: readonly NamedActor[];
  readonly clientId: string | undefined;
  readonly facts: PrincipalFacts;
  readonly liveAs: (id: string) => readonly PartyKind[];
}

const refused = ({ rule, reason, remedy }: RecordFault): Answer => ({
  effect: 'deny',
  rule,
  reason,
  remedy,
  policyVersion: RECORDS_VERSION,
});
const wordsOf = (scope: string): string[] => scope.split(' ').filter((word) => word !== '');
const detailsOf = (token: KnownToken | undefined) => (token?.details ?? []) as readonly AuthorizationDetail[];

/** Whether a token is the one this access was asked for with: alive, of this subject, for this resource server. */
function fits(token: KnownToken | undefined, named: Named, server: AskedServer): token is KnownToken {
  return token?.isLive === true && token.resource === server.identifier && token.subject === named.subject.id;
}

/** The agent that acts: the newest actor, else the subject itself. */
function actingAgent({ actors, named }: Pick<Seen, 'actors' | 'named'>): string | undefined {
  return actors[0]?.sub ?? (named.subject.kinds.includes('agent') ? named.subject.id : undefined);
}

function isApproved(token: KnownToken | undefined, now: Date): boolean | undefined {
  const until = token?.approval?.['approved_until'];
  if (until === undefined) return undefined;
  const ms = typeof until === 'number' ? until * 1000 : Date.parse(String(until));
  return ms > now.getTime();
}

/** The question that policies are asked. What the ledger knows of the token is the server's word; everything else is the caller's. */
function questionOf(seen: Seen, kind: PartyKind, now: Date): Question {
  const { evaluation, named, server, token, actors, clientId, facts } = seen;
  const { subject, action, resource, context } = evaluation;
  return {
    subject: { kind, id: named.subject.id, properties: subject.properties },
    actors,
    clientId: clientId ?? '',
    facts,
    action,
    resource: { type: resource.type, id: resource.id, server: server.identifier, properties: resource.properties },
    scopes: wordsOf(token?.scope ?? ''),
    details: detailsOf(token),
    context: { at: now, acr: token?.acr, authTime: token?.authTime, isApproved: isApproved(token, now), properties: context },
  };
}

/** The rules no configuration switches off, as a token for this client would meet them. */
function invariantInput(seen: Seen, kind: PartyKind, now: Date): PolicyInput {
  const { named, server, token, actors, clientId = '', facts } = seen;
  return {
    grantType: 'access_evaluation',
    clientId,
    isAuthenticated: true,
    facts,
    subject: { kind, id: named.subject.id },
    resource: { kind: 'registered', identifier: server.identifier },
    isResourceServersOwn: false,
    scopes: wordsOf(token?.scope ?? ''),
    details: detailsOf(token),
    actors,
    maxActors: MAX_ACTORS,
    now,
  };
}

/** Builds the judge over the records and the policies. */
export function createJudge(deps: JudgeDeps): Judge {
  const { ask, store, tokens, facts, agentFacts, policy, serverOf, types, clock, issuer } = deps;

  const tokenFacts = rememberFacts(facts, clock);

  const factsOf = async (seen: Pick<Seen, 'actors' | 'named' | 'clientId'>): Promise<PrincipalFacts> => {
    if (seen.clientId !== undefined) return facts(seen.clientId);
    const agent = actingAgent(seen);
    return agent === undefined ? NOBODY : agentFacts(agent);
  };

  /** With a token its row says who acts through whom, and whether all of them are alive: one read. */
  const throughToken = async (jti: string, named: Named, server: AskedServer) => {
    const token = await tokens.find(jti);
    if (!fits(token, named, server)) return unknownToken;
    const { clientId, subject, subjectProfile } = token;
    const kind: PartyKind = subjectProfile === 'user' ? 'account' : subjectProfile === 'ai_agent' ? 'agent' : 'service';
    const actors = actorsOf(token.act).map(({ iss, sub }) => ({ iss, sub }));
    const liveAs = (id: string): readonly PartyKind[] => (id === subject ? [kind] : ['agent', 'service']);
    return { token, actors, clientId, liveAs, facts: await tokenFacts(clientId) };
  };

  const throughNames = async (named: Named & { actors: readonly NamedActor[] }) => {
    const { actors, clientId } = named;
    const ids = [named.subject.id, ...actors.map(({ sub }) => sub)];
    const [kinds, known] = await Promise.all([Promise.all(ids.map(store.liveAs)), factsOf({ actors, named, clientId })]);
    const alive = new Map(ids.map((id, index) => [id, kinds[index] ?? []]));
    const liveAs = (id: string) => alive.get(id) ?? [];
    // the agent that policies look at is one of those that act
    if (actors.length > 0 && known.agent !== undefined && !ids.includes(known.agent.id)) return anotherActor;
    // a person who comes with an agent's client comes through that agent, as in a token (contract.md "Tokens")
    const isLinked = actors.length === 0 && known.agent !== undefined && known.agent.id !== named.subject.id && clientId !== undefined;
    if (!isLinked) return { token: undefined, actors, clientId, facts: known, liveAs };
    const linked = known.agent.id;
    const all = (id: string): readonly PartyKind[] => (id === linked ? ['agent'] : liveAs(id));
    return { token: undefined, actors: [{ iss: issuer, sub: linked }], clientId, facts: known, liveAs: all };
  };

  const answerTo = async (seen: Seen): Promise<Pick<Judged, 'answer' | 'question'>> => {
    const no = (fault: RecordFault) => ({ answer: refused(fault), question: undefined });
    const now = clock.now();
    const { evaluation, named, server, token, actors, liveAs } = seen;
    // what a living token was made from is alive: the ledger judged its whole chain
    const standing = { subject: named.subject, actors: token === undefined ? actors : [], liveAs, facts: seen.facts, issuer, now };
    const fault = faultOfStanding(standing);
    const kind = kindOfSubject(standing);
    if (fault !== undefined || kind === undefined) return no(fault ?? unknownToken);
    if (seen.clientId !== undefined) {
      const { effect, rule, reason, remedy } = policy.decide(invariantInput(seen, kind, now));
      if (effect !== 'permit') return no({ rule, reason, remedy });
    }
    const reach = { scopes: wordsOf(token?.scope ?? ''), details: detailsOf(token) };
    const need = { evaluation, scopes: named.scopes, knownScopes: server.scopes.map(({ name }) => name) };
    const bound = token === undefined ? undefined : faultOfBounds(reach, need, types);
    if (bound !== undefined) return no(bound);
    const question = questionOf(seen, kind, now);
    const answer = await ask(question);
    if (answer.effect !== 'permit' || answer.rule.startsWith(BY_NAME)) return { answer, question };
    // that nothing forbids it is enough only for what was granted
    const isGranted = token !== undefined && grants(reach, need, (type) => server.kind === 'mcp' && isServerType(type));
    return { answer: isGranted ? answer : refused(notGranted), question };
  };

  return async (evaluation, reach) => {
    const named = namesOf(evaluation);
    const server = await serverOf(named, reach);
    const about = ({ answer, question }: { answer: Answer; question?: Question | undefined }, seen?: Seen): Judged => {
      const isKnown = seen !== undefined && kindOfSubject({ subject: named.subject, liveAs: seen.liveAs }) !== undefined;
      // only what the records know stands in columns that are searched
      const acting = seen?.token?.agentId ?? seen?.actors.find(({ sub }) => seen.liveAs(sub).includes('agent'))?.sub;
      const clientId = seen?.token === undefined ? seen?.facts.client?.id : seen.clientId;
      const subjectId = isKnown ? named.subject.id : undefined;
      const known = { clientId, agentId: acting ?? seen?.facts.agent?.id, subjectId, jti: seen?.token?.jti };
      return { answer, ...known, server: server?.identifier, question };
    };
    if (server === undefined) return about({ answer: refused(unknownResource) });
    const { actors, jti } = named;
    if (actors === undefined) return about({ answer: refused(unreadableActors) });
    const found = jti === undefined ? await throughNames({ ...named, actors }) : await throughToken(jti, named, server);
    if ('rule' in found) return about({ answer: refused(found) });
    const seen = { evaluation, named, server, ...found };
    return about(await answerTo(seen), seen);
  };
}
