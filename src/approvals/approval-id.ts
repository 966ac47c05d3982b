import { z } from 'zod';
import { AppError } from '../platform/errors.ts';

/** The id of an approval as it stands in addresses. */
export const approvalId = z.string().regex(/^apr_[0-9a-f]{32}$/);

/** The approval that an address names. @throws {AppError} `not_found` for what is no id. */
export function readApprovalId(id: string | undefined): string {
  const parsed = approvalId.safeParse(id);
  if (!parsed.success) throw new AppError('not_found', 'There is no such question, or it is not for you.');
  return parsed.data;
}
