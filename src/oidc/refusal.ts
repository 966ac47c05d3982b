import { errors } from 'oidc-provider';
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
