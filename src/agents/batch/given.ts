import type { ScimInput } from '../../scim/index.ts';

/** One attribute that somebody gave, or cleared with null: its name, the extension it is of, and the part of it that is meant. */
export interface GivenValue {
  readonly extension?: string;
  readonly name: string;
  readonly subName?: string;
  readonly value: unknown;
}

type Values = Record<string, unknown>;

const objectIn = (value: unknown): Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...(value as Values) } : {};

function put(container: Values, { name, subName, value }: GivenValue): void {
  container[name] = subName === undefined ? value : { ...objectIn(container[name]), [subName]: value };
}

/** A representation with what was given in place of what stood there; everything else stays. Names are those of definitions. */
export function withGiven(representation: ScimInput, given: readonly GivenValue[]): ScimInput {
  const all = objectIn(representation);
  for (const one of given) {
    if (one.extension === undefined) {
      put(all, one);
      continue;
    }
    const part = objectIn(all[one.extension]);
    put(part, one);
    all[one.extension] = part;
  }
  return all;
}
