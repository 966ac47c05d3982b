import { z } from 'zod';
import type { AuthorizationDetail } from '../../authorization-details/index.ts';
import { parseWith } from '../../platform/http/body.ts';
import type { Form } from '../../platform/http/web.ts';
import type { Less } from './less.ts';

const detail = z.looseObject({ type: z.string().max(128) });

/** What is granted in place of what was asked, as programs and the second page send it. */
export const grantedBody = z.strictObject({
  authorization_details: z.array(detail).max(10).optional(),
  scope: z.string().max(2_000).optional(),
});

/** A decision of a program: with what is granted, where that is less than what was asked. */
export const decisionBody = grantedBody.extend({ decision: z.enum(['approve', 'deny']), shown: z.string().max(200) });

/** What a body grants; undefined when it says nothing about it: all that was asked. */
export function lessIn({ authorization_details: details, scope }: z.output<typeof grantedBody>): Less | undefined {
  if (details === undefined && scope === undefined) return undefined;
  return { details: (details ?? []) as unknown as readonly AuthorizationDetail[], scope: scope ?? '' };
}

/** The hidden field of the page that shows less; empty on the page of the whole question. @throws {AppError} `invalid_input`. */
export function readGranted(text: Form[string]): Less | undefined {
  if (text === undefined || text === '') return undefined;
  const parsed = z.string().max(16_384).transform(parseJson).pipe(grantedBody);
  return lessIn(parseWith(parsed, text));
}

function parseJson(text: string, context: z.RefinementCtx): unknown {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'is not JSON' });
    return z.NEVER;
  }
}
