import { Provider } from 'oidc-provider';
import { hashOf, refuse } from '../../oidc/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { addressKey, createRateLimiter } from '../../platform/http/rate-limit.ts';
import type { SharedCount } from '../../platform/http/request-rates.ts';
import type { Quota, Quotas, QuotaSize, Spent } from '../../platform/quota/quota.ts';

const QUARTER = 900;
const HOUR = 3_600;
const MAX_KEYS = 20_000;

/**
 * How much may be registered (RFC 7591), on all servers together. An address may be the way out of a whole company or of a hosted
 * client that registers at every connection: the same software may do so often from there, many different ones may not.
 */
export const REGISTRATION_QUOTAS = {
  /** Refused registrations of one address: with an enrolment token, without one, or with one that worked there. */
  refused: { points: 60, durationSeconds: QUARTER },
  /** Of one software, from one address. */
  address: { points: 6_000, durationSeconds: HOUR },
  /** Different software from one address that nobody answers for. */
  variety: { points: 300, durationSeconds: HOUR },
  /** On enrolment tokens of one person or group. */
  owner: { points: 5_000, durationSeconds: HOUR },
  /** Of one software, from everywhere. */
  software: { points: 20_000, durationSeconds: HOUR },
} as const satisfies Record<string, QuotaSize>;

/** Each registration that succeeds makes up for so many refused ones: among many who share an address, a few who err stop nobody. */
const MAKES_UP_FOR = 4;

/** A registration that is about to succeed. */
export interface Admitted {
  /** Where it comes from. */
  readonly address: string;
  /** Who answers for it: the owner behind an initial access token. */
  readonly ownerId?: string | undefined;
  /** What registrations of the same software have in common, whoever says so (software.ts). */
  readonly softwareKey: string;
}

/** Bounds registration (security rule R23). */
export interface RegistrationLimits {
  /** Counts a registration as refused before it is judged; say how it ended. */
  attempt(from: { readonly address: string; readonly authorization: string }): Promise<SharedCount>;
  /** Counts one that is about to succeed, inside its transaction. @throws {Refusal} 429 with Retry-After, and undoes the request. */
  admit(admitted: Admitted): Promise<void>;
}

/** `"refused";q=60;w=900` (draft-ietf-httpapi-ratelimit-headers §3, §4). */
function headersOf({ name, size }: Pick<Quota, 'name' | 'size'>, resetSeconds: number): Readonly<Record<string, string>> {
  return {
    'ratelimit-policy': `"${name}";q=${size.points};w=${size.durationSeconds}`,
    ratelimit: `"${name}";r=0;t=${resetSeconds}`,
  };
}

function tooMany(db: Db, quota: Quota, retryAfterSeconds: number): never {
  Provider.ctx?.set({ 'retry-after': String(retryAfterSeconds), ...headersOf(quota, retryAfterSeconds) });
  return refuse(db, {
    error: 'temporarily_unavailable',
    status: 429,
    description: `Too much was registered (${quota.name}); wait before the next one.`,
  });
}

/** What stands for an enrolment token where tokens must not be kept. */
function credentialOf(authorization: string): string | undefined {
  const [, value] = /^Bearer +(\S{1,4096})$/i.exec(authorization) ?? [];
  return value === undefined ? undefined : hashOf(value).toString('base64url');
}

/** Enrolment tokens that were right at an address within the hour, as far as this server saw it. */
function createWorked(clock: Pick<Clock, 'now'>) {
  const seen = createRateLimiter({ limit: 1, windowSeconds: HOUR, maxKeys: MAX_KEYS, clock });
  return { has: (key: string) => !seen.peek(key).allowed, add: (key: string) => void seen.take(key) };
}

/** What the limits stand on. */
export interface RegistrationLimitsDeps {
  readonly db: Db;
  readonly clock: Pick<Clock, 'now'>;
  readonly quotas: Pick<Quotas, 'create'>;
}

type Bounds = Readonly<Record<keyof typeof REGISTRATION_QUOTAS, Quota>>;

function attemptsWithin(refused: Quota, clock: Pick<Clock, 'now'>): RegistrationLimits['attempt'] {
  const worked = createWorked(clock);
  return async ({ address, authorization }) => {
    const place = addressKey(address);
    const credential = credentialOf(authorization);
    const own = `${place} ${credential}`;
    // what neighbours at the same address get wrong does not hold up a token that was right there, nor those who come with one
    const other = credential === undefined ? `${place} without` : place;
    const key = worked.has(own) ? own : other;
    const { allowed, retryAfterSeconds } = await refused.take(key);
    if (!allowed) return { retryAfterSeconds, headers: headersOf(refused, retryAfterSeconds), ended: async () => undefined };
    return {
      retryAfterSeconds: 0,
      headers: {},
      async ended(status) {
        if (status >= 500 || status === 429) return refused.giveBack(key);
        if (status >= 400) return;
        if (credential !== undefined) worked.add(own);
        await refused.giveBack(key, 1 + MAKES_UP_FOR);
      },
    };
  };
}

function admissionsWithin(bounds: Bounds, db: Db): RegistrationLimits['admit'] {
  return async ({ address, ownerId, softwareKey }) => {
    const place = addressKey(address);
    const taken: (readonly [Quota, string])[] = [];
    const take = async (quota: Quota, key: string): Promise<Spent> => {
      const spent = await quota.take(key);
      if (spent.allowed) {
        taken.push([quota, key]);
        return spent;
      }
      // what was counted for this registration did not happen
      for (const [other, otherKey] of taken) await other.giveBack(otherKey);
      return tooMany(db, quota, spent.retryAfterSeconds);
    };
    if (ownerId !== undefined) await take(bounds.owner, ownerId);
    await take(bounds.software, softwareKey);
    const { isFirst } = await take(bounds.address, JSON.stringify([place, softwareKey]));
    if (isFirst && ownerId === undefined) await take(bounds.variety, place);
  };
}

/** The limits over quotas that all servers share. */
export function createRegistrationLimits({ db, clock, quotas }: RegistrationLimitsDeps): RegistrationLimits {
  const create = (name: keyof typeof REGISTRATION_QUOTAS) => quotas.create(`registration-${name}`, REGISTRATION_QUOTAS[name]);
  const bounds: Bounds = {
    refused: create('refused'),
    address: create('address'),
    variety: create('variety'),
    owner: create('owner'),
    software: create('software'),
  };
  return { attempt: attemptsWithin(bounds.refused, clock), admit: admissionsWithin(bounds, db) };
}
