import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import { type JWTPayload, jwtVerify } from 'jose';
import { acceptedAlgorithms } from './access-token.ts';
import { parseSecureUrl } from './addresses.ts';
import type { Authorization } from './authorization.ts';
import { isJsonObject, readStatusReference, type StatusReference } from './claims.ts';
import { epochSeconds, type SdkClock } from './clock.ts';
import { boundFetch, type Fetch, type Issuer } from './issuer.ts';
import { invalidToken, unavailable } from './refusal.ts';

const maxAnswerBytes = 2 * 1024 * 1024;
const maxListBytes = 4 * 1024 * 1024;
const maxLists = 16;
const usualTtlSeconds = 300;
const longestTtlSeconds = 43_200;
const retryAfterMilliseconds = 2_000;
const statusWidths: readonly unknown[] = [1, 2, 4, 8];
const inflated = promisify(inflate);

/**
 * What the status list of a token is good for. `checked`: where a token names one, its entry must be VALID. `required`: a token
 * that names none is refused too. `ignored`: nobody looks.
 */
export type StatusListUse = 'checked' | 'required' | 'ignored';

/** What reading lists needs. */
export interface StatusListDeps {
  readonly issuer: Issuer;
  readonly issuerId: string;
  readonly fetch: Fetch;
  readonly clock: SdkClock;
  readonly clockToleranceSeconds: number;
}

interface StatusList {
  readonly bits: number;
  readonly bytes: Uint8Array;
  /** Milliseconds since 1970. */
  readonly staleAt: number;
}

async function readStatuses(value: unknown): Promise<Pick<StatusList, 'bits' | 'bytes'>> {
  if (!isJsonObject(value)) throw new TypeError('the list has no status_list');
  const { bits, lst } = value;
  if (typeof bits !== 'number' || !statusWidths.includes(bits)) throw new TypeError('the list has statuses of an unknown width');
  if (typeof lst !== 'string' || !/^[\w-]+$/.test(lst)) throw new TypeError('the list is no base64url');
  return { bits, bytes: await inflated(Buffer.from(lst, 'base64url'), { maxOutputLength: maxListBytes }) };
}

function readStaleAt(claims: JWTPayload, now: Date): number {
  const { ttl = usualTtlSeconds } = claims;
  if (typeof ttl !== 'number' || !(ttl > 0)) throw new TypeError('the ttl of the list is malformed');
  const bySeconds = now.getTime() + Math.min(ttl, longestTtlSeconds) * 1000;
  return claims.exp === undefined ? bySeconds : Math.min(bySeconds, claims.exp * 1000);
}

async function verifyList(token: string, uri: string, deps: StatusListDeps): Promise<StatusList> {
  const now = deps.clock.now();
  const { payload } = await jwtVerify(token, deps.issuer.key, {
    typ: 'statuslist+jwt',
    algorithms: [...acceptedAlgorithms],
    subject: uri,
    requiredClaims: ['iat', 'status_list'],
    clockTolerance: deps.clockToleranceSeconds,
    currentDate: now,
  });
  if (payload.iss !== undefined && payload.iss !== deps.issuerId) throw new TypeError('the list is by another issuer');
  if (Number(payload.iat) > epochSeconds(now) + deps.clockToleranceSeconds) throw new TypeError('the list is from the future');
  return { ...(await readStatuses(payload['status_list'])), staleAt: readStaleAt(payload, now) };
}

async function fetchList(uri: string, deps: StatusListDeps): Promise<StatusList> {
  const response = await boundFetch(deps.fetch, maxAnswerBytes)(uri, { headers: { accept: 'application/statuslist+jwt' } });
  if (response.status !== 200) throw new TypeError(`the list answered ${response.status}`);
  return verifyList((await response.text()).trim(), uri, deps);
}

/** One list an address, fetched once however many ask, kept while it is fresh; a failure is repeated after 2 s. */
function createListCache(deps: StatusListDeps): (uri: string) => Promise<StatusList> {
  const held = new Map<string, { readonly list: Promise<StatusList>; staleAt: number }>();

  function load(uri: string): Promise<StatusList> {
    const entry = { list: fetchList(uri, deps), staleAt: Number.POSITIVE_INFINITY };
    held.delete(uri);
    const oldest = held.keys().next().value;
    if (held.size >= maxLists && oldest !== undefined) held.delete(oldest);
    held.set(uri, entry);
    entry.list.then(
      ({ staleAt }) => {
        entry.staleAt = staleAt;
      },
      () => {
        entry.staleAt = deps.clock.now().getTime() + retryAfterMilliseconds;
      },
    );
    return entry.list;
  }

  return (uri) => {
    const known = held.get(uri);
    return known && deps.clock.now().getTime() < known.staleAt ? known.list : load(uri);
  };
}

/** The status at `index`; statuses are packed from the least significant bit of each byte (Token Status List §4.1). */
function statusAt({ bits, bytes }: StatusList, index: number): number | undefined {
  const byte = bytes[Math.floor((index * bits) / 8)];
  return byte === undefined ? undefined : (byte >> ((index * bits) % 8)) & (2 ** bits - 1);
}

const meaning: Readonly<Record<number, string>> = { 1: 'has been revoked', 2: 'is suspended' };

function checkAddress({ uri }: StatusReference, issuerId: string): void {
  try {
    const { protocol } = parseSecureUrl(uri, 'uri');
    if (protocol === 'https:' || issuerId.startsWith('http:')) return;
  } catch (error) {
    throw invalidToken('the status list of the access token is at an unsafe address', error);
  }
  throw invalidToken('the status list of the access token is at an unsafe address');
}

/**
 * Looks a token up in the status list it names (draft-ietf-oauth-status-list): signed by the issuer, for the address it was
 * fetched from, not expired, 4 MiB at most; kept for its `ttl`, 5 minutes without one. Only VALID passes.
 * @throws AccessRefused `invalid_token`, or 503 when the list cannot be read: an unknown status counts as bad.
 */
export function createStatusCheck(
  use: StatusListUse,
  deps: StatusListDeps,
): (authorization: Pick<Authorization, 'token'>) => Promise<void> {
  const listAt = createListCache(deps);

  async function listOf(reference: StatusReference): Promise<StatusList> {
    try {
      return await listAt(reference.uri);
    } catch (error) {
      throw unavailable('the status of the access token cannot be read', error);
    }
  }

  return async ({ token }) => {
    if (use === 'ignored') return;
    const reference = readStatusReference(token.claims);
    if (!reference) {
      if (use === 'required') throw invalidToken('the access token names no status list');
      return;
    }
    checkAddress(reference, deps.issuerId);
    const status = statusAt(await listOf(reference), reference.index);
    if (status === undefined) throw invalidToken('the access token is not in its status list');
    if (status !== 0) throw invalidToken(`the access token ${meaning[status] ?? 'is not valid any more'}`);
  };
}
