import { createHash } from 'node:crypto';
import { type AuditEvent, digest } from './event.ts';

/** What stands before the first event of a database. */
export const genesisHash = 'sha-256:behalf-audit-genesis';

/** An event in its place in the chain, as it was kept. Positions count from 1 without gaps. */
export interface SealedEvent {
  readonly position: number;
  readonly event: AuditEvent;
  readonly digest: string;
  readonly hash: string;
}

/** Where a piece of the chain begins: the hash before it, and the position of its first event. */
export interface ChainStart {
  readonly previousHash: string;
  readonly position: number;
}

/** What a verification found: the head to compare with a signed checkpoint, or the first place that does not hold. */
export type ChainVerdict =
  | { readonly intact: true; readonly count: number; readonly headHash: string }
  | { readonly intact: false; readonly brokenAt: number; readonly fault: 'position' | 'digest' | 'hash' };

/**
 * The hashes of a batch of events, in order: each commits to everything before it. `previousHash` is the hash of the last
 * sealed event, or `genesisHash`.
 */
export function seal(previousHash: string, digests: readonly string[]): readonly string[] {
  const hashes: string[] = [];
  let previous = previousHash;
  for (const one of digests) {
    previous = link(previous, one);
    hashes.push(previous);
  }
  return hashes;
}

/** The label keeps a link from being mistaken for any other hash we make; neither part can hold a line feed. */
function link(previous: string, eventDigest: string): string {
  return `sha-256:${createHash('sha256').update(`behalf audit link 1\n${previous}\n${eventDigest}`, 'utf8').digest('base64url')}`;
}

/**
 * Checks a piece of the chain, in order: positions without gaps (nothing removed or moved), each digest that of its event
 * (nothing altered), each hash that of its digest and the one before (nothing inserted). A chain rewritten from some place on
 * to its head is consistent in itself: compare `headHash` with a checkpoint that was signed elsewhere.
 */
export function verifyChain(events: Iterable<SealedEvent>, start: ChainStart = { previousHash: genesisHash, position: 1 }): ChainVerdict {
  let { previousHash, position } = start;
  for (const sealed of events) {
    if (sealed.position !== position) return { intact: false, brokenAt: position, fault: 'position' };
    if (sealed.digest !== digest(sealed.event)) return { intact: false, brokenAt: position, fault: 'digest' };
    if (sealed.hash !== link(previousHash, sealed.digest)) return { intact: false, brokenAt: position, fault: 'hash' };
    previousHash = sealed.hash;
    position += 1;
  }
  return { intact: true, count: position - start.position, headHash: previousHash };
}
