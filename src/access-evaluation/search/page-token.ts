import { AppError } from '../../platform/errors.ts';
import type { Vault } from '../../platform/vault.ts';
import type { Search } from './search-request.ts';

/** Where a page begins, and how many results it holds at most. */
export interface Place {
  /** Empty at the beginning. */
  readonly after: string;
  readonly limit: number;
}

/** Page tokens: sealed, so that nobody reads or makes one, and bound to the query and to who asks (AuthZEN 1.0 §8.2). */
export interface PageTokens {
  /** Where to go on. @throws {AppError} `invalid_input` for a token of another query, another caller, or none of ours. */
  placeOf(search: Search, callerId: string): Place;
  tokenOf(search: Search, callerId: string, place: Place): string;
}

const PURPOSE = 'access-search-page';
const USUAL = 100;
const MOST = 200;

const boundTo = ({ hash }: Search, callerId: string): string => JSON.stringify([callerId, hash]);

/** Page tokens under a key of the vault. */
export function createPageTokens(vault: Pick<Vault, 'seal' | 'open'>): PageTokens {
  const refused = () => new AppError('invalid_input', 'The page token is not one for this query.', { member: '/page/token' });
  const opened = (token: string, context: string): Place => {
    try {
      return JSON.parse(vault.open(PURPOSE, Buffer.from(token, 'base64url'), context).toString()) as Place;
    } catch {
      throw refused();
    }
  };
  return {
    placeOf(search, callerId) {
      const { token, limit } = search.page;
      if (token === undefined) return { after: '', limit: Math.min(limit ?? USUAL, MOST) };
      const place = opened(token, boundTo(search, callerId));
      // the standard's own example leaves the limit out of the second request
      if (limit !== undefined && Math.min(limit, MOST) !== place.limit) throw refused();
      return place;
    },
    tokenOf: (search, callerId, place) => vault.seal(PURPOSE, JSON.stringify(place), boundTo(search, callerId)).toString('base64url'),
  };
}
