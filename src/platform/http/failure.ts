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

// pg: class 08 connection exception, 57P01–57P05 shutdown and start-up, 53300 too many connections; Prisma: P1001, P1002, P1008, P1017, P2024.
const DATABASE_AWAY = /^(08...|57P0.|53300|P1001|P1002|P1008|P1017|P2024|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT)$/;
// pg raises these two without any code.
const DATABASE_AWAY_WORDS = /^(Connection terminated|timeout exceeded when trying to connect)/;

interface Traced {
  readonly code?: unknown;
  readonly originalCode?: unknown;
  readonly syscall?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
  readonly meta?: { readonly driverAdapterError?: unknown };
}

function isConnectionFault(fault: Traced): boolean {
  if (fault.code === 'ENOENT') return fault.syscall === 'connect';
  if (DATABASE_AWAY.test(String(fault.code)) || DATABASE_AWAY.test(String(fault.originalCode))) return true;
  return typeof fault.message === 'string' && DATABASE_AWAY_WORDS.test(fault.message);
}

/** Whether `error`, or what caused it (up to five steps), says that the database cannot be reached: the caller may try again. */
export function isDatabaseAway(error: unknown): boolean {
  let current = error;
  for (let step = 0; step < 5; step += 1) {
    if (typeof current !== 'object' || current === null) return false;
    const fault = current as Traced;
    if (isConnectionFault(fault)) return true;
    current = fault.meta?.driverAdapterError ?? fault.cause;
  }
  return false;
}

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
 * retry; everything else is `internal` with nothing but the request's id.
 */
export function failureOf(error: unknown, requestId: string): Failure {
  const refusal = error instanceof AppError ? error : edgeErrorOf(error);
  if (refusal !== undefined) {
    return { code: refusal.code, status: statusOf(refusal), message: refusal.message, details: refusal.details, requestId };
  }
  if (isDatabaseAway(error)) {
    const details = { retryAfterSeconds: UNAVAILABLE_RETRY_SECONDS };
    return { code: 'unavailable', status: 503, message: 'The database is out of reach. Try again in a few seconds.', details, requestId };
  }
  const message = `Something went wrong on our side. Name this id when you report it: ${requestId}`;
  return { code: 'internal', status: 500, message, details: {}, requestId };
}
