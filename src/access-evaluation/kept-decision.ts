import { LRUCache } from 'lru-cache';
import type { JsonObject, JsonValue } from '../authorization-details/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Question, StoredDecision } from '../policy/index.ts';
import type { Evaluation } from './access-request.ts';
import type { Judged } from './judge.ts';

/** A permit of one kind is kept once in this time. */
const PERMIT_SECONDS = 60;
const MOST_KINDS = 10_000;
/** Larger questions are kept without what the caller added. */
const MOST_INPUT = 16_384;

/** Members that may hold a credential, whatever they hold, and texts that look like one. */
const SECRET_MEMBER = /^(?:.*token|authorization|password|secret|.*assertion|cookie|dpop)$/i;
const SECRET_TEXT = /(?:^|\s)(?:bearer|dpop|basic)\s+\S{8,}|eyJ[\w-]{8,}\.[\w-]+\.[\w-]*/i;
const REMOVED = '[removed]';

/** A value without bearer values (security rule R16) and without what PostgreSQL keeps in no JSON. */
function withoutSecrets(value: JsonValue, name = ''): JsonValue {
  if (SECRET_MEMBER.test(name)) return REMOVED;
  if (typeof value === 'string') return SECRET_TEXT.test(value) ? REMOVED : value.replaceAll('\0', '\u{fffd}').toWellFormed();
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item as JsonValue));
  const members = Object.entries(value).map(([key, item]) => [key.replaceAll('\0', '\u{fffd}').toWellFormed(), withoutSecrets(item, key)]);
  return Object.fromEntries(members) as JsonObject;
}

/** The question the policies were asked, as a token's is kept: with what was known of client and agent, to be asked again. */
function keptQuestion({ facts: { client, agent }, ...question }: Question): object {
  const { resources: _resources, isActive: _active, ...software } = client ?? {};
  const { line, manifestDigest: _digest, maxDelegationDepth: _depth, ...standing } = agent ?? {};
  const above = line === undefined ? {} : { line: line.map(({ id }) => ({ id })) };
  return { ...question, ...(client && { client: software }), ...(agent && { agent: { ...standing, ...above } }) };
}

/** What a decision is kept with: the question of the policies, or the request where they were not asked. */
function inputOf(
  { subject, action, resource, context }: Evaluation,
  { jti, question }: Judged,
  askedBy: string,
): Readonly<Record<string, unknown>> {
  const asked = { asked_by: askedBy, ...(jti === undefined ? {} : { jti }) };
  const whole = question === undefined ? { request: { subject, action, resource, context } } : { question: keptQuestion(question) };
  const plain = withoutSecrets(JSON.parse(JSON.stringify(whole)) as JsonObject) as JsonObject;
  if (JSON.stringify(plain).length <= MOST_INPUT) return { ...asked, ...plain };
  const { type, id } = resource;
  const request = { subject: { type: subject.type, id: subject.id }, action: { name: action.name }, resource: { type, id } };
  return { ...asked, request, is_cut: true };
}

/** A decision about a single access, as policy keeps it. */
export function decisionOf(about: {
  readonly id: string;
  readonly at: Date;
  readonly evaluation: Evaluation;
  readonly judged: Judged;
  readonly askedBy: string;
}): StoredDecision {
  const { id, at, evaluation, judged, askedBy } = about;
  const { effect, rule, reason, remedy, policyVersion } = judged.answer;
  const { clientId = askedBy, agentId, subjectId, server: resource } = judged;
  return {
    ...{ id, at, effect, rule, reason, remedy, clientId, agentId, subjectId, resource },
    action: evaluation.action.name,
    input: inputOf(evaluation, judged, askedBy),
    policyVersion,
  };
}

/**
 * Which decisions are kept. Whatever is not a permit: always. Of permits the first of its kind in a minute (who asks, for whom,
 * through whom, what, on what type of resource, by which rule): they come in thousands a second and say the same.
 */
export function createKeeping(clock: Clock): (evaluation: Evaluation, judged: Judged, askedBy: string) => boolean {
  const seen = new LRUCache<string, number>({ max: MOST_KINDS });
  return ({ action, resource }, { answer, subjectId, agentId, clientId, server }, askedBy) => {
    if (answer.effect !== 'permit') return true;
    const kind = JSON.stringify([
      askedBy,
      subjectId,
      agentId,
      clientId,
      server,
      action.name,
      resource.type,
      answer.rule,
      answer.policyVersion,
    ]);
    const now = clock.epochSeconds();
    const since = seen.get(kind);
    if (since !== undefined && now >= since && now - since < PERMIT_SECONDS) return false;
    seen.set(kind, now);
    return true;
  };
}
