import { issuerOf } from '../../oidc/index.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import type { Vault } from '../../platform/vault.ts';
import type { Approval } from '../approval.ts';
import { RECEIPT_TYPE, type ReceiptFacts, receiptOf } from './receipt.ts';
import { createReceiptStore, type ReceiptStore } from './store.ts';

/** Signs for good what was decided. */
export interface Receipts {
  /** Signs and keeps the receipt of a decision, in its transaction. */
  make(decided: Approval, described: ReceiptFacts['described']): Promise<void>;
  /** @throws {AppError} `not_found` */
  get(approvalId: string): Promise<NonNullable<Awaited<ReturnType<ReceiptStore['find']>>>>;
}

/** What receipts stand on. */
export interface ReceiptDeps {
  readonly db: Db;
  readonly issuer: URL;
  readonly vault: Pick<Vault, 'fingerprint'>;
  /** The keys for receipts, which are none for tokens (R17). */
  readonly proofs: {
    sign(purpose: 'receipts', proof: { readonly typ: string; readonly claims: ReturnType<typeof receiptOf> }): Promise<string>;
  };
  /** Names the rules in force. */
  readonly policyVersion: () => string;
}

/** The same for one person at one resource, and says nothing else (contract.md "Tokens" `approved_by`). */
export function approvedByOf({ resource, decision }: Approval, vault: Pick<Vault, 'fingerprint'>): string {
  const approver = vault.fingerprint('approver', JSON.stringify([resource ?? '', decision?.by ?? '']));
  return approver.subarray(0, 16).toString('base64url');
}

/** The receipts over their store. */
export function createReceipts(deps: ReceiptDeps): Receipts {
  const store = createReceiptStore(deps);
  return {
    async make(decided, described) {
      const about = { issuer: issuerOf(deps.issuer), described, policyVersion: deps.policyVersion() };
      const claims = receiptOf(decided, { ...about, approvedBy: approvedByOf(decided, deps.vault) });
      await store.keep(decided.id, await deps.proofs.sign('receipts', { typ: RECEIPT_TYPE, claims }));
    },
    async get(approvalId) {
      const found = await store.find(approvalId);
      if (found === undefined) throw new AppError('not_found', 'There is no such receipt, or it is not for you.');
      return found;
    },
  };
}
