import { z } from 'zod';
import { newDelegation } from '../delegation.ts';

/** Somebody asks that one agent may take over tokens from another. */
export interface DelegationRequest {
  readonly id: string;
  readonly fromAgentId: string;
  readonly toAgentId: string;
  /** Identifiers of resource servers, in canonical form. */
  readonly resources: readonly string[];
  readonly scopes: readonly string[];
  readonly detailTypes: readonly string[];
  /** How long the delegation would hold. */
  readonly until: Date;
  /** In the words of whoever asked. */
  readonly reason: string;
  /** The agent or person that asked. */
  readonly requestedBy: string;
  readonly requestedAt: Date;
  /** Nobody answered until then: it lapses. */
  readonly expiresAt: Date;
  readonly outcome: 'approved' | 'declined' | 'expired' | undefined;
  readonly decidedBy: string | undefined;
  readonly decidedAt: Date | undefined;
  readonly delegationId: string | undefined;
}

/** What stands between asking and an answer. */
export const REQUEST_STATES = ['pending', 'approved', 'declined', 'expired'] as const;
export type RequestState = (typeof REQUEST_STATES)[number];

/** What it is at a moment; a request that ran out counts as expired before anybody wrote that down. */
export function stateOf({ outcome, expiresAt }: Pick<DelegationRequest, 'outcome' | 'expiresAt'>, now: Date): RequestState {
  return outcome ?? (expiresAt.getTime() > now.getTime() ? 'pending' : 'expired');
}

/** What a reason may be: one line of at most 300 characters that reads as it is written. */
export const reasonText = z
  .string()
  .trim()
  .min(1, 'is empty')
  .max(300, 'is longer than 300 characters')
  .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u, 'holds control characters');

/** A request as it arrives. Nobody asks to act without being named: that is an administrator's to say. */
export const newDelegationRequest = newDelegation.omit({ impersonation: true }).extend({ reason: reasonText });

/** What is known of somebody who would decide. */
export interface DeciderFacts {
  readonly accountId: string;
  readonly isAdministrator: boolean;
  /** There is no other administrator. */
  readonly isSole: boolean;
  readonly ownsFrom: boolean;
  readonly ownsTo: boolean;
}

/**
 * Why somebody may not decide; undefined when they may (security rule R8): the owner of the agent that hands on, or an administrator,
 * but never whoever asked, and never somebody who answers for the agent that would receive. The only administrator there is may
 * decide about agents of their own, or nobody could.
 */
export function reasonNotToDecide(request: Pick<DelegationRequest, 'requestedBy'>, decider: DeciderFacts): string | undefined {
  const { accountId, isAdministrator, isSole, ownsFrom, ownsTo } = decider;
  if (!ownsFrom && !isAdministrator) return 'Only the owner of the agent that hands on, or an administrator, decides this.';
  if (isAdministrator && isSole) return undefined;
  if (request.requestedBy === accountId) return 'You asked for this yourself: somebody else has to decide.';
  return ownsTo ? 'You answer for the agent that would receive: somebody else has to decide.' : undefined;
}
