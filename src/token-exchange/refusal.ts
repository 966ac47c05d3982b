/** Error codes of a refused exchange: RFC 6749 §5.2, RFC 8693 §2.2.2, RFC 9396 §5, Actor Profile (`actor_unauthorized`). */
export type ExchangeError =
  | 'invalid_request'
  | 'invalid_grant'
  | 'invalid_scope'
  | 'invalid_target'
  | 'invalid_authorization_details'
  | 'unauthorized_client'
  | 'actor_unauthorized';

/** A refusal as plain data; the description is ASCII without quotes and backslashes (RFC 6749 §5.2) and echoes no input. */
export interface Refusal {
  readonly error: ExchangeError;
  readonly description: string;
  /** What an administrator reads in the decision and the caller does not. */
  readonly about?: Readonly<Record<string, string | null>>;
}

/** A value, or the refusal that stands in its place. */
export type Outcome<Value> = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly refusal: Refusal };

/** The value as an outcome. */
export function accept<Value>(value: Value): Outcome<Value> {
  return { ok: true, value };
}

/** A refusal as an outcome. */
export function refuse(
  error: ExchangeError,
  description: string,
  about?: Refusal['about'],
): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal: { error, description, ...(about === undefined ? {} : { about }) } };
}
