import { type Adapter, type AdapterPayload, errors } from 'oidc-provider';
import type { Clock } from '../platform/clock.ts';
import type { ArtifactStore, StoredArtifact } from './store.ts';

/**
 * For how long a second redemption counts as the same client's race rather than as theft: it is refused, and what the first
 * one got stays alive. Later the engine sees a code as used and revokes its grant (RFC 6749 §4.1.2); what a refresh token that
 * is used again leads to is decided by refresh-tokens.
 */
export const RACE_SECONDS = 10;

/** The refusal each endpoint owes for something used before. */
function alreadyUsed(model: string): Error {
  if (model === 'PushedAuthorizationRequest') return new errors.InvalidRequestUri('request_uri is invalid, expired, or was already used');
  return new errors.InvalidGrant(`${model} was already used`);
}

function toPayload(value: string | undefined, stored: StoredArtifact | undefined, clock: Clock): AdapterPayload | undefined {
  if (stored === undefined) return undefined;
  const { payload, consumedAt } = stored;
  const isOldNews = consumedAt !== undefined && clock.now().getTime() - consumedAt.getTime() >= RACE_SECONDS * 1000;
  return {
    ...payload,
    ...(value === undefined ? {} : { jti: value }),
    ...(isOldNews ? { consumed: Math.floor(consumedAt.getTime() / 1000) } : {}),
  } as AdapterPayload;
}

/**
 * The engine's storage for one model. Differs from a plain key-value adapter in two ways: the value is not stored, only its
 * hash (the value is put back on the way out), and `consume` lets exactly one caller through, whatever `find` said before.
 * `familyOfRequest`: the family of refresh tokens that what is stored now will end with.
 */
export function createArtifactAdapter(
  model: string,
  deps: { store: ArtifactStore; clock: Clock; familyOfRequest?: () => Buffer | undefined },
): Adapter {
  const { store, clock, familyOfRequest } = deps;
  // sessions and interactions are looked up by uid too: their own value must then come out of the payload
  const keepsValue = model === 'Session' || model === 'Interaction' || model === 'DeviceCode';
  return {
    async upsert(value, payload, expiresIn) {
      const { jti, ...rest } = payload as Record<string, unknown>;
      const about = { model, value, payload: keepsValue ? { ...rest, jti } : rest, ttlSeconds: expiresIn };
      await store.upsert({ ...about, familyHash: familyOfRequest?.() });
    },
    find: async (value) => toPayload(value, await store.find(model, value), clock),
    findByUid: async (uid) => toPayload(undefined, await store.findBy(model, 'uid_hash', uid), clock),
    findByUserCode: async (userCode) => toPayload(undefined, await store.findBy(model, 'user_code_hash', userCode), clock),
    async consume(value) {
      if (!(await store.consume(model, value))) throw alreadyUsed(model);
    },
    destroy: (value) => store.destroy(model, value),
    revokeByGrantId: (grantId) => store.destroyByGrant(model, grantId),
  };
}
