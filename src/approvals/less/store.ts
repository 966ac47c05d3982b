import type { Db } from '../../platform/db/db.ts';
import type { Approval } from '../approval.ts';

/** Keeps what was granted in place of what was asked, and what was asked beside it; in the transaction of the decision. */
export async function keepLess({ db }: { readonly db: Db }, { id, details, detailsHash, scope }: Approval): Promise<void> {
  await db.rows({
    name: 'approval-less',
    text: `UPDATE approvals SET asked_details = details, asked_scope = scope, details = $2::jsonb, details_hash = $3, scope = $4
           WHERE id = $1 AND status = 'approved' AND asked_details IS NULL`,
    values: [id, JSON.stringify(details), detailsHash, scope],
  });
}
