import type { AuditEventInput, AuditRecorder } from '../audit/index.ts';
import { issuerOf, refuse as refuseRequest, attachToRefusal } from '../oidc/index.ts';
import { type Clock, secondsAfter } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { AppError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import type { Companion } from '../tokens/index.ts';
import type { Decision, Effect, PolicyInput, StoredDecision } from './decision.ts';
import type { FactsSource } from './facts.ts';
import { INVARIANTS_VERSION, judge } from './invariants.ts';
import { type Principal, principalFrom, reasonOfStatus } from './principal.ts';
import type { RuleError } from './rule.ts';
import { createDecisionStore, type DecisionFilter } from './store.ts';

/** A refusal by a rule, with everything it is recorded with. */
export interface Denial {
  /** `deny` when left out. */
  readonly effect?: Effect;
  readonly rule: string;
  /** The OAuth error (RFC 6749 §5.2 and extensions) and its status; 400 when left out. */
  readonly error: string;
  readonly status?: number;
  /** One sentence, ASCII without quotes (RFC 6749 §5.2). */
  readonly reason: string;
  readonly remedy: string;
  readonly clientId: string;
  readonly agentId?: string | undefined;
  readonly subjectId?: string | undefined;
  readonly resource?: string | undefined;
  readonly action: string;
  /** What the rule saw; no bearer value. */
  readonly input: Readonly<Record<string, unknown>>;
  /** The version of the rules; that of the invariants when left out. */
  readonly policyVersion?: string;
  /** What is written with the decision, in its transaction. */
  readonly also?: () => Promise<void>;
  /** Further members of the answer. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** A page of decisions; `nextCursor` is set when there are more. */
export interface DecisionPage {
  readonly decisions: readonly StoredDecision[];
  readonly nextCursor: string | undefined;
}

/** What policy does for others. */
export interface PolicyService {
  /** Judges a request by the invariants and gives the decision its id. Pure but for the id; records nothing. */
  decide(input: PolicyInput): Decision & { readonly refusal?: RuleError };
  /** Names the rules that judge now; a decision keeps it. */
  version(): string;
  /** Who a client stands for, from the records as they are now (security rule R5). */
  principalOf(clientId: string): Promise<Principal>;
  /** Keeps a permitted decision in the transaction under way: one statement. */
  record(decision: StoredDecision): Promise<void>;
  /** A permitted decision as a row that is written together with the token it permits. */
  rowOf(decision: StoredDecision): Companion;
  /** Ends the request under way: rolls it back, keeps decision and audit event, answers with `decision_id` and `error_uri`. */
  refuse(denial: Denial): never;
  /**
   * Keeps why a client that may not even authenticate is turned away, and adds `decision_id` and `error_uri` to the
   * `invalid_client` that the engine answers with. `reason` is the state of its agent (`suspended`, `retired`) or a sentence.
   * A client that keeps asking gets the same decision for a minute.
   */
  recordDeadClient(clientId: string, reason: string): Promise<string>;
  /**
   * Whether a client may not even authenticate: it is disabled, or its agent is suspended or retired. Then the reason is kept, and
   * the `invalid_client` of the request under way tells where to read it. For the engine's storage of clients.
   */
  turnsAway(clientId: string): Promise<boolean>;
  /** @throws {AppError} `not_found` */
  get(id: string): Promise<StoredDecision>;
  list(filter: DecisionFilter): Promise<DecisionPage>;
  /** Removes decisions older than a year, at most 1,000; returns how many went. */
  purge(): Promise<number>;
}

/** What the service stands on. */
export interface PolicyServiceDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly issuer: URL;
  readonly audit: AuditRecorder;
  readonly facts: FactsSource;
}

const KEPT_SECONDS = 366 * 86_400;
const SAME_ANSWER_SECONDS = 60;
const PURGE_BATCH = 1_000;

/** ASCII without quotes and backslashes (RFC 6749 §5.2). */
function plain(text: string): string {
  return text.replace(/["\\]/g, "'").replace(/[^\x20-\x7e]/g, '?');
}

function auditOf(decision: StoredDecision, error: string): AuditEventInput {
  const { id, clientId, agentId, subjectId, resource, remedy } = decision;
  const parties = {
    ...(agentId === undefined ? {} : { agentId }),
    ...(subjectId === undefined ? {} : { subjectId }),
    ...(resource === undefined ? {} : { resource }),
  };
  const type = 'token.refused';
  return { type, actor: { kind: 'client', id: clientId }, clientId, ...parties, decisionId: id, outcome: 'refused', cause: error, remedy };
}

/** Agent states get their own sentence; any other reason is one already. */
function sentenceOf(reason: string): { rule: string; reason: string; remedy: string } {
  if (reason === 'suspended' || reason === 'retired') {
    const remedy =
      reason === 'suspended' ? 'An administrator can lift the suspension; registering again does not.' : 'Register another agent.';
    return { rule: `agent-${reason}`, reason: reasonOfStatus(reason) ?? '', remedy };
  }
  return { rule: 'client-active', reason, remedy: 'An administrator can enable the client.' };
}

/** The policy over its store. */
export function createPolicyService(deps: PolicyServiceDeps): PolicyService {
  const { db, clock, ids, audit, facts } = deps;
  const store = createDecisionStore(deps);
  const extraOf = (id: string) => ({ decision_id: id, error_uri: `${issuerOf(deps.issuer)}/console/decisions/${id}` });
  const denied = (denial: Denial): StoredDecision => {
    const { effect = 'deny', rule, reason, remedy, clientId, agentId, subjectId, resource, action, input } = denial;
    const parties = { clientId, agentId, subjectId, resource };
    return {
      id: ids.next('dec'),
      at: clock.now(),
      effect,
      rule,
      reason,
      remedy,
      ...parties,
      action,
      input,
      policyVersion: denial.policyVersion ?? INVARIANTS_VERSION,
    };
  };
  const keep = async (decision: StoredDecision, error: string) => {
    await store.insert(decision);
    await audit.record(auditOf(decision, error));
  };
  const recordDeadClient = async (clientId: string, reason: string) => {
    const words = sentenceOf(reason);
    const known = await store.latest(clientId, words.rule, secondsAfter(clock.now(), -SAME_ANSWER_SECONDS));
    const agentId = (await facts(clientId)).agent?.id;
    const decision = known ?? denied({ ...words, error: 'invalid_client', clientId, agentId, action: 'authenticate', input: { reason } });
    if (known === undefined) await db.detached(() => db.transaction(() => keep(decision, 'invalid_client')));
    attachToRefusal('invalid_client', extraOf(decision.id));
    return decision.id;
  };
  return {
    version: () => INVARIANTS_VERSION,
    decide: (input) => ({ id: ids.next('dec'), ...judge(input) }),
    principalOf: async (clientId) => principalFrom(await facts(clientId)),
    record: (decision) => store.insert(decision),
    rowOf: store.rowOf,
    refuse(denial) {
      const decision = denied(denial);
      const { error, status, reason, remedy, also } = denial;
      return refuseRequest(db, {
        error,
        description: plain(`${reason} ${remedy}`),
        extra: { ...denial.extra, ...extraOf(decision.id) },
        record: async () => {
          await keep(decision, error);
          await also?.();
        },
        ...(status === undefined ? {} : { status }),
      });
    },
    recordDeadClient,
    async turnsAway(clientId) {
      const { client, agent } = await facts(clientId);
      if (client === undefined) return false;
      const isStopped = agent?.status === 'suspended' || agent?.status === 'retired';
      if (client.isActive && !isStopped) return false;
      await recordDeadClient(clientId, isStopped ? agent.status : 'The client is disabled.');
      return true;
    },
    async get(id) {
      const decision = await store.find(id);
      if (decision === undefined) throw new AppError('not_found', 'There is no such decision.');
      return decision;
    },
    async list(filter) {
      const found = await store.list({ ...filter, limit: filter.limit + 1 });
      const decisions = found.slice(0, filter.limit);
      return { decisions, nextCursor: found.length > filter.limit ? decisions.at(-1)?.id : undefined };
    },
    purge: () => store.purge(secondsAfter(clock.now(), -KEPT_SECONDS), PURGE_BATCH),
  };
}
