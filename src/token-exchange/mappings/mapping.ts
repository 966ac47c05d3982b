import { z } from 'zod';
import type { ScopeMapping } from '../narrowing.ts';

/** A mapping as it is kept (security rule R2). It never changes: it is removed, and another one is made. */
export interface StoredMapping extends ScopeMapping {
  readonly id: string;
  /** The typed id of whoever made it. */
  readonly createdBy: string;
  readonly createdAt: Date;
}

const resource = z.string().min(1, 'is empty').max(2_000);
const scope = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, 'is not a scope of at most 128 printable characters');
const end = z.strictObject({ resource, scope });

/** A new mapping as it arrives: who holds `from` may have `to`. */
export const newMapping = z.strictObject({ from: end, to: end });

export type NewMapping = z.output<typeof newMapping>;
