import type { Batch, Evaluation } from './access-request.ts';
import { type DecisionAnswer, presentFault } from './present.ts';

/** The decision that ends a list early, by semantic. */
const ENDS = { deny_on_first_deny: false, permit_on_first_permit: true } as const;

/**
 * Answers a list of questions in its order (AuthZEN 1.0 §7.1.2.1): all of them, at the same time; or one after the other until
 * the first refusal or the first permit, which is the last answer. An entry that cannot be asked is refused in its place.
 */
export async function answerAll(
  batch: Batch,
  answer: (evaluation: Evaluation) => Promise<DecisionAnswer>,
): Promise<readonly DecisionAnswer[]> {
  const { semantic, items } = batch;
  const answerOne = async (item: Batch['items'][number]) => ('fault' in item ? presentFault(item.fault) : answer(item));
  if (semantic === 'execute_all') return Promise.all(items.map(answerOne));
  const answers: DecisionAnswer[] = [];
  for (const item of items) {
    const one = await answerOne(item);
    answers.push(one);
    if (one.decision === ENDS[semantic]) break;
  }
  return answers;
}
