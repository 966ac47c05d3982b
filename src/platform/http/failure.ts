import { isCollision, isDatabaseUnavailable, isUnstorableText } from '../db/availability.ts';
import { AppError, type ErrorCode, type ErrorDetails } from '../errors.ts';

/** An answer to a request that did not work out, in no wire format yet. */
export interface Failure {
  /** `internal` is everything we did not foresee: its cause stands in the log only. */
  readonly code: ErrorCode | 'internal';
  /** The HTTP status. */
  readonly status: number;
  /** A sentence for the caller; never a cause from inside. */
  readonly message: string;
  readonly details: ErrorDetails;
  readonly requestId: string;
}

/** A refusal of the HTTP edge itself whose status is finer than its code's (414, 421 …). */
export class EdgeError extends AppError {
  readonly status: number;

  constructor(status: number, code: ErrorCode, message: string) {
    super(code, message);
    this.status = status;
  }
}

const STATUS = {
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

const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = Object.fromEntries(
  (Object.keys(STATUS) as ErrorCode[]).map((code) => [STATUS[code], code]),
);

const UNAVAILABLE_RETRY_SECONDS = 5;
const COLLISION_RETRY_SECONDS = 1;

/** The HTTP status of a refusal. */
export function statusOf(error: AppError): number {
  return error instanceof EdgeError ? error.status : STATUS[error.code];
}

/** koa's and its parsers' own errors carry a 4xx status and a message that is meant for the caller. */
function edgeErrorOf(error: unknown): AppError | undefined {
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return undefined;
  const isForCaller = 'expose' in error ? error.expose === true : false;
  if (!isForCaller || error.status < 400 || error.status > 499) return undefined;
  return new EdgeError(error.status, CODE_OF_STATUS[error.status] ?? 'invalid_input', error.message);
}

/**
 * What the caller is told about `error`. Refusals speak for themselves; a database out of reach is `unavailable` with a time to
 * retry, and so are two who waited for each other; everything else is `internal` with nothing but the request's id.
 */
export function failureOf(error: unknown, requestId: string): Failure {
  const refusal = error instanceof AppError ? error : edgeErrorOf(error);
  if (refusal !== undefined) {
    return { code: refusal.code, status: statusOf(refusal), message: refusal.message, details: refusal.details, requestId };
  }
  if (isDatabaseUnavailable(error)) {
    const details = { retryAfterSeconds: UNAVAILABLE_RETRY_SECONDS };
    return { code: 'unavailable', status: 503, message: 'The database is out of reach. Try again in a few seconds.', details, requestId };
  }
  if (isCollision(error)) {
    const details = { retryAfterSeconds: COLLISION_RETRY_SECONDS };
    return { code: 'unavailable', status: 503, message: 'Somebody changed the same at this moment. Try again.', details, requestId };
  }
  if (isUnstorableText(error)) {
    return {
      code: 'invalid_input',
      status: 400,
      message: 'The request holds characters that are no text (U+0000).',
      details: {},
      requestId,
    };
  }
  const message = `Something went wrong on our side. Name this id when you report it: ${requestId}`;
  return { code: 'internal', status: 500, message, details: {}, requestId };
}
