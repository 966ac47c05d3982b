import { z } from 'zod';

/** RFC 6749 §3.3 scope-token. */
export const scopeName = z
  .string()
  .regex(/^[\x21\x23-\x5B\x5D-\x7E]{1,128}$/, 'is not a scope of at most 128 printable characters without space');

/** A line that people read. Control and bidirectional characters would let one line read as another. */
export function plainWords(max: number) {
  return z
    .string()
    .trim()
    .min(1, 'is empty')
    .max(max, `is longer than ${max} characters`)
    .regex(/^[^\p{Cc}\p{Cf}]*$/u, 'holds control characters');
}
