import type { Context } from 'koa';
import { z } from 'zod';
import type { ErrorCode, TextFault } from '../errors.ts';
import type { Failure } from './failure.ts';

const TITLES = {
  invalid_input: 'The request is malformed',
  unauthenticated: 'Authentication is required',
  forbidden: 'Not allowed',
  not_found: 'Not found',
  conflict: 'The state does not allow this',
  precondition_failed: 'It has changed since you read it',
  too_many_requests: 'Too many requests',
  too_large: 'The request is too large',
  unsupported_media_type: 'This media type is not supported',
  unavailable: 'Temporarily unavailable',
} as const satisfies Record<ErrorCode, string>;

/** The short, unchanging words for a kind of failure (RFC 9457 §3.1.3 `title`). */
export function titleOf(code: Failure['code']): string {
  return code === 'internal' ? 'Internal error' : TITLES[code];
}

/** A `TextFault` as it leaves the server. */
export const textFaultBody = z.object({ line: z.int(), column: z.int(), message: z.string() }).meta({ id: 'TextFault' });

/** A problem details object (RFC 9457 §3) as it leaves the server; members of ours are snake_case. */
export interface ProblemDetails {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly code: Failure['code'];
  readonly member?: string;
  readonly decision_id?: string;
  readonly faults?: readonly TextFault[];
}

/** `failure` as a problem details object (RFC 9457 §3). `type` is a URN that ends in our code; `instance` names the request. */
export function problemOf(failure: Failure): ProblemDetails {
  const { member, decisionId, faults } = failure.details;
  return {
    type: `urn:behalf:problem:${failure.code}`,
    title: titleOf(failure.code),
    status: failure.status,
    detail: failure.message,
    instance: `urn:behalf:request:${failure.requestId}`,
    code: failure.code,
    ...(member === undefined ? {} : { member }),
    ...(decisionId === undefined ? {} : { decision_id: decisionId }),
    ...(faults === undefined ? {} : { faults }),
  };
}

/** Answers with `application/problem+json` (RFC 9457 §6.1). */
export function writeProblem(ctx: Context, failure: Failure): void {
  ctx.body = JSON.stringify(problemOf(failure));
  ctx.type = 'application/problem+json';
}
