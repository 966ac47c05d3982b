import { createHash } from 'node:crypto';
import { scimRefusal } from './errors.ts';

const maxLength = 2000;

function fingerprint(query: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(query)).digest('base64url').slice(0, 16);
}

/**
 * An opaque, URL-safe cursor (RFC 9865 §2.2): a store's position, tied to the query and the caller it belongs to. It grants nothing:
 * the store applies the caller's visibility to every page, so it needs no secret, and to compare it is no secret either.
 */
export function encodeCursor(position: string, query: readonly unknown[]): string {
  return Buffer.from(JSON.stringify([fingerprint(query), position])).toString('base64url');
}

/** The position in a cursor. 400 `invalidCursor` when it is malformed or was made for another query or caller (RFC 9865 §2.1). */
export function decodeCursor(cursor: string, query: readonly unknown[]): string {
  const invalid = scimRefusal('invalidCursor', 'The cursor does not belong to this query: start again with an empty one.', 'cursor');
  if (cursor.length > maxLength) throw invalid;
  try {
    const decoded: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (Array.isArray(decoded) && decoded.length === 2 && decoded[0] === fingerprint(query) && typeof decoded[1] === 'string')
      return decoded[1];
  } catch {
    throw invalid;
  }
  throw invalid;
}
