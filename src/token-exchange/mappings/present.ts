import type { StoredMapping } from './mapping.ts';

/** A mapping as the interface answers with it. */
export function presentMapping({ id, from, to, createdBy, createdAt }: StoredMapping): Readonly<Record<string, unknown>> {
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
