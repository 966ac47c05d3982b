/**
 * How people come in and what they allow: signing in with one or two steps, consent, the engine's own pages, the one session of
 * a browser and the guard of every page. Owns consents and browsers; who people are is asked of accounts, what was allowed is
 * kept in the engine's grants. app.ts gives it the records and hands its guard to everybody's routes.
 */
import type { Provider } from 'oidc-provider';
import type { Accounts } from '../accounts/index.ts';
import type { Capability } from '../capability.ts';
import { type ArtifactStore, ROUTES } from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { AppError } from '../platform/errors.ts';
import { basePathOf } from '../platform/http/issuer-path.ts';
import { createRateLimiter } from '../platform/http/rate-limit.ts';
import type { PageGuard, Web } from '../platform/http/web.ts';
import type { Ids } from '../platform/ids.ts';
import type { Quotas } from '../platform/quota/quota.ts';
import type { Vault } from '../platform/vault.ts';
import { type BrowserSessions, createBrowserSessions } from './browser/browser-session.ts';
import { browserRoutes } from './browser/routes.ts';
import { createPageGuard } from './browser/session-guard.ts';
import { type ConsentGrants, createConsentGrants } from './consent-grants.ts';
import { createDeviceLimit } from './device-limit.ts';
import type { InteractionDeps } from './interaction/request/routes.ts';
import { interactionRoutes } from './interaction/routes.ts';
import { createAttempts } from './login/attempt.ts';
import { signInOidc } from './oidc.ts';
import type { SignInAudit } from './sign-in-event.ts';
import { createSignInStore } from './store.ts';

export type { BrowserContext, ListedSession } from './browser/browser-session.ts';
export type { Consented } from './interaction/request/routes.ts';
export type { AskedResource, Software, Standing } from './interaction/software.ts';
export type { SignInAudit, SignInEvent } from './sign-in-event.ts';
export type { ConsentRecord } from './store.ts';

/** Sign-in as the rest of the house sees it. */
export interface SignIn extends Pick<BrowserSessions, 'sessionsOf' | 'endSession' | 'endOtherSessions' | 'bindingOf'> {
  readonly guard: PageGuard;
  /** What a person allowed by consent, the latest first; a grant may have ended since. */
  consentsOf: ConsentGrants['listOf'];
  /** Removes what is kept about the consents and browsers of a person. */
  forget(accountId: string): Promise<void>;
  readonly capability: Capability;
}

/** What sign-in stands on. `provider` gives the engine in force; hooks run in the transaction under way. */
export interface SignInDeps
  extends Pick<InteractionDeps, 'detailTypes' | 'resourceServers' | 'softwareOf' | 'standingOf' | 'onAsked' | 'onConsent' | 'usedOf'> {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly vault: Vault;
  readonly issuer: URL;
  readonly quotas: Pick<Quotas, 'create'>;
  readonly audit: SignInAudit;
  readonly accounts: Pick<Accounts, 'find' | 'authentication' | 'deviceCookie' | 'securityOf'>;
  readonly provider: () => Provider;
  readonly artifacts: Pick<ArtifactStore, 'listOf' | 'destroyOf'>;
}

/** Tries to sign in of one network address, whatever their outcome: a whole office may share one. */
const TRIES_PER_ADDRESS = { limit: 120, windowSeconds: 600, maxKeys: 20_000 } as const;
const HOUSEKEEPING_SECONDS = 3_600;

/** Puts sign-in together. */
export function createSignIn(deps: SignInDeps): SignIn {
  const { db, clock, issuer, accounts, provider } = deps;
  const basePath = basePathOf(issuer);
  const store = createSignInStore(db);
  const sessions = createBrowserSessions({ ...deps, store, findAccount: (id) => accounts.find(id) });
  const grants = createConsentGrants({ ...deps, store });
  const attempts = createAttempts({ ...deps, basePath });
  const limiter = createRateLimiter({ ...TRIES_PER_ADDRESS, clock });
  const deviceLimit = createDeviceLimit(deps.quotas);
  let web: Web | undefined;
  const pages = () => {
    if (web === undefined) throw new Error('Sign-in was asked for a page before the routes were put together');
    return web.pages;
  };
  const login = { ...deps, basePath, attempts, limiter, sessions };
  return {
    guard: createPageGuard({ issuer, clock, sessions, accounts, pages }),
    bindingOf: sessions.bindingOf,
    sessionsOf: sessions.sessionsOf,
    endSession: sessions.endSession,
    endOtherSessions: sessions.endOtherSessions,
    consentsOf: grants.listOf,
    forget: store.forget,
    capability: {
      name: 'sign-in',
      oidc: signInOidc({ basePath, pages, grants, emailOf: async (id) => (await accounts.find(id))?.email }),
      routes(router, given) {
        web = given;
        browserRoutes(login, router, given);
        interactionRoutes({ ...login, grants }, router, given);
        router.post(ROUTES.code_verification, async (ctx, next) => {
          const wait = await deviceLimit.take({ address: ctx.ip, sessionCookie: ctx.cookies.get(provider().cookieName('session')) });
          if (wait !== undefined)
            throw new AppError('too_many_requests', `Too many codes were tried. Wait ${wait} seconds.`, { retryAfterSeconds: wait });
          return next();
        });
      },
      jobs: [{ name: 'sign-in-housekeeping', everySeconds: HOUSEKEEPING_SECONDS, run: () => sessions.purge() }],
    },
  };
}
