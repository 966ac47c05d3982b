import { createHash, createPublicKey, type JsonWebKey, verify } from 'node:crypto';
import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import type { Approval, AuthorizationDetail } from './authorization.ts';
import { canonicalJson } from './canonical-json.ts';
import { equalsInConstantTime, sha256Base64Url } from './compare.ts';

/** What a person decided, as the authorization server signed it. */
export interface ApprovalReceipt {
  readonly id: string;
  readonly decision: 'approved' | 'denied';
  readonly decidedAt: Date;
  /** Whose authority was asked for, and who answered; `by` tells whether they are the same person. */
  readonly subject: string;
  readonly approver: {
    readonly subject: string;
    readonly by: 'subject' | 'other';
    readonly acr: string | undefined;
    /** A passkey signed the hash of what was shown, at the click. */
    readonly byPasskey: boolean;
  };
  readonly agent: string;
  readonly client: string;
  readonly resource: string | undefined;
  readonly authorizationDetails: readonly AuthorizationDetail[];
  readonly policyVersion: string;
  /** All claims, verified: `shown` among them is every word that was on the page. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** What a receipt is held against. */
export interface ReceiptExpectations {
  readonly issuer: string;
  /** The keys of `<issuer>/jwks/receipts`; they are kept for good, so a copy of them is enough years later. */
  readonly keys: JSONWebKeySet;
  /** The approval that a token stands on: the receipt must be of that one. */
  readonly approval?: Approval | undefined;
}

/** A receipt that does not prove what it says. */
export class ReceiptRefused extends Error {
  override readonly name = 'ReceiptRefused';
}

const hashOf = (value: unknown): string => `sha-256:${sha256Base64Url(canonicalJson(value))}`;

function demand(isSo: boolean, otherwise: string): void {
  if (!isSo) throw new ReceiptRefused(otherwise);
}

function isSame(left: unknown, right: unknown): boolean {
  return typeof left === 'string' && typeof right === 'string' && equalsInConstantTime(left, right);
}

async function payloadOf(receipt: string, { issuer, keys }: ReceiptExpectations): Promise<JWTPayload> {
  try {
    const rules = { issuer, typ: 'approval-receipt+jwt', algorithms: ['ES256'] };
    return (await jwtVerify(receipt, createLocalJWKSet(keys), rules)).payload;
  } catch (error) {
    throw new ReceiptRefused('the signature, the issuer or the type of the receipt is not right', { cause: error });
  }
}

/** The part of the claims that is about who answered. */
type Approver = Readonly<Record<'sub' | 'by' | 'acr' | 'approved_by', string | undefined>> & { readonly assertion?: Assertion };

interface Assertion {
  readonly client_data: string;
  readonly authenticator_data: string;
  readonly signature: string;
  readonly public_key: JsonWebKey;
}

/** WebAuthn Level 3 §6.1: the flag UV, behind the hash of the site. */
const isUserVerified = (authenticatorData: Buffer): boolean => ((authenticatorData[32] ?? 0) & 0x04) !== 0;

/** WebAuthn Level 3 §7.2: the passkey signed exactly what was shown. */
function checkAssertion(
  { client_data: clientData, authenticator_data: data, signature, public_key: jwk }: Assertion,
  claims: JWTPayload,
): void {
  const [said, authenticator, signed] = [clientData, data, signature].map((text) => Buffer.from(text, 'base64url')) as [
    Buffer,
    Buffer,
    Buffer,
  ];
  const covers = Buffer.concat([authenticator, createHash('sha256').update(said).digest()]);
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  demand(verify(jwk.kty === 'OKP' ? null : 'sha256', covers, key, signed), 'the passkey did not sign this');
  const { type, challenge } = JSON.parse(said.toString()) as { type?: unknown; challenge?: unknown };
  demand(type === 'webauthn.get' && isUserVerified(authenticator), 'the passkey did not check who held it');
  demand(isSame(`sha-256:${String(challenge)}`, claims['shown_hash']), 'the passkey signed something else');
}

/**
 * Verifies a receipt without asking anybody: its signature, that its hashes cover what it says was shown and decided, and, where
 * a passkey confirmed, that it signed the hash of what was shown; where `approval` is given, that it is the receipt of that approval, with the same details and the same approver.
 * @throws ReceiptRefused
 */
export async function verifyApprovalReceipt(receipt: string, expected: ReceiptExpectations): Promise<ApprovalReceipt> {
  const claims = (await payloadOf(receipt, expected)) as Record<string, unknown> & JWTPayload;
  const approver = claims['approver'] as Approver;
  const shown = claims['shown'] as Readonly<Record<string, unknown>>;
  const details = claims['authorization_details'] as readonly AuthorizationDetail[];
  demand(isSame(hashOf(shown), claims['shown_hash']), 'what was shown is not what the receipt covers');
  demand(isSame(hashOf(details), claims['details_hash']), 'the details are not those that were decided');
  demand(isSame(shown['detailsHash'], claims['details_hash']), 'other details were shown than decided');
  if (approver['assertion'] !== undefined) checkAssertion(approver['assertion'], claims);
  const { approval } = expected;
  if (approval !== undefined) {
    demand(approval.id === claims.jti && claims['decision'] === 'approved', 'the receipt is of another approval');
    demand(isSame(approval.detailsHash, claims['details_hash']), 'the token holds other details than were approved');
    demand(isSame(approval.approvedBy, approver['approved_by']), 'somebody else approved what the token stands on');
  }
  return {
    id: String(claims.jti),
    decision: claims['decision'] === 'approved' ? 'approved' : 'denied',
    decidedAt: new Date(Number(claims.iat) * 1000),
    subject: String(claims.sub),
    approver: {
      subject: String(approver['sub']),
      by: approver.by === 'subject' ? 'subject' : 'other',
      acr: approver.acr,
      byPasskey: approver.assertion !== undefined,
    },
    agent: String((claims['act'] as Record<string, unknown>)['sub']),
    client: String(claims['client_id']),
    resource: typeof claims['resource'] === 'string' ? claims['resource'] : undefined,
    authorizationDetails: details,
    policyVersion: String(claims['policy_version']),
    claims,
  };
}
