import { randomUUID } from 'node:crypto';

/** A value no other assertion of ours carries: the `jti` of a client assertion (RFC 7523 §3). */
export function freshJwtId(): string {
  return randomUUID();
}
