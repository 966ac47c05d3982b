import { createCipheriv, createDecipheriv, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { Ids } from './ids.ts';

/**
 * The master key's children. Nothing else ever sees the master key itself: each purpose has a key of its own
 * (HKDF, RFC 5869), so that what one part of the server may read another cannot.
 */
export interface Vault {
  /** A key of `bytes` bytes for one purpose, the same on every server with this master key. */
  derive(purpose: string, bytes?: number): Buffer;
  /** Encrypts (AES-256-GCM); `context` is bound to the text, so a sealed value cannot be moved to another row. */
  seal(purpose: string, plaintext: string | Buffer, context: string): Buffer;
  /** Decrypts what `seal` made, with this master key or the previous one. @throws when it was altered or moved. */
  open(purpose: string, sealed: Uint8Array, context: string): Buffer;
  /** Keyed hash of a machine's secret or a looked-up value (HMAC-SHA-256): equal inputs, equal output, useless without the key. */
  fingerprint(purpose: string, value: string): Buffer;
  /** The same under the previous master key, while a rotation is under way. */
  previousFingerprint(purpose: string, value: string): Buffer | undefined;
  /** What the database keeps to recognise its key: never equal for two master keys. */
  readonly keyCheck: Buffer;
  readonly previousKeyCheck: Buffer | undefined;
}

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

function childKeys(masterKey: Buffer): (purpose: string, bytes: number) => Buffer {
  const known = new Map<string, Buffer>();
  return (purpose, bytes) => {
    const name = `${purpose}/${bytes}`;
    const existing = known.get(name);
    if (existing !== undefined) return existing;
    const key = Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), `behalf/${purpose}`, bytes));
    known.set(name, key);
    return key;
  };
}

function decrypt(key: Buffer, sealed: Uint8Array, context: string): Buffer {
  const buffer = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  const decipher = createDecipheriv(ALGORITHM, key, buffer.subarray(0, IV_BYTES));
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(buffer.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  return Buffer.concat([decipher.update(buffer.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
}

/** The vault over a 32-byte master key and, during a rotation, the one before it. */
export function createVault(deps: { masterKey: Buffer; previousMasterKey: Buffer | undefined; ids: Pick<Ids, 'bytes'> }): Vault {
  const current = childKeys(deps.masterKey);
  const previous = deps.previousMasterKey && childKeys(deps.previousMasterKey);
  const fingerprintWith = (key: Buffer, value: string) => createHmac('sha256', key).update(value).digest();
  return {
    derive: (purpose, bytes = 32) => current(purpose, bytes),
    seal(purpose, plaintext, context) {
      const iv = deps.ids.bytes(IV_BYTES);
      const cipher = createCipheriv(ALGORITHM, current(purpose, 32), iv);
      cipher.setAAD(Buffer.from(context));
      const text = Buffer.concat([cipher.update(plaintext), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), text]);
    },
    open(purpose, sealed, context) {
      try {
        return decrypt(current(purpose, 32), sealed, context);
      } catch (error) {
        if (previous === undefined) throw error;
        return decrypt(previous(purpose, 32), sealed, context);
      }
    },
    fingerprint: (purpose, value) => fingerprintWith(current(purpose, 32), value),
    previousFingerprint: (purpose, value) => previous && fingerprintWith(previous(purpose, 32), value),
    keyCheck: fingerprintWith(current('key-check', 32), 'behalf'),
    previousKeyCheck: previous && fingerprintWith(previous('key-check', 32), 'behalf'),
  };
}

/** Compares two secrets without telling by time where they differ. Lengths are not secret. */
export function constantTimeEqual(a: Uint8Array | string, b: Uint8Array | string): boolean {
  const [left, right] = [Buffer.from(a as string), Buffer.from(b as string)];
  return left.length === right.length && timingSafeEqual(left, right);
}
