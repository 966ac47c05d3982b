import { AppError } from '../platform/errors.ts';
import type { ErrorFormat } from '../platform/http/error-boundary.ts';
import type { Failure } from '../platform/http/failure.ts';
import { mediaType, root } from './wire.ts';

const errorSchema = 'urn:ietf:params:scim:api:messages:2.0:Error';

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

/** A body for a status that no refusal of ours stands for: 405, 501. */
export function scimErrorBody(status: number, detail: string): ScimErrorBody {
  return { schemas: [errorSchema], status: String(status), detail };
}

/** A failure in SCIM's words (RFC 7644 §3.12). A 400 always has a `scimType`: `invalidValue` when the refusal names none. */
export function scimErrorOf({ status, message, details }: Failure): ScimErrorBody {
  const scimType = details.scimType ?? (status === 400 ? 'invalidValue' : undefined);
  return {
    ...scimErrorBody(status, message),
    ...(scimType === undefined ? {} : { scimType }),
    ...(details.decisionId === undefined ? {} : { decision_id: details.decisionId }),
  };
}

/** Failures below `/scim/v2`, those of the edge around it too, in the form that SCIM clients read. */
export const scimErrorFormat: ErrorFormat = {
  prefix: root,
  write(ctx, failure) {
    if (failure.status === 401 && !ctx.response.get('WWW-Authenticate')) ctx.set('WWW-Authenticate', 'Bearer');
    ctx.body = JSON.stringify(scimErrorOf(failure));
    ctx.set('Content-Type', mediaType);
  },
};
