import type { Clock } from '../platform/clock.ts';
import type { ApiCaller } from '../platform/http/web.ts';
import type { Ids } from '../platform/ids.ts';
import type { PolicyService } from '../policy/index.ts';
import { type Evaluation, readEvaluation, readEvaluations } from './access-request.ts';
import { answerAll } from './batch.ts';
import type { Judge } from './judge.ts';
import { createKeeping, decisionOf } from './kept-decision.ts';
import { type DecisionAnswer, presentAnswer } from './present.ts';
import type { Reach, Reaching } from './reach.ts';
import type { AccessStore } from './store.ts';

/** Who asks: a resource server with a token of its own, or a client for management. */
export type AccessCaller = Pick<ApiCaller, 'clientId'>;

/** The answer to an Access Evaluations request: a list, or one answer when it had no entries (AuthZEN 1.0 §7.1). */
export type EvaluationsAnswer = DecisionAnswer | { readonly evaluations: readonly DecisionAnswer[] };

/** The use cases of access evaluation. `body` is what the caller sent. @throws {AppError} `invalid_input` */
export interface AccessService {
  evaluate(caller: AccessCaller, body: unknown): Promise<DecisionAnswer>;
  evaluateAll(caller: AccessCaller, body: unknown): Promise<EvaluationsAnswer>;
}

/** What the service stands on. */
export interface AccessServiceDeps {
  readonly judge: Judge;
  readonly reachOf: Reaching['reachOf'];
  readonly store: Pick<AccessStore, 'keep'>;
  readonly policy: Pick<PolicyService, 'rowOf'>;
  readonly clock: Clock;
  readonly ids: Pick<Ids, 'next'>;
}

/** The service over the judge; a refusal is answered when its decision is kept, never before. */
export function createAccessService(deps: AccessServiceDeps): AccessService {
  const { judge, reachOf, store, policy, clock, ids } = deps;
  const isKept = createKeeping(clock);
  const answer = async (caller: AccessCaller, evaluation: Evaluation, reach: Reach): Promise<DecisionAnswer> => {
    const judged = await judge(evaluation, reach);
    const askedBy = caller.clientId;
    const id = isKept(evaluation, judged, askedBy) ? ids.next('dec') : undefined;
    if (id !== undefined) await store.keep(policy.rowOf(decisionOf({ id, at: clock.now(), evaluation, judged, askedBy })));
    return presentAnswer(judged.answer, { id, context: evaluation.context });
  };
  return {
    async evaluate(caller, body) {
      const evaluation = readEvaluation(body);
      return answer(caller, evaluation, await reachOf(caller));
    },
    async evaluateAll(caller, body) {
      const read = readEvaluations(body);
      const reach = await reachOf(caller);
      if (!('items' in read)) return answer(caller, read, reach);
      return { evaluations: await answerAll(read, (evaluation) => answer(caller, evaluation, reach)) };
    },
  };
}
