/**
 * Every way in which a use case of ours may refuse. The list is closed: `platform/http/failure.ts` gives each its status, and the
 * compiler finds one without; the wire formats (OAuth, SCIM, problem+json, pages) word what comes out of it.
 */
export type ErrorCode =
  | 'invalid_input' // the caller sent something malformed: says which member
  | 'unauthenticated' // no or wrong credentials
  | 'forbidden' // known caller, not allowed
  | 'not_found'
  | 'conflict' // the state does not allow it (compare-and-set lost, duplicate, lifecycle)
  | 'precondition_failed' // If-Match did not match
  | 'too_many_requests' // `retryAfterSeconds` tells when
  | 'too_large'
  | 'unsupported_media_type'
  | 'unavailable'; // the database is away; try again

/** A place in a text that is at fault; the first line and column are 1. */
export interface TextFault {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** What a refusal carries besides its sentence; never a secret. */
export interface ErrorDetails {
  /** The member of the input that is at fault, as a JSON Pointer or a parameter name. */
  readonly member?: string;
  readonly retryAfterSeconds?: number;
  /** The recorded decision that refused (contract.md "Errors"). */
  readonly decisionId?: string;
  /** Every place in the text that `member` holds, where it is a text with lines. */
  readonly faults?: readonly TextFault[];
  /** SCIM's finer word (RFC 7644 §3.12), when the translator cannot derive it. */
  readonly scimType?: string;
}

/** A refusal that a caller may read: the message is written for them and says what to do next. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }
}
