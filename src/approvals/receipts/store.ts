import type { Db } from '../../platform/db/db.ts';

/** Receipts beside their approvals. */
export interface ReceiptStore {
  /** Keeps the receipt of a decided approval, once. */
  keep(approvalId: string, receipt: string): Promise<void>;
  /** The receipt, and the resource it is about; undefined when nobody decided, or before there were receipts. */
  find(
    approvalId: string,
  ): Promise<{ readonly receipt: string; readonly accountId: string; readonly resource: string | undefined } | undefined>;
}

interface Row {
  readonly receipt: string;
  readonly account_id: string;
  readonly resource: string | null;
}

/** The store over PostgreSQL. */
export function createReceiptStore({ db }: { readonly db: Db }): ReceiptStore {
  return {
    async keep(approvalId, receipt) {
      const text = 'UPDATE approvals SET receipt = $2 WHERE id = $1 AND receipt IS NULL';
      await db.rows({ name: 'approval-receipt-keep', text, values: [approvalId, receipt] });
    },
    async find(approvalId) {
      const text = 'SELECT receipt, account_id, resource FROM approvals WHERE id = $1 AND receipt IS NOT NULL';
      const row = await db.row<Row>({ name: 'approval-receipt-find', text, values: [approvalId] });
      return row && { receipt: row.receipt, accountId: row.account_id, resource: row.resource ?? undefined };
    },
  };
}
