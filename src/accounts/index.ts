/**
 * The people: who they are, what they may do here, how they show that it is them, and who answers for what together. Owns their
 * records, passwords, second factors, one-time links and the first administrator. Does not own sessions, consent or the pages of
 * signing in: those belong to sign-in, which calls `authentication`. Others ask it who a person is and whether an owner is alive.
 */
import type { Capability } from '../capability.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import type { Ids } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import type { Vault } from '../platform/vault.ts';
import type { Departure } from './account.ts';
import type { AccountEvents } from './account-event.ts';
import { type Authentication, createAuthentication } from './authentication.ts';
import { accountCommands } from './commands.ts';
import { peopleRoutes } from './console/routes.ts';
import { type DeviceCookie, deviceCookieOf } from './device-cookie.ts';
import { createLinks, type Links } from './enrolment/links.ts';
import { enrolmentRoutes } from './enrolment/routes.ts';
import { createSetup, type Setup } from './enrolment/setup.ts';
import { groupRoutes } from './group-pages/routes.ts';
import { leavingRoutes } from './leaving/routes.ts';
import { personalRoutes } from './me/routes.ts';
import { createOidcContribution } from './oidc.ts';
import { createPasswords, type Passwords } from './password.ts';
import { type PersonSurroundings, presentSecurity } from './present.ts';
import { createGroupResourceType } from './scim/group-scim.ts';
import type { MemberAgents } from './scim/provisioning.ts';
import { createProvisioningStore, type ProvisioningStore } from './scim/store.ts';
import { createUserResourceType } from './scim/user-scim.ts';
import { createSecondFactors, type SecondFactors } from './second-factor/second-factor.ts';
import { type AccountService, createAccountService } from './service.ts';
import { createAccountStore } from './store.ts';
import { createThrottle } from './throttle/throttle.ts';

export {
  type Account,
  type By,
  type Departure,
  type Group,
  needsSecondFactor,
  type OwnerRef,
  type Role,
  SELF_SERVICE_GROUP_ID,
} from './account.ts';
export type { AccountEvents } from './account-event.ts';
export { ACR, ACR_VALUES, type Assurance, combine, isAtLeast, PASSWORD_ASSURANCE } from './assurance.ts';
export type { PasskeyAssertion } from './second-factor/passkeys.ts';
export type {
  Authentication,
  Confirmation,
  ConfirmationAccepted,
  ConfirmationOptions,
  FactorAccepted,
  NotSignedIn,
  PasswordAccepted,
  PasswordInput,
} from './authentication.ts';
export type { DeviceCookie } from './device-cookie.ts';
export type { OneTimeLink } from './enrolment/links.ts';
export type { Setup } from './enrolment/setup.ts';
export { createPasswords, type Passwords } from './password.ts';
export type { PersonSurroundings } from './present.ts';
export type { Ceremony } from './second-factor/passkeys.ts';
export type { SecondFactorMethod, Security } from './second-factor/second-factor.ts';
export type { AccountPage, AccountService } from './service.ts';

/** The people as the rest of the house sees them. */
export interface Accounts extends AccountService {
  readonly authentication: Authentication;
  readonly setup: Setup;
  readonly deviceCookie: DeviceCookie;
  /** Sets the password behind an invitation or reset link, once; see `Links.redeem`. */
  readonly redeemLink: Links['redeem'];
  readonly mustEnrol: SecondFactors['mustEnrol'];
  readonly securityOf: SecondFactors['securityOf'];
  /** Whether a passkey or an authenticator app is enrolled. */
  hasSecondFactor(accountId: string): Promise<boolean>;
  /** Who may administer, and whether a second factor stands behind each. */
  administrators(): Promise<readonly { readonly email: string; readonly hasSecondFactor: boolean }[]>;
  /** The part of the page `/me` that is about signing in; see views/me/home.eta. @throws {AppError} `not_found`. */
  presentSecurity(accountId: string): Promise<ReturnType<typeof presentSecurity>>;
  /** Seals what is sealed with the master key anew; call it when the master key was changed, before the old one is forgotten. */
  reseal(): Promise<void>;
  /** The groups that agents are in. */
  readonly groupsOfAgents: ProvisioningStore['groupsOfAgents'];
  readonly capability: Capability;
}

/** What the people stand on. `audit` writes in the transaction under way; the hooks run in it too. */
export interface AccountsDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly vault: Vault;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly issuer: URL;
  readonly audit: AccountEvents;
  /** Somebody was shut out: end their sessions and every token that speaks for them. */
  readonly onDisabled: (accountId: string) => Promise<void>;
  /** Somebody was removed: forget what else is kept about them. */
  readonly onRemoved: (accountId: string) => Promise<void>;
  /** An owner can answer for nothing any more: what they own goes to the successor, or is looked at before it acts again. */
  readonly onOwnerGone: (departure: Departure) => Promise<void>;
  /** Ends the sessions of an account but the one named; without a name, all. */
  readonly endOtherSessions: (accountId: string, exceptSessionUid: string | undefined) => Promise<void>;
  /** What the page about a person shows beside the person. */
  readonly surroundings: PersonSurroundings;
  readonly memberAgents: MemberAgents;
  /** Two servers in one process share one, so that they hash two passwords at a time together; left out: an own one. */
  readonly passwords?: Passwords;
}

const HOUSEKEEPING_SECONDS = 300;

/** Puts the people together. */
export function createAccounts(deps: AccountsDeps): Accounts {
  const { db, clock, issuer, vault } = deps;
  const store = createAccountStore(db);
  const passwords = deps.passwords ?? createPasswords();
  const throttle = createThrottle(deps);
  const secondFactors = createSecondFactors(deps);
  const parts = { ...deps, store, passwords, throttle, secondFactors };
  const links = createLinks(parts);
  const setup = createSetup(parts);
  const service = createAccountService({ ...parts, links });
  const deviceCookie = deviceCookieOf(issuer);
  const edge = { ...parts, service, links, setup, deviceCookie };
  const provisioningStore = createProvisioningStore(db);
  const provisioning = {
    ...deps,
    service,
    store: provisioningStore,
    lockAdministrators: store.lockAdministrators,
    baseUrl: `${issuer.href.replace(/\/$/, '')}/scim/v2`,
  };
  const groups = groupRoutes({ ...edge, members: provisioningStore });
  const routes = [enrolmentRoutes(edge), peopleRoutes(edge), groups, leavingRoutes(edge), personalRoutes(edge)];
  const { reseal } = secondFactors.codes;
  const hasSecondFactor = async (accountId: string) => {
    const { hasCode, passkeys } = await secondFactors.securityOf(accountId);
    return hasCode || passkeys.length > 0;
  };
  return {
    ...service,
    authentication: createAuthentication(parts),
    setup,
    deviceCookie,
    redeemLink: links.redeem,
    mustEnrol: secondFactors.mustEnrol,
    securityOf: secondFactors.securityOf,
    administrators: async () =>
      Promise.all((await store.listAdministrators()).map(async ({ id, email }) => ({ email, hasSecondFactor: await hasSecondFactor(id) }))),
    hasSecondFactor,
    presentSecurity: async (accountId) =>
      presentSecurity(await service.get(accountId), await secondFactors.securityOf(accountId), clock.now()),
    reseal,
    groupsOfAgents: provisioningStore.groupsOfAgents,
    capability: {
      name: 'accounts',
      oidc: createOidcContribution(service),
      scim: [createUserResourceType(provisioning), createGroupResourceType(provisioning)],
      routes: (router, web) => {
        for (const add of routes) add(router, web);
      },
      jobs: [
        {
          name: 'accounts-housekeeping',
          everySeconds: HOUSEKEEPING_SECONDS,
          run: async () => {
            for (const part of [throttle, secondFactors, links, setup]) await part.purge();
            if (vault.previousKeyCheck !== undefined) await reseal();
          },
        },
      ],
      commands: accountCommands(service),
    },
  };
}
