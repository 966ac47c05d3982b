/** Answers by what was asked, the most recent ones. */
export interface Memory<Value> {
  of(key: string, make: () => Value): Value;
}

/** Keeps up to `most` answers; the oldest makes room. For what depends on nothing but its key. */
export function createMemory<Value>(most: number): Memory<Value> {
  const known = new Map<string, Value>();
  return {
    of(key, make) {
      const before = known.get(key);
      if (before !== undefined) return before;
      const value = make();
      if (known.size >= most) known.delete(known.keys().next().value ?? '');
      known.set(key, value);
      return value;
    },
  };
}
