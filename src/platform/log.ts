import { type DestinationStream, type Logger, pino } from 'pino';
import type { Config } from './config.ts';

export type { Logger };

/**
 * Members that never reach a log line wherever they stand (security rule: no code, state, hint, request_uri, token or
 * statement parameters). Lines are built from named fields only, so this is the second fence, not the first.
 */
const REDACTED = [
  'password',
  'secret',
  'client_secret',
  'token',
  'access_token',
  'refresh_token',
  'id_token',
  'code',
  'state',
  'login_hint',
  'id_token_hint',
  'login_hint_token',
  'request_uri',
  'assertion',
  'client_assertion',
  'subject_token',
  'actor_token',
  'auth_req_id',
  'authorization',
  'cookie',
  'parameters',
  'params',
  'body',
];

/** One JSON line an event, on standard output unless told otherwise, with secrets removed at the first two levels. */
export function createLogger(level: Config['logLevel'], destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: REDACTED.flatMap((member) => [member, `*.${member}`]), censor: '[removed]' },
    serializers: { err: describeError },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** An error for the log: PostgreSQL's `detail`, `parameters` and `where` quote row values and are left out. */
function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code } = error as Error & { code?: unknown };
  return {
    name: error.name,
    message: error.message,
    code,
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}
