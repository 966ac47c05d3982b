/** Something that may be a result, with the place after which the next one comes. */
export interface Candidate<T> {
  readonly value: T;
  readonly place: string;
}

/** Candidates in a fixed order, after a place ('' is the beginning), at most `limit`: fewer than that means there are no more. */
export type Candidates<T> = (after: string, limit: number) => Promise<readonly Candidate<T>[]>;

/** Results in order; `next` is where to go on, undefined at the end. */
export interface Scanned<T> {
  readonly results: readonly T[];
  readonly next: string | undefined;
}

/** What one page may cost: so many questions, so many at a time. */
const MOST_SCANNED = 200;
const AT_ONCE = 50;

/**
 * Goes through candidates until `limit` of them are permitted, or until a page has cost enough: it may hold fewer results than
 * asked for and still not be the last (AuthZEN 1.0 §8.2). Nothing is kept but the page.
 */
export async function scan<T>(
  candidates: Candidates<T>,
  isPermitted: (candidate: T) => Promise<boolean>,
  from: { readonly after: string; readonly limit: number },
): Promise<Scanned<T>> {
  const results: T[] = [];
  let { after } = from;
  for (let scanned = 0; scanned < MOST_SCANNED && results.length < from.limit; scanned += AT_ONCE) {
    const found = await candidates(after, AT_ONCE);
    const permitted = await Promise.all(found.map(({ value }) => isPermitted(value)));
    for (const [index, { value, place }] of found.entries()) {
      after = place;
      if (permitted[index] === true) results.push(value);
      const isLast = index === found.length - 1 && found.length < AT_ONCE;
      if (results.length === from.limit) return { results, next: isLast ? undefined : after };
    }
    if (found.length < AT_ONCE) return { results, next: undefined };
  }
  return { results, next: after };
}
