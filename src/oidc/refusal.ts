import { errors, Provider } from 'oidc-provider';
import type { Db } from '../platform/db/db.ts';

/** A refusal or deferral of ours at an OAuth endpoint. */
export interface RefusalInput {
  /** The OAuth error code (RFC 6749 §5.2 and extensions). */
  readonly error: string;
  readonly description: string;
  /** 400 unless the standard says otherwise. */
  readonly status?: number;
  /** Further members of the answer: `decision_id`, `error_uri`, `deferral_code`, `interval`. */
  readonly extra?: Readonly<Record<string, unknown>>;
  /** Written after the request's own writes were rolled back, in a transaction of its own: the decision, the audit event. */
  readonly record?: () => Promise<void>;
}

/** The engine answers with it as with its own errors; the factory adds `extra` to the body. */
export class Refusal extends errors.OIDCProviderError {
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(input: RefusalInput) {
    super(input.status ?? 400, input.error);
    this.error_description = input.description;
    this.extra = input.extra ?? {};
  }
}

/**
 * Ends a token request with an error and undoes everything it wrote, so that the code, refresh token or auth_req_id that was
 * presented can be presented again once the reason is gone.
 */
export function refuse(db: Db, input: RefusalInput): never {
  db.rollback();
  const { record } = input;
  if (record !== undefined) db.afterRollback(() => db.transaction(record));
  throw new Refusal(input);
}

const additions = new WeakMap<object, { readonly error: string; readonly extra: Readonly<Record<string, unknown>> }>();

/**
 * Adds members to the engine's own answer if the request under way ends with this error: for what an adapter knows and cannot
 * throw, like why a client is hidden from the engine. Outside a request of the engine it does nothing.
 */
export function attachToRefusal(error: string, extra: Readonly<Record<string, unknown>>): void {
  const { ctx } = Provider;
  if (ctx !== undefined) additions.set(ctx, { error, extra });
}

/** What the engine's answer to this error carries besides its own members. */
export function additionsTo(ctx: object, error: unknown): Readonly<Record<string, unknown>> {
  if (error instanceof Refusal) return error.extra;
  const addition = additions.get(ctx);
  return error instanceof errors.OIDCProviderError && addition?.error === error.error ? addition.extra : {};
}
