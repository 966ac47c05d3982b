import type { Bounds, EnrollingClient } from './client.ts';

/** What an agent asks for its child. */
export interface Wanted {
  readonly scopes: readonly string[] | undefined;
  /** In canonical form. */
  readonly resources: readonly string[] | undefined;
  /** Whether the child may enrol agents itself. */
  readonly isParent: boolean;
}

/** The bounds, or the first thing that goes beyond those of the parent. */
export type ChildBounds =
  | { readonly ok: true; readonly bounds: Bounds }
  | { readonly ok: false; readonly error: 'invalid_scope' | 'invalid_target'; readonly excess: string };

function excessOf(wanted: readonly string[] | undefined, held: readonly string[] | undefined): string | undefined {
  return held === undefined ? undefined : wanted?.find((one) => !held.includes(one));
}

/**
 * What a child's registration is bound to: what its parent's client is registered for, or less. The child may use no grant that
 * its parent may not, and redirect nowhere else. Pure.
 */
export function childBounds(parent: EnrollingClient, wanted: Wanted, enrolling: string): ChildBounds {
  const { scopes: held = parent.bounds.scopes } = parent;
  const scope = excessOf(wanted.scopes, held);
  if (scope !== undefined) return { ok: false, error: 'invalid_scope', excess: scope };
  const resource = excessOf(wanted.resources, parent.bounds.resources);
  if (resource !== undefined) return { ok: false, error: 'invalid_target', excess: resource };
  const grantTypes = parent.grantTypes.filter((grant) => wanted.isParent || grant !== enrolling);
  const bounds = {
    scopes: wanted.scopes ?? held,
    resources: wanted.resources ?? parent.bounds.resources,
    redirectPatterns: parent.bounds.redirectPatterns,
    grantTypes,
  };
  return { ok: true, bounds };
}
