const CLASSES = ['08', '57P', '53']; // connection exceptions, operator intervention (shutdown, crash), insufficient resources
const NODE_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
const SENTENCES =
  /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed|Cannot use a pool after calling end/;

/**
 * Whether an error says that the database is away rather than that we did something wrong: the answer is then 503 with
 * Retry-After, and the next request tries anew. Follows `cause`, because Prisma and the engine wrap what they caught.
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  for (let current = error, depth = 0; current instanceof Error && depth < 6; current = current.cause, depth += 1) {
    const code = (current as Error & { code?: unknown }).code;
    if (typeof code === 'string' && (NODE_CODES.has(code) || CLASSES.some((prefix) => code.startsWith(prefix)))) return true;
    if (SENTENCES.test(current.message)) return true;
  }
  return false;
}
