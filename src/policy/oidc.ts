import type { KoaContextWithOIDC } from 'oidc-provider';
import type { AuthorizationDetail } from '../authorization-details/index.ts';
import { type IssuedToken, issuerOf, type OidcContribution } from '../oidc/index.ts';
import { RUNNING_PARAMETERS } from '../agents/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { type ActClaim, type Issuance, issuanceOf } from '../tokens/index.ts';
import type { Asking } from './asking.ts';
import type { Decision, PolicyInput, StoredDecision } from './decision.ts';
import type { DriftWatch, SeenDrift } from './drift/oidc.ts';
import { createSelfServiceBounds, type RiskyResource } from './enrolment/bounds.ts';
import type { EnrolmentSettingService } from './enrolment/service.ts';
import type { FactsSource } from './facts.ts';
import { type Principal, principalFrom } from './principal.ts';
import type { Answer, Question } from './question.ts';
import type { Denial, PolicyService } from './service.ts';
import { type AroundToken, keptQuestion, tokenQuestion } from './token-question.ts';

/** The resource servers as policy asks them. */
export interface PolicyResources {
  findByIdentifier(uri: string): Promise<RiskyResource | undefined>;
  resourcesOfClient(clientId: string): Promise<readonly string[]>;
}

/** What the hook stands on. */
export interface PolicyHookDeps {
  readonly service: Pick<PolicyService, 'decide' | 'record' | 'rowOf' | 'refuse'>;
  readonly facts: FactsSource;
  readonly resources: PolicyResources;
  readonly watch: DriftWatch;
  readonly asking: Pick<Asking, 'judge'>;
  readonly enrolment: Pick<EnrolmentSettingService, 'choice'>;
  readonly db: Pick<Db, 'detached'>;
  readonly issuer: URL;
  readonly clock: Clock;
}

/** The most actors a chain holds where no administrator allowed more (security rule R26). */
export const MAX_ACTORS = 4;
/** The most an administrator can allow: a token fits 8 KB. */
export const MOST_ACTORS = 8;

/** What is known before the rules are asked. */
type Seen = Pick<PolicyInput, 'facts' | 'drift'>;

/** Fields of the engine's tokens and grant sources that its types leave out. */
interface TokenFields {
  readonly accountId?: string;
  readonly aud?: string;
  readonly rar?: readonly AuthorizationDetail[];
}
interface SourceFields {
  readonly acr?: string;
  readonly amr?: readonly string[];
  readonly authTime?: number;
}

/**
 * Fills in who the token speaks as, where an earlier step (exchange, approval) has not said it: a person, with the agent of the
 * client as actor; or the agent or service itself (contract.md "Tokens").
 */
function note(issuance: Issuance, about: { token: TokenFields; source: SourceFields; principal: Principal; issuer: string }): void {
  const { token, source, principal, issuer } = about;
  if (source.acr !== undefined) issuance.acr ??= source.acr;
  if (source.authTime !== undefined) issuance.authTime ??= new Date(source.authTime * 1000);
  if (issuance.subject !== undefined) return;
  if (principal.kind === 'agent') issuance.agentId ??= principal.agent.id;
  if (token.accountId !== undefined) {
    issuance.subject = token.accountId;
    issuance.subjectProfile = 'user';
    if (principal.kind !== 'agent') return;
    issuance.actors ??= { iss: issuer, sub: principal.agent.id, sub_profile: 'ai_agent' };
    issuance.actorSource ??= 'linked_agent';
    return;
  }
  if (principal.kind === 'agent') {
    issuance.subject = principal.agent.id;
    issuance.subjectProfile = 'ai_agent';
  }
  if (principal.kind === 'service') {
    issuance.subject = principal.id;
    issuance.subjectProfile = 'service';
  }
}

function isJwt(token: IssuedToken): boolean {
  return (token as { resourceServer?: { accessTokenFormat?: string } }).resourceServer?.accessTokenFormat === 'jwt';
}

const SUBJECT_KINDS = { user: 'account', ai_agent: 'agent', service: 'service' } as const;

function subjectOf({ subject, subjectProfile }: Issuance): PolicyInput['subject'] {
  return subject === undefined || subjectProfile === undefined ? undefined : { kind: SUBJECT_KINDS[subjectProfile], id: subject };
}

/** The actors of a chain, newest first. */
function actorsOf(act: ActClaim | undefined): ActClaim[] {
  return act === undefined ? [] : [act, ...actorsOf(act.act)];
}

async function resourceOf(aud: string | undefined, resources: PolicyResources): Promise<PolicyInput['resource']> {
  if (aud === undefined) return { kind: 'none' };
  const server = await resources.findByIdentifier(aud);
  if (server === undefined) return { kind: 'unknown', identifier: aud };
  const { own } = server;
  return own === undefined ? { kind: 'registered', identifier: aud } : { kind: 'own', identifier: aud, own };
}

/** How a request that the policies refuse is answered: whoever asks learns what would allow it, and where to get it. */
function refusalOf(
  { effect, obligation }: Answer,
  { subject }: Question,
  ctx: KoaContextWithOIDC,
): Pick<Denial, 'error' | 'status' | 'extra'> {
  if (effect === 'step_up' && obligation?.kind === 'step_up' && subject.kind === 'account') {
    // the words of RFC 9470 §3, for whoever sends the person to sign in again
    const { acr, maxAgeSeconds } = obligation;
    const extra = { acr_values: acr, ...(maxAgeSeconds === undefined ? {} : { max_age: maxAgeSeconds }) };
    return { error: 'insufficient_user_authentication', extra };
  }
  if (effect === 'approval' && obligation?.kind === 'approval')
    return {
      error: 'access_denied',
      extra: { approval_by: obligation.by, backchannel_authentication_endpoint: ctx.oidc.urlFor('backchannel_authentication') },
    };
  return { error: 'access_denied' };
}

/** What is kept with a decision: what tells requests apart, the question to ask again, and of a refused one everything the rules saw. */
function inputOf(input: PolicyInput, effect: Decision['effect'], question: Question | undefined): Readonly<Record<string, unknown>> {
  const isReviewed = input.facts.agent?.actsUnderReview === true || input.drift?.differs === true;
  const asked = question === undefined || input.resource.kind === 'own' ? {} : { question: keptQuestion(question) };
  const brief = { grant_type: input.grantType, scope: input.scopes.join(' '), ...(isReviewed ? { under_review: true } : {}), ...asked };
  if (effect === 'permit') return brief;
  const { client, agent } = input.facts;
  return {
    ...brief,
    authorization_details: input.details,
    actors: input.actors.map(({ iss, sub }) => ({ iss, sub })),
    is_authenticated: input.isAuthenticated,
    subject: input.subject ?? null,
    resource: input.resource,
    client: client === undefined ? null : { kind: client.kind, purpose: client.purpose, is_active: client.isActive },
    agent: agent === undefined ? null : { id: agent.id, status: agent.status, is_owner_alive: agent.isOwnerAlive },
  };
}

/** One request for a token, as far as it is known when it is judged. */
interface Judging {
  readonly ctx: KoaContextWithOIDC;
  readonly issuance: Issuance;
  readonly around: AroundToken;
  readonly drift: SeenDrift | undefined;
  /** No row of the ledger will hold its version against the policies in force: it is judged by the newest. */
  readonly isOpaque: boolean;
}

/**
 * The token policy: judges every access token of every grant as the last step before it is stored. A permitted one gets its
 * notes (subject, actor, decision) and one row; a refused one leaves no trace but its decision and its audit event.
 */
export function policyOidc(deps: PolicyHookDeps): OidcContribution {
  const { service, facts, resources, watch, db, issuer, clock, asking } = deps;
  const boundSelfService = createSelfServiceBounds(deps);
  const inputFor = async (ctx: KoaContextWithOIDC, token: IssuedToken, seen: Seen): Promise<PolicyInput> => {
    const { aud, rar } = token as unknown as TokenFields;
    const issuance = issuanceOf(ctx);
    const clientId = ctx.oidc.client?.clientId ?? '';
    const resource = await resourceOf(aud, resources);
    const mayOwn = resource.own === 'access' && (await resources.resourcesOfClient(clientId)).length > 0;
    const { grant_type: grantType } = ctx.oidc.params as { grant_type: string };
    const authMethod = ctx.oidc.client?.clientAuthMethod;
    return {
      grantType,
      clientId,
      isAuthenticated: authMethod !== undefined && authMethod !== 'none',
      ...seen,
      subject: subjectOf(issuance),
      resource,
      isResourceServersOwn: mayOwn,
      scopes: (token.scope ?? '').split(' ').filter((scope) => scope !== ''),
      details: rar ?? [],
      actors: actorsOf(issuance.actors),
      maxActors: issuance.maxActors ?? MAX_ACTORS,
      now: clock.now(),
    };
  };
  /** The invariants first: no policy widens them. Then the policies. Returns the decision of a request that both permit. */
  const settle = async (given: PolicyInput, judging: Judging, how: { readonly again?: true; readonly also?: () => Promise<void> }) => {
    const { refusal, ...decision } = service.decide(given);
    const question = tokenQuestion(given, judging.around);
    const record = {
      ...{ clientId: given.clientId, agentId: judging.issuance.agentId ?? given.facts.agent?.id, subjectId: judging.issuance.subject },
      at: given.now,
      resource: given.resource.identifier,
      action: 'issue_token',
    };
    if (decision.effect !== 'permit' || question === undefined) {
      const noted = decision.rule === 'agent-drift' && how.also !== undefined ? { also: how.also } : {};
      const input = inputOf(given, 'deny', question);
      return service.refuse({
        ...record,
        ...decision,
        ...noted,
        input,
        error: refusal?.error ?? 'access_denied',
        status: refusal?.status ?? 400,
      });
    }
    const first = await asking.judge(question, how.again === true || judging.isOpaque ? { isNew: true } : undefined);
    // nobody is refused under policies that are no longer in force: who is permitted is held against them when the token is written
    const { answer, question: judged, version } = first.answer.effect === 'permit' ? first : await asking.judge(question, { isNew: true });
    const input = inputOf(given, answer.effect, judged);
    const kept = { ...record, input, policyVersion: answer.policyVersion };
    if (answer.effect !== 'permit') return service.refuse({ ...kept, ...answer, ...refusalOf(answer, judged, judging.ctx) });
    // kept as it is held against the policies in force when the token is written
    if (version === undefined) delete judging.issuance.policyVersion;
    else judging.issuance.policyVersion = version;
    return { ...decision, ...kept } satisfies StoredDecision;
  };
  /** Judges the request; one that differs from what was agreed is kept with its refusal, or before its token. */
  const judge = async (input: PolicyInput, judging: Judging) => {
    const { drift } = judging;
    const record = await settle(input, judging, drift === undefined ? {} : { also: async () => void (await drift.note()) });
    if (drift === undefined || (await db.detached(drift.note)) === 'goes_on' || !drift.differs) return record;
    // the setting, or the agent, changed since it was looked at
    return settle({ ...input, drift: { differs: true, goesOn: false } }, judging, {});
  };
  return {
    tokenParameters: RUNNING_PARAMETERS,
    async tokenPolicy(ctx, token, source) {
      const known = await facts(ctx.oidc.client?.clientId ?? '');
      const drift = await watch(ctx, known);
      const issuance = issuanceOf(ctx);
      const about = { token: token as unknown as TokenFields, source: (source ?? {}) as SourceFields };
      note(issuance, { ...about, principal: principalFrom(known), issuer: issuerOf(issuer) });
      await boundSelfService(token, { facts: known, issuance });
      const input = await inputFor(ctx, token, { facts: known, drift });
      const around = { issuance, amr: about.source.amr, network: ctx.ip };
      const judging = { ctx, issuance, drift, around, isOpaque: !isJwt(token) };
      const keep = (kept: StoredDecision) => {
        issuance.decisionId = kept.id;
        issuance.alongside = service.rowOf(kept);
      };
      const kept = await judge(input, judging);
      // an opaque token (userinfo) has no row in the ledger that its decision could come with
      if (judging.isOpaque) {
        issuance.decisionId = kept.id;
        await service.record(kept);
        return;
      }
      keep(kept);
      issuance.decideAgain = async () => keep(await settle(input, judging, { again: true }));
    },
  };
}
