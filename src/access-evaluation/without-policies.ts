import type { Answer, Ask } from '../policy/index.ts';

const POLICY_VERSION = 'records-1';

/**
 * Answers where no administrator wrote a policy: what a token of this server allows may be done with it, and nothing else. The
 * limits of the token and the state of all parties were judged before it is asked.
 */
export const withoutPolicies: Ask = ({ scopes, details }): Answer => {
  if (scopes.length > 0 || details.length > 0)
    return {
      effect: 'permit',
      rule: 'granted',
      reason: 'The token allows it.',
      remedy: 'Nothing to change.',
      policyVersion: POLICY_VERSION,
    };
  return {
    effect: 'deny',
    rule: 'no-policy',
    reason: 'No policy allows it, and no token was named that does.',
    remedy: 'Name the token in context.jti, or let an administrator write a policy.',
    policyVersion: POLICY_VERSION,
  };
};
