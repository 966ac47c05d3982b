import { AppError, type ErrorCode } from '../platform/errors.ts';

const errorSchema = 'urn:ietf:params:scim:api:messages:2.0:Error';

const statusOf = {
  invalid_input: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  precondition_failed: 412,
  too_many_requests: 429,
  too_large: 413,
  unsupported_media_type: 415,
  unavailable: 503,
} as const satisfies Record<ErrorCode, number>;

/** The finer words of RFC 7644 §3.12 table 9 and RFC 9865 §2.1. */
export type ScimType =
  | 'invalidFilter'
  | 'tooMany'
  | 'uniqueness'
  | 'mutability'
  | 'invalidSyntax'
  | 'invalidPath'
  | 'noTarget'
  | 'invalidValue'
  | 'invalidVers'
  | 'sensitive'
  | 'invalidCursor'
  | 'expiredCursor'
  | 'invalidCount';

/** The body of every refusal (RFC 7644 §3.12); `status` is a string there. */
export interface ScimErrorBody {
  readonly schemas: readonly [typeof errorSchema];
  readonly status: string;
  readonly scimType?: string;
  readonly detail: string;
  readonly decision_id?: string;
}

/** A malformed request: 400 with `scimType`, and the attribute or path at fault as `member`. */
export function scimRefusal(scimType: ScimType, detail: string, member?: string): AppError {
  return new AppError('invalid_input', detail, { scimType, ...(member === undefined ? {} : { member }) });
}

/** A body for a status that no refusal of ours stands for: 405, 500, 501. */
export function scimErrorBody(status: number, detail: string): ScimErrorBody {
  return { schemas: [errorSchema], status: String(status), detail };
}

/**
 * A refusal in SCIM's words (RFC 7644 §3.12). A 400 always has a `scimType`: `invalidValue` when the refusal names none.
 * The status code to send is `Number(body.status)`.
 */
export function toScimError(error: AppError): ScimErrorBody {
  const scimType = error.details.scimType ?? (error.code === 'invalid_input' ? 'invalidValue' : undefined);
  return {
    ...scimErrorBody(statusOf[error.code], error.message),
    ...(scimType === undefined ? {} : { scimType }),
    ...(error.details.decisionId === undefined ? {} : { decision_id: error.details.decisionId }),
  };
}
