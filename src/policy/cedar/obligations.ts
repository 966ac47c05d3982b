import { isAtLeast } from '../../accounts/index.ts';
import type { Approvers, Obligation, Question } from '../question.ts';

/** Whether what lifts a policy has happened. Pure; who approved as what stands in the question. */
export function isMet(obligation: Obligation, { context }: Question): boolean {
  if (obligation.kind === 'approval') {
    if (context.isApproved !== true) return false;
    return obligation.by.some((approver) => context.approvers?.includes(approver) === true);
  }
  const { acr, maxAgeSeconds } = obligation;
  if (context.acr === undefined || !isAtLeast(context.acr, acr)) return false;
  if (maxAgeSeconds === undefined) return true;
  return context.authTime !== undefined && context.at.getTime() - context.authTime.getTime() <= maxAgeSeconds * 1000;
}

function approverWords(approver: Approvers): string {
  switch (approver) {
    case 'subject':
      return 'the person it is for';
    case 'owner':
      return 'the owner of the agent';
    case 'administrators':
      return 'an administrator';
    case 'manager':
      return 'the manager of the person it is for';
    default:
      return `somebody of the group ${approver.slice('group:'.length)}`;
  }
}

/** What is missing, and how to get it, in sentences. */
export function wordsOf(obligation: Obligation): { readonly reason: string; readonly remedy: string } {
  if (obligation.kind === 'approval') {
    const who = obligation.by.map(approverWords).join(' or ');
    return {
      reason: `This needs an approval by ${who}.`,
      remedy: 'Ask for the approval by backchannel authentication (CIBA), with the same scope and details.',
    };
  }
  const { acr, maxAgeSeconds } = obligation;
  const fresh = maxAgeSeconds === undefined ? '' : `, not longer than ${maxAgeSeconds} seconds ago`;
  return { reason: `This needs a stronger sign-in: ${acr}${fresh}.`, remedy: `Send the person to sign in again with acr_values ${acr}.` };
}
