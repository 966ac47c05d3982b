import { openCedar } from '../src/policy/cedar/cedar.ts';
import { createEngine, type PolicyEngine } from '../src/policy/cedar/engine.ts';
import { createSlots } from '../src/policy/cedar/slices.ts';
import { partiesOf, requestOf } from '../src/policy/cedar/translate.ts';
import type { Question } from '../src/policy/question.ts';

/** How long a decision takes under many policies, in µs: the middle one, and one in a hundred. */
export interface PolicyFigures {
  readonly policies: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
  /** The same question as before: its answer is remembered. */
  readonly againMicros: number;
  /** Cedar asked with all policies at once, as the slices spare it. */
  readonly wholeMicros: number;
}

const COUNT = 1_000;
const FOR_ALL = 10;
const SERVERS = 110;
const WARM_UP = 2_000;
const ROUNDS = 5_000;
const WHOLE_ROUNDS = 50;

const server = (index: number) => `https://api-${index % SERVERS}.example/mcp`;

/** Nine policies for each of 110 resource servers, and ten that every question is held against. */
function texts(): { id: string; text: string }[] {
  return Array.from({ length: COUNT }, (_, index) => {
    const id = `p${index}`;
    if (index < FOR_ALL) return { id, text: `forbid(principal, action, resource) when { context.scopes.contains("scope-${index}") };` };
    const head = `principal is Agent, action == Action::"issue_token", resource == ResourceServer::"${server(index)}"`;
    const limit = `context.amounts has EUR && context.amounts.EUR.greaterThan(decimal("${1_000 + index}.0"))`;
    return { id, text: `forbid(${head}) when { principal.risk > ${1 + (index % 3)} && ${limit} };` };
  });
}

/** Each question differs in its amount, so that none is answered from memory. */
function questionOf(index: number): Question {
  const agent = {
    id: `agt_${index % 50}`,
    displayName: 'Bench',
    status: 'active',
    actsUnderReview: false,
    riskLevel: 'medium',
    manifestDigest: undefined,
    model: undefined,
    owner: { kind: 'user', id: 'usr_1' },
    isOwnerAlive: true,
    isSelfService: false,
    validUntil: undefined,
    maxDelegationDepth: undefined,
  } as const;
  return {
    subject: { kind: 'account', id: 'usr_1' },
    actors: [{ iss: 'https://bench', sub: agent.id }],
    clientId: 'bench',
    facts: { client: undefined, agent },
    action: { name: 'issue_token' },
    resource: { type: 'resource_server', id: server(index), server: server(index) },
    scopes: ['read', 'pay'],
    details: [{ type: 'payment_initiation', amount: { amount: `${index % 900}.${String(index).padStart(4, '0')}`, currency: 'EUR' } }],
    context: { at: new Date(0), grantType: 'authorization_code' },
  };
}

function timesOf(engine: PolicyEngine, next: (index: number) => Question, rounds: number): number[] {
  const times: number[] = [];
  for (let index = 0; index < rounds; index += 1) {
    const question = next(index);
    const began = performance.now();
    if (engine.ask(question).effect !== 'permit') throw new Error('The bench measures what is permitted.');
    times.push((performance.now() - began) * 1_000);
  }
  return times.sort((a, b) => a - b);
}

const at = (times: readonly number[], share: number): number => times[Math.floor(times.length * share)] ?? Number.NaN;

/** Measures in this process, with nothing but the policies. */
export async function measurePolicies(): Promise<PolicyFigures> {
  const cedar = await openCedar();
  const all = texts();
  const engine = createEngine({ cedar, slots: createSlots('bench') }, all);
  timesOf(engine, (index) => questionOf(index), WARM_UP);
  const times = timesOf(engine, (index) => questionOf(index + WARM_UP), ROUNDS);
  const again = timesOf(engine, () => questionOf(1), ROUNDS);
  const staticPolicies = Object.fromEntries([...all.map(({ id, text }) => [id, text]), ['BASE', 'permit(principal, action, resource);']]);
  cedar.preparsePolicySet('bench-whole', { staticPolicies });
  const needs = {
    attributes: new Set(['scopes', 'amounts', 'risk']),
    everything: false,
    tags: false,
    hierarchy: false,
    groups: false,
    principal: true,
  };
  const whole: number[] = [];
  for (let index = 0; index < WHOLE_ROUNDS; index += 1) {
    const question = questionOf(index);
    const began = performance.now();
    for (const party of partiesOf(question))
      cedar.statefulIsAuthorized({ ...requestOf(question, party, needs), preparsedPolicySetId: 'bench-whole' });
    whole.push((performance.now() - began) * 1_000);
  }
  whole.sort((a, b) => a - b);
  return {
    policies: COUNT,
    p50Micros: at(times, 0.5),
    p99Micros: at(times, 0.99),
    againMicros: at(again, 0.5),
    wholeMicros: at(whole, 0.5),
  };
}
