// pg: class 08 connection exception, 57P01–57P05 shutdown and start-up, 53300 too many connections, 55P03 and 57014 our limits on
// waiting for a lock and for a statement; Prisma: P1001, P1002, P1008, P1017, P2024.
const DATABASE_AWAY = /^(08...|57P0.|53300|55P03|57014|P1001|P1002|P1008|P1017|P2024|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT)$/;
// pg raises these without any code.
const DATABASE_AWAY_WORDS =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed)/;

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

/** Asks of an error, then of what caused it, at most five steps deep. */
function isCausedBy(error: unknown, isFault: (fault: Traced) => boolean): boolean {
  let current = error;
  for (let step = 0; step < 5; step += 1) {
    if (typeof current !== 'object' || current === null) return false;
    const fault = current as Traced;
    if (isFault(fault)) return true;
    current = fault.meta?.driverAdapterError ?? fault.cause;
  }
  return false;
}

/**
 * Whether `error`, or what caused it, says that the database cannot be reached or does not answer in time: the answer is then 503
 * with Retry-After, and the next request tries anew.
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  return isCausedBy(error, isConnectionFault);
}

/** Whether PostgreSQL ended this transaction because it and another one waited for each other (40P01): the next try goes through. */
export function isCollision(error: unknown): boolean {
  return isCausedBy(error, ({ code, originalCode }) => code === '40P01' || originalCode === '40P01');
}

// 22021 character not in repertoire (U+0000 in text), 22P05 untranslatable character (the same in JSON).
const NOT_TEXT = /^(22021|22P05)$/;

/** Whether a value from outside holds what PostgreSQL has no text for: the caller's fault, whichever part was about to look it up. */
export function isUnstorableText(error: unknown): boolean {
  return isCausedBy(error, ({ code, originalCode }) => NOT_TEXT.test(String(code)) || NOT_TEXT.test(String(originalCode)));
}
