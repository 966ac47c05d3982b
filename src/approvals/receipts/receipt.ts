import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { JWTPayload } from 'jose';
import type { PasskeyAssertion } from '../../accounts/index.ts';
import type { Approval } from '../approval.ts';
import type { Described } from '../shown.ts';

/** The `typ` of a receipt (RFC 8725 §3.11). */
export const RECEIPT_TYPE = 'approval-receipt+jwt';

/** What a receipt is made of besides the question itself. */
export interface ReceiptFacts {
  readonly issuer: string;
  /** What was shown, and what a passkey signed over its hash if one was asked for. */
  readonly described: Pick<Described, 'shown' | 'hash'> & { readonly assertion?: PasskeyAssertion | undefined };
  /** The value of `approved_by` in the claim of tokens: ties the two together at the resource without telling who it is. */
  readonly approvedBy: string;
  readonly policyVersion: string;
}

const hashOf = (assertion: PasskeyAssertion): string =>
  `sha-256:${createHash('sha256')
    .update(canonicalize(assertion) ?? '')
    .digest('base64url')}`;
const secondsOf = (at: Date): number => Math.floor(at.getTime() / 1000);

/**
 * What a decided approval proves, as the claims of a JWS: who decided what, when, under which sign-in and which rules, and exactly
 * what they were shown. `shown_hash` is `sha-256:` and the SHA-256 of the JCS form (RFC 8785) of `shown`; `details_hash` the same
 * of `authorization_details`, and equal to the `approval.details_hash` of every token of this approval. Where a passkey confirmed, `approver.assertion` holds what it signed; its challenge is `shown_hash`.
 */
export function receiptOf(approval: Approval, { issuer, described, approvedBy, policyVersion }: ReceiptFacts): JWTPayload {
  const { decision, approvedUntil, maxUses } = approval;
  if (decision === undefined) throw new TypeError('there is no receipt of what nobody decided');
  const { at, by, acr, amr, authTime } = decision;
  return {
    iss: issuer,
    jti: approval.id,
    iat: secondsOf(at),
    decision: approval.status,
    sub: approval.accountId,
    client_id: approval.clientId,
    act: { iss: issuer, sub: approval.agentId, sub_profile: 'ai_agent' },
    approver: {
      sub: by,
      by: by === approval.accountId ? 'subject' : 'other',
      approved_by: approvedBy,
      ...(acr === undefined ? {} : { acr }),
      ...(amr.length === 0 ? {} : { amr: [...amr] }),
      ...(authTime === undefined ? {} : { auth_time: secondsOf(authTime) }),
      ...(described.assertion === undefined ? {} : { assertion: described.assertion, assertion_hash: hashOf(described.assertion) }),
    },
    ...(approval.resource === undefined ? {} : { resource: approval.resource }),
    scope: [approval.identityScope, approval.scope].filter((scopes) => scopes !== '').join(' '),
    ...(approval.asked === undefined ? {} : { asked: { scope: approval.asked.scope, authorization_details: approval.asked.details } }),
    authorization_details: approval.details,
    details_hash: approval.detailsHash,
    shown: { label: 'behalf approval shown 1', ...described.shown },
    shown_hash: described.hash,
    policy_version: policyVersion,
    requested_at: secondsOf(approval.requestedAt),
    ...(approvedUntil === undefined ? {} : { approved_until: secondsOf(approvedUntil) }),
    ...(maxUses === undefined ? {} : { max_uses: maxUses }),
  };
}
