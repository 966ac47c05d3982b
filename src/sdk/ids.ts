import { randomBytes, randomUUID } from 'node:crypto';

/** A value no other assertion of ours carries: the `jti` of a client assertion (RFC 7523 §3). */
export function freshJwtId(): string {
  return randomUUID();
}

/** 32 random bytes that nobody else knows. */
export function freshSecret(): Uint8Array {
  return randomBytes(32);
}
