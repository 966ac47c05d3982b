import type { Context } from 'koa';
import { z } from 'zod';
import { parseWith } from './body.ts';

/** Which part of a list is wanted: at most `limit` records after the one with the id `after`. */
export interface PageQuery {
  readonly after: string | undefined;
  readonly limit: number;
}

/** A page of a list as it leaves the server; without `next_cursor` it is the last one. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next_cursor?: string;
}

/** `cursor` and `limit` (1–200, default 50) of a list request; extend it with the filters of a list. */
export const pageQuery = z.object({
  cursor: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,200}$/, 'is not a cursor of ours')
    .optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

/** The schema of a page whose items are `item`. */
export function pageBody<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), next_cursor: z.string().optional() });
}

/** Where a list goes on: what `pageQuery` read, with the cursor opened. */
export function startOf({ cursor, limit }: z.output<typeof pageQuery>): PageQuery {
  return { after: cursor === undefined ? undefined : Buffer.from(cursor, 'base64url').toString(), limit };
}

/** Reads `cursor` and `limit` of the address of a page. @throws {AppError} `invalid_input` */
export function readPageQuery(ctx: Context): PageQuery {
  return startOf(parseWith(pageQuery, { ...ctx.query }));
}

/** Cuts a list that was read one longer than wanted into a page, and says where the next one begins. */
export function pageOf<T>(records: readonly T[], limit: number, idOf: (record: T) => string): Page<T> {
  const items = records.slice(0, limit);
  const last = items.at(-1);
  if (records.length <= limit || last === undefined) return { items };
  return { items, next_cursor: Buffer.from(idOf(last)).toString('base64url') };
}
