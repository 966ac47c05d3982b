import type { Answer, Ask, Question } from '../policy/index.ts';
import { neededScopes } from './naming.ts';
import { speaksOf } from './token-bounds.ts';

const POLICY_VERSION = 'records-1';

/** Whether the token that was named says something of just this; what it says was held to already. */
function isGranted({ action, resource, scopes, details, context }: Question): boolean {
  if (scopes.length === 0 && details.length === 0) return false;
  const named =
    neededScopes({ action, context: context.properties }).length > 0 || context.properties?.['authorization_details'] !== undefined;
  return named || scopes.includes(action.name) || speaksOf(details, { action, resource });
}

/**
 * Answers where no administrator wrote a policy: what a token of this server grants may be done with it, and nothing else. An
 * action is granted that is called like a scope of the token, or for which the resource server names scopes or details that
 * the token has, or of which the token's details speak.
 */
export const withoutPolicies: Ask = (question): Answer => {
  if (isGranted(question))
    return {
      effect: 'permit',
      rule: 'granted',
      reason: 'The token grants it.',
      remedy: 'Nothing to change.',
      policyVersion: POLICY_VERSION,
    };
  return {
    effect: 'deny',
    rule: 'no-policy',
    reason: 'No policy allows it, and no token was named that grants it.',
    remedy: 'Name the token in context.jti and the scope it needs in context.scope, or let an administrator write a policy.',
    policyVersion: POLICY_VERSION,
  };
};
