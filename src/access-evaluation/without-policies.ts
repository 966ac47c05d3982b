import type { Answer, Ask } from '../policy/index.ts';

const NOTHING_SAID: Answer = {
  effect: 'permit',
  rule: 'policies',
  reason: 'No policy forbids it.',
  remedy: 'Nothing to change.',
  policyVersion: 'records-1',
};

/** Answers where no administrator wrote a policy: nothing forbids what the records and the token allow. It grants nothing by that. */
export const withoutPolicies: Ask = () => NOTHING_SAID;
