import { AppError } from '../platform/errors.ts';
import type { Left } from './budget.ts';

/** Why nothing was taken off a budget. */
export type BudgetRefusalReason =
  | 'budget_exceeded' // more than is left
  | 'budget_ended' // the person ended it, or what was granted is no longer there
  | 'beyond_detail' // more than one act may take, or another unit
  | 'token_ended' // the token is not alive
  | 'hold_ended' // it was settled, cancelled or given back
  | 'key_reused'; // the same key came with another request

/** A report that was not taken, in a word for programs and a sentence for people; `left` says how much would have been. */
export class BudgetRefused extends AppError {
  readonly reason: BudgetRefusalReason;
  readonly left: Left | undefined;

  constructor(reason: BudgetRefusalReason, message: string, left?: Left) {
    super('conflict', message);
    this.reason = reason;
    this.left = left;
  }
}
