import { randomBytes } from 'node:crypto';

/** Prefixes of our identifiers: one a kind of record, so that an id in a log names what it is. */
export type IdPrefix =
  | 'usr'
  | 'grp'
  | 'agt'
  | 'svc'
  | 'rsv'
  | 'cli'
  | 'apr'
  | 'dec'
  | 'evt'
  | 'chk'
  | 'dlg'
  | 'iat'
  | 'key'
  | 'tok'
  | 'fam'
  | 'req'
  | 'ses'
  | 'cred'
  | 'lnk'
  | 'dtt'
  | 'prov';

/** Where identifiers and secrets come from. */
export interface Ids {
  /** `<prefix>_<UUIDv7 without dashes>`: sorts by creation time, names its kind, reveals nothing else. */
  next(prefix: IdPrefix): string;
  /** A bearer secret of `bytes` random bytes, base64url; 20 bytes = 160 bits. */
  secret(bytes: number): string;
  /** Random bytes: salts, nonces, keys. */
  bytes(count: number): Buffer;
}

/** UUID version 7 (RFC 9562 §5.7): 48 bits of milliseconds, then randomness. */
function uuidV7(): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex');
}

/** Identifiers and secrets from the operating system's random source. */
export const randomIds: Ids = {
  next: (prefix) => `${prefix}_${uuidV7()}`,
  secret: (bytes) => randomBytes(bytes).toString('base64url'),
  bytes: (count) => randomBytes(count),
};
