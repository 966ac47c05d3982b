import type { PolicyInput } from './decision.ts';

/** The error a refused request ends with. */
export interface RuleError {
  readonly error: string;
  readonly status: number;
}

/** A rule that no configuration can switch off. */
export interface Invariant {
  readonly name: string;
  /** Whether the rule has a say in this request. */
  readonly applies: (input: PolicyInput) => boolean;
  readonly holds: (input: PolicyInput) => boolean;
  readonly reason: (input: PolicyInput) => string;
  readonly remedy: string;
  readonly refusal: RuleError;
}

/** Errors of RFC 6749 §5.2, RFC 8707 §2 and RFC 9396 §5 that rules refuse with. */
export const ruleErrors = {
  invalidClient: { error: 'invalid_client', status: 401 },
  unauthorizedClient: { error: 'unauthorized_client', status: 400 },
  invalidTarget: { error: 'invalid_target', status: 400 },
  invalidScope: { error: 'invalid_scope', status: 400 },
  invalidDetails: { error: 'invalid_authorization_details', status: 400 },
  invalidRequest: { error: 'invalid_request', status: 400 },
} as const satisfies Record<string, RuleError>;
