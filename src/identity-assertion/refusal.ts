/** Error codes of a refused assertion: RFC 6749 §5.2, RFC 8707 §2, RFC 9396 §5. */
export type AssertionError =
  | 'invalid_request'
  | 'invalid_grant'
  | 'invalid_scope'
  | 'invalid_target'
  | 'invalid_authorization_details'
  | 'unauthorized_client';

/** A refusal as plain data: which rule, and a sentence in ASCII without quotes that echoes no input. */
export interface Refusal {
  readonly error: AssertionError;
  /** `assertion-…`: what an administrator finds in the decision. */
  readonly rule: string;
  readonly reason: string;
}

/** A value, or the refusal that stands in its place. */
export type Outcome<Value> = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly refusal: Refusal };

/** The value as an outcome. */
export function accept<Value>(value: Value): Outcome<Value> {
  return { ok: true, value };
}

/** A refusal as an outcome; `rule` without its prefix. */
export function refuse(error: AssertionError, rule: string, reason: string): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal: { error, rule: `assertion-${rule}`, reason } };
}
