import { randomBytes, randomUUID } from 'node:crypto';

/** Prefixes of our identifiers: one a kind of record, so that an id in a log names what it is. */
export type IdPrefix =
  | 'usr'
  | 'grp'
  | 'agt'
  | 'aap'
  | 'svc'
  | 'rsv'
  | 'cli'
  | 'apr'
  | 'dec'
  | 'bdg'
  | 'rct'
  | 'evt'
  | 'chk'
  | 'dlg'
  | 'drf'
  | 'iat'
  | 'key'
  | 'tok'
  | 'fam'
  | 'req'
  | 'ses'
  | 'sft'
  | 'cred'
  | 'lnk'
  | 'dtt'
  | 'prov'
  | 'crt'
  | 'trp'
  | 'dlr'
  | 'map'
  | 'trl';

/** Where identifiers and secrets come from. */
export interface Ids {
  /** `<prefix>_<UUIDv7 without dashes>`: sorts by creation time, names its kind, reveals nothing else. */
  next(prefix: IdPrefix): string;
  /** A bearer secret of `bytes` random bytes, base64url; 20 bytes = 160 bits. */
  secret(bytes: number): string;
  /** Random bytes: salts, nonces, keys. */
  bytes(count: number): Buffer;
}

/**
 * UUID version 7 (RFC 9562 §5.7) without dashes: 48 bits of milliseconds, then the 74 random bits of a version 4, which Node makes
 * from a supply instead of asking the system for each.
 */
function uuidV7(): string {
  const random = randomUUID();
  const time = Date.now().toString(16).padStart(12, '0');
  return `${time}7${random.slice(15, 18)}${random.slice(19, 23)}${random.slice(24)}`;
}

/** Identifiers and secrets from the operating system's random source. */
export const randomIds: Ids = {
  next: (prefix) => `${prefix}_${uuidV7()}`,
  secret: (bytes) => randomBytes(bytes).toString('base64url'),
  bytes: (count) => randomBytes(count),
};
