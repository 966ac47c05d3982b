import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { z } from 'zod';
import type { JsonObject } from '../../authorization-details/index.ts';
import { parseWith } from '../../platform/http/body.ts';
import { type Action, action, context, type Entity, entity } from '../access-request.ts';

/** What is searched for. */
export type SearchKind = 'subject' | 'resource' | 'action';

/** An entity that is being searched for: everything but its id. */
export type Wanted = Omit<Entity, 'id'>;

/** A search (AuthZEN 1.0 §8): the entity that is wanted has no id, an action that is wanted is not there. */
export interface Search {
  readonly kind: SearchKind;
  readonly subject: Entity | Wanted;
  readonly action: Action | undefined;
  readonly resource: Entity | Wanted;
  readonly context: JsonObject | undefined;
  readonly page: { readonly token: string | undefined; readonly limit: number | undefined };
  /** Of everything that must be the same on the next page. */
  readonly hash: string;
}

const MOST_TOKEN = 8_192;
const MOST_RESULTS = 10_000;

// an id where one is wanted is ignored, whatever it is (AuthZEN 1.0 §8.4.1, §8.5.1)
const wanted = entity.omit({ id: true });
const page = z
  .object({ token: z.string().max(MOST_TOKEN).optional(), limit: z.int().min(0).max(MOST_RESULTS).optional(), properties: context })
  .optional();
const SHAPES = {
  subject: z.object({ subject: wanted, action, resource: entity, context, page }),
  resource: z.object({ subject: entity, action, resource: wanted, context, page }),
  action: z.object({ subject: entity, resource: entity, context, page }),
} as const satisfies Record<SearchKind, z.ZodType>;

/**
 * A search request.
 * @throws {AppError} `invalid_input` naming the first member that is missing or malformed.
 */
export function readSearch(kind: SearchKind, body: unknown): Search {
  const read = parseWith(SHAPES[kind], body);
  const { subject, resource, context: given, page: { token, limit, properties } = {} } = read;
  const asked = { kind, subject, action: 'action' in read ? read.action : undefined, resource, context: given };
  const same = canonicalize(JSON.parse(JSON.stringify({ ...asked, properties }))) ?? '';
  return {
    ...asked,
    page: { token: token === '' ? undefined : token, limit },
    hash: createHash('sha256').update(same).digest('base64url'),
  };
}
