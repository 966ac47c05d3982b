import type { Clock } from '../../platform/clock.ts';
import type { Outgoing } from '../../platform/outgoing/dispatcher.ts';
import { OutgoingError } from '../../platform/outgoing/outgoing-error.ts';
import { type KeySet, readKeySet, type VerifyingKey } from './key-set.ts';

/** The keys at an address, read as seldom as its headers allow. */
export interface KeySource {
  /** Keys as they are known now. `kid`: read again, at most once a minute, when none has this name. */
  keysAt(uri: string, kid: string | undefined): Promise<KeySet>;
  /** Reads them now, whatever is known. */
  readNow(uri: string): Promise<KeySet>;
}

const MAX_BYTES = 128 * 1024;
const TIMEOUT_MS = 5_000;
const MINUTE_MS = 60_000;
/** Bounds of `Cache-Control: max-age` (RFC 9111 §5.2.2.1), and what holds without one. An hour: a key that was lost is taken back. */
const SHORTEST_MS = MINUTE_MS;
const LONGEST_MS = 60 * MINUTE_MS;
const UNSAID_MS = 15 * MINUTE_MS;
/** An issuer whose address is down is believed for so long by the keys it had last (RFC 5861 §4). */
const STALE_MS = 12 * 60 * MINUTE_MS;
/** Whoever invents names of keys makes us ask no more often than this. */
const REREAD_MS = MINUTE_MS;
const RETRY_MS = 10_000;
const MOST_ADDRESSES = 500;

interface Known {
  readonly keys: readonly VerifyingKey[] | undefined;
  readonly freshUntil: number;
  readonly staleUntil: number;
  readonly triedAt: number;
  readonly reason: string;
}

/** How long an answer holds, in milliseconds, within our bounds. */
export function freshnessOf(headers: Headers): number {
  const control = headers.get('cache-control') ?? '';
  if (/\bno-(?:store|cache)\b/i.test(control)) return SHORTEST_MS;
  const seconds = /\bmax-age=(\d{1,9})\b/i.exec(control)?.[1];
  if (seconds === undefined) return UNSAID_MS;
  const age = Number(/^\d{1,9}$/.exec(headers.get('age') ?? '')?.[0] ?? 0);
  return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, (Number(seconds) - age) * 1000));
}

/** One guarded request (security rule R21); whatever goes wrong is a sentence that repeats nothing of the answer. */
async function read(outgoing: Pick<Outgoing, 'fetch'>, uri: string): Promise<KeySet & { readonly freshMs: number }> {
  try {
    const headers = { accept: 'application/jwk-set+json, application/json' };
    const answer = await outgoing.fetch(uri, { headers, maxBytes: MAX_BYTES, timeoutMs: TIMEOUT_MS });
    if (answer.status !== 200) return { ok: false, reason: `The host answered ${answer.status}.`, freshMs: 0 };
    const document: unknown = JSON.parse(Buffer.from(answer.body).toString('utf8'));
    return { ...readKeySet(document), freshMs: freshnessOf(answer.headers) };
  } catch (error) {
    if (error instanceof OutgoingError) return { ok: false, reason: error.message, freshMs: 0 };
    if (error instanceof SyntaxError) return { ok: false, reason: 'The answer is not JSON.', freshMs: 0 };
    throw error;
  }
}

const NOTHING: Known = { keys: undefined, freshUntil: 0, staleUntil: 0, triedAt: Number.NEGATIVE_INFINITY, reason: '' };

/** A source over the guarded way out. Many who ask for one address at a time wait for one request. */
export function createKeySource({ outgoing, clock }: { outgoing: Pick<Outgoing, 'fetch'>; clock: Clock }): KeySource {
  const known = new Map<string, Known>();
  const underWay = new Map<string, Promise<KeySet>>();
  const keep = (uri: string, entry: Known) => {
    if (known.size >= MOST_ADDRESSES && !known.has(uri)) known.delete(known.keys().next().value ?? '');
    known.set(uri, entry);
  };
  const readAndKeep = async (uri: string): Promise<KeySet> => {
    const answer = await read(outgoing, uri);
    const now = clock.now().getTime();
    const before = known.get(uri) ?? NOTHING;
    if (answer.ok) {
      const freshUntil = now + answer.freshMs;
      keep(uri, { keys: answer.keys, freshUntil, staleUntil: freshUntil + STALE_MS, triedAt: now, reason: '' });
    } else keep(uri, { ...before, triedAt: now, reason: answer.reason });
    return answer;
  };
  const readNow = (uri: string): Promise<KeySet> => {
    const reading = underWay.get(uri) ?? readAndKeep(uri).finally(() => underWay.delete(uri));
    underWay.set(uri, reading);
    return reading;
  };
  const asKnown = ({ keys, staleUntil, reason }: Known, now: number): KeySet =>
    keys !== undefined && now < staleUntil ? { ok: true, keys } : { ok: false, reason };
  return {
    readNow,
    async keysAt(uri, kid) {
      const now = clock.now().getTime();
      const entry = known.get(uri) ?? NOTHING;
      const has = entry.keys !== undefined && (kid === undefined || entry.keys.some((key) => key.kid === kid));
      if (has && now < entry.freshUntil) return asKnown(entry, now);
      const pause = entry.keys === undefined ? RETRY_MS : REREAD_MS;
      if (now - entry.triedAt < pause) return asKnown(entry, now);
      const answer = await readNow(uri);
      return answer.ok ? answer : asKnown(known.get(uri) ?? NOTHING, now);
    },
  };
}
