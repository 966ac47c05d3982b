import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import type { Notifications } from '../../platform/db/notifications.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Logger } from '../../platform/log.ts';
import { type CedarLanguage, openCedar } from '../cedar/cedar.ts';
import { createEngine, type PolicyEngine } from '../cedar/engine.ts';
import { type ReadPolicy, readPolicy } from '../cedar/head.ts';
import { createSlots, type Slots } from '../cedar/slices.ts';
import { inForce, type Policy } from './policy-set.ts';
import type { PolicySetStore } from './store.ts';

/** The policies as this server has them in memory. */
export interface LoadedPolicies {
  readonly version: number;
  /** Undefined: no policy is in force. */
  readonly engine: PolicyEngine | undefined;
}

/** The policies in force, always those of now: at once when nothing changed, else when they are loaded. */
export interface PoliciesInForce {
  /** @throws when the newest version cannot be loaded: whoever asks refuses then. */
  current(): LoadedPolicies | Promise<LoadedPolicies>;
  /** Looks at the database before it answers. */
  reload(): Promise<LoadedPolicies>;
  /** An engine of its own over other policies, for a look at a draft; dispose of it. */
  engineOf(policies: readonly Policy[]): Promise<PolicyEngine>;
  readonly language: () => Promise<CedarLanguage>;
}

/** What it stands on. */
export interface LoadingDeps {
  readonly db: Pick<Db, 'detached'>;
  readonly store: Pick<PolicySetStore, 'current' | 'newest'>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Pick<Logger, 'error'>;
  readonly notifications: Pick<Notifications, 'on' | 'onReconnect'>;
}

/** The channel on which servers tell each other that policies were saved. */
export const POLICIES_CHANNEL = 'behalf_policies';

/** Word of a change may be lost: a server that is asked looks by itself, once a second, beside the request that made it look. */
const LOOK_MS = 1_000;
/** Nothing is answered from what nobody looked at for longer. */
const TRUST_MS = 5_000;

/** Reading one takes a third of a millisecond: between some of them requests get their turn. */
const READ_AT_ONCE = 20;

/** An engine over these policies. Texts that were read before are not read again. */
async function engineFor(
  cedar: CedarLanguage,
  policies: readonly Policy[],
  about: { slots: Slots; known?: ReadonlyMap<string, ReadPolicy> | undefined },
) {
  const read = new Map(about.known);
  let count = 0;
  for (const policy of policies) {
    if (read.get(policy.id)?.text === policy.text) continue;
    read.set(policy.id, readPolicy(cedar, policy));
    count += 1;
    if (count % READ_AT_ONCE === 0) await turn();
  }
  return createEngine({ cedar, slots: about.slots, known: read }, policies);
}

/** Keeps the policies of the newest version ready, and hears when there is a newer one. */
export function createPoliciesInForce({ db, store, clock, ids, log, notifications }: LoadingDeps): PoliciesInForce {
  const slots = createSlots(ids.bytes(8).toString('hex'));
  const ofDrafts = createSlots(ids.bytes(8).toString('hex'));
  let cedar: Promise<CedarLanguage> | undefined;
  let loaded: LoadedPolicies | undefined;
  let lookedAt = 0;
  let isOutdated = false;
  let underWay: Promise<LoadedPolicies> | undefined;
  let next: Promise<LoadedPolicies> | undefined;

  const language = () => {
    cedar ??= openCedar();
    return cedar;
  };
  const load = async (): Promise<LoadedPolicies> => {
    const newest = await db.detached(() => store.newest());
    const policies = inForce(newest?.policies ?? []);
    const known = loaded?.engine?.policies;
    const engine = policies.length === 0 ? undefined : await engineFor(await language(), policies, { slots, known });
    return { version: newest?.version ?? 0, engine };
  };
  const look = async (): Promise<LoadedPolicies> => {
    isOutdated = false;
    const at = clock.now().getTime();
    try {
      const version = await store.current();
      if (loaded === undefined || loaded.version !== version) {
        const before = loaded;
        loaded = await load();
        before?.engine?.dispose();
      }
      lookedAt = at;
      return loaded;
    } catch (error) {
      // it no longer knows what is in force: nothing is answered until it does
      isOutdated = true;
      throw error;
    }
  };
  const begin = (): Promise<LoadedPolicies> => {
    underWay = look().finally(() => {
      underWay = undefined;
    });
    return underWay;
  };
  /** An answer is never older than its question: who comes while somebody looks waits for the next look, together with all others. */
  const reload = (): Promise<LoadedPolicies> => {
    if (underWay === undefined) return begin();
    next ??= underWay
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        // one that began meanwhile began after the question
        return underWay ?? begin();
      });
    return next;
  };
  const reloadAside = () =>
    void reload().catch((error: unknown) =>
      log.error({ err: error }, 'the policies could not be loaded; every request that they would judge is refused'),
    );
  const hear = () => {
    isOutdated = true;
    reloadAside();
  };
  notifications.on(POLICIES_CHANNEL, hear);
  notifications.onReconnect(hear);
  return {
    current() {
      const age = Math.abs(clock.now().getTime() - lookedAt);
      if (loaded === undefined || isOutdated || age > TRUST_MS) return reload();
      if (age > LOOK_MS && underWay === undefined) reloadAside();
      return loaded;
    },
    reload,
    engineOf: async (policies) => engineFor(await language(), policies, { slots: ofDrafts, known: loaded?.engine?.policies }),
    language,
  };
}
