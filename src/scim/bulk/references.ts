const prefix = 'bulkId:';

/** The bulkId that a value refers to: a string that is wholly `bulkId:…` (RFC 7644 §3.7.2). Undefined when it is no reference. */
export function referenceIn(value: unknown): string | undefined {
  return typeof value === 'string' && value.startsWith(prefix) ? value.slice(prefix.length) : undefined;
}

/** Every bulkId that some value in `data` refers to, at any depth. */
export function referencesIn(data: unknown): readonly string[] {
  const reference = referenceIn(data);
  if (reference !== undefined) return [reference];
  return typeof data === 'object' && data !== null ? Object.values(data).flatMap(referencesIn) : [];
}

/** A copy of `data` with every reference replaced by what `idOf` says of it; `idOf` may throw. */
export function withReferences(data: unknown, idOf: (bulkId: string) => string): unknown {
  const reference = referenceIn(data);
  if (reference !== undefined) return idOf(reference);
  if (Array.isArray(data)) return data.map((each) => withReferences(each, idOf));
  if (typeof data !== 'object' || data === null) return data;
  return Object.fromEntries(Object.entries(data).map(([name, value]) => [name, withReferences(value, idOf)]));
}

/** What an operation is waiting for: the places of the operations that it refers to. */
export type Dependencies = readonly (readonly number[])[];

/** An operation in the order of work. */
export interface OrderedPlace {
  readonly place: number;
  /** It needs itself, through whichever others: it cannot be done first nor last (RFC 7644 §3.7.1). */
  readonly isCircular: boolean;
}

/**
 * All places in an order in which each comes after what it depends on, otherwise as they were sent. These are Tarjan's strongly
 * connected components, which come out in just that order: more than one place in a component, or one that names itself, is a cycle.
 */
export function inDependencyOrder(dependencies: Dependencies): readonly OrderedPlace[] {
  const ordered: OrderedPlace[] = [];
  const numberOf = new Map<number, number>();
  const isOpen = new Set<number>();
  const open: number[] = [];

  const close = (root: number): void => {
    const component = open.splice(open.indexOf(root)).sort((left, right) => left - right);
    const isCircular = component.length > 1 || (dependencies[root] ?? []).includes(root);
    for (const place of component) {
      isOpen.delete(place);
      ordered.push({ place, isCircular });
    }
  };
  /** The earliest place still open that can be reached from here. */
  const visit = (place: number): number => {
    const own = numberOf.size;
    let earliest = own;
    numberOf.set(place, own);
    isOpen.add(place);
    open.push(place);
    for (const next of dependencies[place] ?? []) {
      const known = numberOf.get(next);
      if (known === undefined) earliest = Math.min(earliest, visit(next));
      else if (isOpen.has(next)) earliest = Math.min(earliest, known);
    }
    if (earliest === own) close(place);
    return earliest;
  };
  for (const place of dependencies.keys()) if (!numberOf.has(place)) visit(place);
  return ordered;
}
