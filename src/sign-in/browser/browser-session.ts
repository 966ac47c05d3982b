import type { Provider } from 'oidc-provider';
import type { Account } from '../../accounts/index.ts';
import { type ArtifactStore, engineCookie, hashOf, SESSION_SECONDS } from '../../oidc/index.ts';
import { type Clock, secondsAfter } from '../../platform/clock.ts';
import type { BrowserSession, PageGuard } from '../../platform/http/web.ts';
import type { SignInStore } from '../store.ts';

/** A request of a browser, as routes have it. */
export type BrowserContext = Parameters<PageGuard['session']>[0];

type EngineSession = InstanceType<Provider['Session']>;

/** How somebody showed who they are: the class that was reached, the methods, and when (seconds since 1970). */
export interface Login {
  readonly accountId: string;
  readonly acr: string;
  readonly amr: readonly string[];
  readonly at: number;
}

/** A session as its owner sees it in a list. */
export interface ListedSession {
  /** Names the session without opening it. */
  readonly uid: string;
  readonly userAgent: string;
  readonly address: string;
  readonly signedInAt: Date;
  readonly lastSeenAt: Date;
}

/** The one session of a browser: the engine's own, used for its interactions, the console and `/me` alike. */
export interface BrowserSessions {
  /** Who is signed in here; undefined for nobody, for a session that has ended, and for a disabled account. */
  current(ctx: BrowserContext): Promise<BrowserSession | undefined>;
  /** Signs in: under a new identifier, and for another person than before in a new session altogether. Returns its uid and identifier. */
  establish(ctx: BrowserContext, login: Login): Promise<{ readonly uid: string; readonly jti: string }>;
  /** Signs out on this browser. */
  end(ctx: BrowserContext): Promise<void>;
  /** What a form's CSRF token belongs to once somebody is signed in: the session. Ask `current` before. */
  bindingOf(ctx: BrowserContext): string | undefined;
  /** Every session of a person that is alive. */
  sessionsOf(accountId: string): Promise<ListedSession[]>;
  /** Ends one session of a person; false when they have no such session. */
  endSession(accountId: string, uid: string): Promise<boolean>;
  /** Ends the sessions of a person but the one named; without a name, all. */
  endOtherSessions(accountId: string, exceptUid: string | undefined): Promise<void>;
  /** Forgets browsers that were not seen for longer than a session lives. */
  purge(): Promise<void>;
}

interface Deps {
  readonly issuer: URL;
  readonly clock: Clock;
  readonly provider: () => Provider;
  readonly artifacts: Pick<ArtifactStore, 'listOf' | 'destroyOf'>;
  readonly store: SignInStore;
  readonly findAccount: (id: string) => Promise<Account | undefined>;
}

const TOUCH_SECONDS = 300;
const LONGEST_USER_AGENT = 300;
const PURGE_BATCH = 500;

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Lists and ends sessions wherever they are. */
function ofAccount({ artifacts, store, clock }: Deps) {
  return {
    async sessionsOf(accountId: string): Promise<ListedSession[]> {
      const [sessions, browsers] = [await artifacts.listOf('Session', accountId), await store.browsersOf(accountId)];
      return sessions.map(({ payload, createdAt }) => {
        const uid = text(payload['uid']);
        const known = browsers.find(({ uidHash }) => uidHash.equals(hashOf(uid)));
        return {
          uid,
          userAgent: known?.userAgent ?? '',
          address: known?.address ?? '',
          signedInAt: known?.signedInAt ?? createdAt,
          lastSeenAt: known?.lastSeenAt ?? createdAt,
        };
      });
    },
    endSession: async (accountId: string, uid: string) => (await artifacts.destroyOf('Session', accountId, { uid })) > 0,
    async endOtherSessions(accountId: string, exceptUid: string | undefined) {
      await artifacts.destroyOf('Session', accountId, { exceptUid });
    },
    async purge() {
      const before = secondsAfter(clock.now(), -SESSION_SECONDS);
      while ((await store.purgeBrowsers(before, PURGE_BATCH)) >= PURGE_BATCH);
    },
  };
}

/** Sessions over the engine's own, found by its cookie. What was read is remembered for the request. */
export function createBrowserSessions(deps: Deps): BrowserSessions {
  const { issuer, clock, provider, store, findAccount } = deps;
  const cookie = { ...engineCookie(issuer), path: '/', overwrite: true };
  const uids = new WeakMap<object, string | undefined>();
  const load = (ctx: BrowserContext): Promise<EngineSession> => provider().Session.get(ctx);
  const write = (ctx: BrowserContext, value: string | null) => {
    const lifetime = value === null ? {} : { maxAge: SESSION_SECONDS * 1000 };
    ctx.cookies.set(provider().cookieName('session'), value, { ...cookie, ...lifetime });
  };
  /** Another person, or a browser nobody was signed in on: what was planted or left behind before is worth nothing afterwards. */
  const successorOf = async (before: EngineSession, accountId: string): Promise<EngineSession> => {
    if (before.accountId === accountId) {
      before.resetIdentifier();
      return before;
    }
    await before.destroy();
    const { Session } = provider();
    return new Session();
  };
  return {
    ...ofAccount(deps),
    async current(ctx) {
      const session = await load(ctx);
      const account = session.accountId === undefined ? undefined : await findAccount(session.accountId);
      const isIn = account?.status === 'active' && session.loginTs !== undefined;
      uids.set(ctx.req, isIn ? session.uid : undefined);
      if (!isIn) return undefined;
      const now = clock.now();
      await store.touchBrowser(hashOf(session.uid), { at: now, unlessAfter: secondsAfter(now, -TOUCH_SECONDS) });
      const { id: accountId, name, email, role } = account;
      const authTime = new Date((session.loginTs ?? 0) * 1000);
      return { accountId, sessionUid: session.uid, name, email, role, authTime, acr: session.acr ?? '', amr: session.amr ?? [] };
    },
    async establish(ctx, { accountId, acr, amr, at }) {
      const session = await successorOf(await load(ctx), accountId);
      session.loginAccount({ accountId, acr, amr: [...amr], loginTs: at });
      await session.save(SESSION_SECONDS);
      write(ctx, session.jti);
      uids.set(ctx.req, session.uid);
      const userAgent = ctx.get('user-agent').slice(0, LONGEST_USER_AGENT);
      const now = clock.now();
      const uidHash = hashOf(session.uid);
      await store.recordBrowser({ uidHash, accountId, userAgent, address: ctx.ip, signedInAt: now, lastSeenAt: now });
      return { uid: session.uid, jti: session.jti };
    },
    async end(ctx) {
      await (await load(ctx)).destroy();
      write(ctx, null);
      uids.set(ctx.req, undefined);
    },
    bindingOf: (ctx) => uids.get(ctx.req),
  };
}
