import { z } from 'zod';
import type { Sent } from '../../platform/http/operation.ts';
import type { StoredMapping } from './mapping.ts';

const end = z.object({ resource: z.string(), scope: z.string() });

/** A mapping as the interface answers with it. */
export const mappingBody = z
  .object({ id: z.string(), from: end, to: end, created_by: z.string(), created_at: z.iso.datetime() })
  .meta({ id: 'ScopeMapping' });

/** A record in the form of `mappingBody`. */
export function presentMapping({ id, from, to, createdBy, createdAt }: StoredMapping): Sent<typeof mappingBody> {
  return { id, from, to, created_by: createdBy, created_at: createdAt.toISOString() };
}

/** What an identifier is called; undefined when the record is gone. */
type ResourceName = (identifier: string) => Promise<string | undefined>;

/** A line of views/console/scope-mappings.eta. */
export async function lineOf({ id, from, to }: StoredMapping, nameOf: ResourceName) {
  const [fromName, toName] = await Promise.all([nameOf(from.resource), nameOf(to.resource)]);
  return {
    id,
    from: { name: fromName ?? from.resource, scope: from.scope },
    to: { name: toName ?? to.resource, scope: to.scope },
  };
}
