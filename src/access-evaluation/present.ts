import type { JsonObject } from '../authorization-details/index.ts';
import type { Answer, Obligation } from '../policy/index.ts';

/** An answer as it leaves the server (AuthZEN 1.0 §5.5). */
export interface DecisionAnswer {
  readonly decision: boolean;
  readonly context?: Readonly<Record<string, unknown>>;
}

/** Types of the Obligations Profile that an answer may carry; an approval is our own. */
export const OBLIGATION_TYPES = ['step-up', 'custom'] as const;

/** What a caller does next: ask a person, come back after another sign-in, or nothing (Access Request and Approval Profile). */
const NEXT = { permit: 'none', deny: 'none', approval: 'request', step_up: 'retry' } as const;

const USER_WORDS = {
  deny: 'You may not do this.',
  approval: 'This needs the approval of a person first.',
  step_up: 'This needs a stronger or fresher sign-in first.',
} as const;

/** One word a program can act upon. */
const REASONS = { deny: 'policy_denied', approval: 'approval_required', step_up: 'step_up_required' } as const;

function obligationOf(obligation: Obligation): Readonly<Record<string, unknown>> {
  if (obligation.kind === 'approval')
    return { id: 'approval', type: 'custom', properties: { vendor: 'behalf', action: 'approval', by: obligation.by } };
  const { acr, maxAgeSeconds } = obligation;
  return {
    id: 'step-up',
    type: 'step-up',
    properties: { acr_value: acr, ...(maxAgeSeconds === undefined ? {} : { max_age: maxAgeSeconds }) },
  };
}

/** What the caller says it can carry out (Obligations Profile, negotiation); undefined: it says nothing. */
function supportedBy(context: JsonObject | undefined): readonly unknown[] | undefined {
  const supported = context?.['supported_obligations'];
  return Array.isArray(supported) ? supported : undefined;
}

/**
 * The answer of the policies for the resource server that asked. A refusal says why in words for the person and for whoever
 * runs the server, where the decision can be read, and what would allow it; `id` is that of the decision, if it is kept.
 */
export function presentAnswer(
  answer: Answer,
  about: { readonly id: string | undefined; readonly context: JsonObject | undefined },
): DecisionAnswer {
  const { effect, reason, remedy, obligation } = answer;
  const decided = about.id === undefined ? {} : { decision_id: about.id };
  if (effect === 'permit') return about.id === undefined ? { decision: true } : { decision: true, context: decided };
  const supported = supportedBy(about.context);
  const all = obligation === undefined ? [] : [obligationOf(obligation)];
  const obligations = all.filter(({ type }) => supported?.includes(type) ?? true);
  return {
    decision: false,
    context: {
      reason: REASONS[effect],
      reason_user: { '403': USER_WORDS[effect] },
      reason_admin: { '403': `${reason} ${remedy}` },
      next_action: NEXT[effect],
      ...(obligations.length === 0 ? {} : { obligations }),
      ...decided,
    },
  };
}

/** An entry of a list that could not be asked (AuthZEN 1.0 §7.2.1). */
export function presentFault(fault: string): DecisionAnswer {
  return { decision: false, context: { error: { status: 400, message: fault } } };
}
