import type { Provider } from 'oidc-provider';
import { GRANT_SECONDS } from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Ids } from '../platform/ids.ts';
import type { GrantContent } from './consent.ts';
import type { ConsentRecord, SignInStore } from './store.ts';

type Grant = InstanceType<Provider['Grant']>;

/** The two whose consent it is. */
export interface Parties {
  readonly accountId: string;
  readonly clientId: string;
}

/** The grants that consents live in: one for an account and a client, in whatever browser (engine.md 2.9 forbids many). */
export interface ConsentGrants {
  find(grantId: string): Promise<Grant | undefined>;
  /** The grant in force between the two. */
  current(parties: Parties): Promise<Grant | undefined>;
  /** Whether the person allowed this client something before, even if that has ended. */
  isKnown(accountId: string, clientId: string): Promise<boolean>;
  /** Changes the grant of the two, or makes it; call it inside a transaction. Returns its id. */
  write(parties: Parties, change: (grant: GrantContent) => void): Promise<string>;
  listOf(accountId: string): Promise<ConsentRecord[]>;
}

const GRANT_ID_BYTES = 32;

/** Grants over the engine's own, found by the record of the consent. */
export function createConsentGrants(deps: {
  provider: () => Provider;
  store: SignInStore;
  clock: Clock;
  ids: Pick<Ids, 'secret'>;
}): ConsentGrants {
  const { provider, store, clock, ids } = deps;
  const find = async (grantId: string): Promise<Grant | undefined> => provider().Grant.find(grantId);
  return {
    find,
    async current({ accountId, clientId }) {
      const record = await store.findConsent(accountId, clientId);
      const grant = record && (await find(record.grantId));
      return grant?.accountId === accountId && grant.clientId === clientId ? grant : undefined;
    },
    isKnown: async (accountId, clientId) => (await store.findConsent(accountId, clientId)) !== undefined,
    async write(parties, change) {
      const fresh = ids.secret(GRANT_ID_BYTES);
      const record = await store.claimConsent({ ...parties, grantId: fresh, at: clock.now() });
      const { Grant: NewGrant } = provider();
      const known = await find(record.grantId);
      const grant = known ?? new NewGrant({ ...parties });
      if (known === undefined) {
        grant.jti = fresh;
        if (record.grantId !== fresh) await store.replaceGrant({ ...parties, grantId: fresh, at: clock.now() });
      }
      change(grant as unknown as GrantContent);
      // the person has just answered: that answer holds its whole time, whatever it was added to
      grant.exp = clock.epochSeconds() + GRANT_SECONDS;
      return grant.save();
    },
    listOf: (accountId) => store.listConsents(accountId),
  };
}
