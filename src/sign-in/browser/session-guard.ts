import type { Accounts } from '../../accounts/index.ts';
import { ACR, isAtLeast, needsSecondFactor } from '../../accounts/index.ts';
import type { Clock } from '../../platform/clock.ts';
import { basePathOf } from '../../platform/http/issuer-path.ts';
import type { BrowserSession, PageGuard, PageNeed, Pages } from '../../platform/http/web.ts';
import { returnPathOf } from '../return-path.ts';
import type { BrowserContext, BrowserSessions } from './browser-session.ts';

interface Deps {
  readonly issuer: URL;
  readonly clock: Clock;
  readonly sessions: BrowserSessions;
  readonly accounts: Pick<Accounts, 'securityOf'>;
  /** The pages, known once all capabilities are put together. */
  readonly pages: () => Pages;
}

const ROLE_WORDS = { admin: 'administrators', approver: 'approvers', auditor: 'auditors', user: 'everybody who is signed in' } as const;

function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]';
}

/** The address of the sign-in page that leads back here; `ask` says what it shall ask although somebody is signed in. */
function signInPath(ctx: BrowserContext, ask: 'sign-in' | 'again' | 'more'): string {
  const asked = ctx.method === 'GET' ? `${ctx.path}${ctx.search}` : ctx.path;
  const query = new URLSearchParams({ return: returnPathOf(asked), ...(ask === 'sign-in' ? {} : { ask }) });
  return `/sign-in?${query}`;
}

/**
 * Who may see a page (R9, R22): nobody without a session; a page for certain roles only these, and people above `user` only
 * after a second factor. Until they have one, such pages answer on a loopback issuer alone.
 */
export function createPageGuard(deps: Deps): PageGuard {
  const { clock, sessions, accounts, pages } = deps;
  const base = basePathOf(deps.issuer);
  const refuse = async (ctx: BrowserContext, session: BrowserSession, page: object): Promise<undefined> => {
    await pages().show(ctx, 'sign-in/refused', { status: 403, ...page }, session);
    return undefined;
  };
  const refuseRole = (ctx: BrowserContext, session: BrowserSession, roles: readonly BrowserSession['role'][]) =>
    refuse(ctx, session, {
      heading: 'This page is not for your account',
      refusal: {
        rule: `Only ${roles.map((role) => ROLE_WORDS[role]).join(' and ')} may open it.`,
        saw: [
          { label: 'Signed in as', value: session.email },
          { label: 'Role', value: session.role },
        ],
        change: 'A role that may open it.',
        who: 'An administrator can give it to you.',
      },
      next: { href: `${base}/me`, words: 'Go to your agents' },
    });
  const refuseUnprotected = (ctx: BrowserContext, session: BrowserSession) =>
    refuse(ctx, session, {
      heading: 'Protect your account first',
      refusal: {
        rule: 'Whoever looks after this server or decides signs in with more than a password.',
        saw: [
          { label: 'Signed in as', value: session.email },
          { label: 'Second factor', value: 'none' },
        ],
        change: 'A passkey or an authenticator app for your account.',
        who: 'You can add it now.',
        changeHref: `${base}/me/passkeys/new`,
      },
      next: { href: `${base}/me`, words: 'Go to your agents' },
    });
  /** Undefined: the session is strong enough; otherwise what must happen first. */
  const weaknessOf = async (session: BrowserSession): Promise<'step-up' | 'enrol' | undefined> => {
    if (!needsSecondFactor(session.role) || isAtLeast(session.acr, ACR.secondFactor)) return undefined;
    const { passkeys, hasCode } = await accounts.securityOf(session.accountId);
    if (passkeys.length > 0 || hasCode) return 'step-up';
    return isLoopback(deps.issuer) ? undefined : 'enrol';
  };
  const isTooOld = (session: BrowserSession, need: PageNeed) =>
    need.maxAgeSeconds !== undefined && clock.now().getTime() - session.authTime.getTime() > need.maxAgeSeconds * 1000;
  const sendTo = (ctx: BrowserContext, ask: Parameters<typeof signInPath>[1]): undefined => {
    pages().redirect(ctx, signInPath(ctx, ask));
    return undefined;
  };
  return {
    async session(ctx, need = {}) {
      const session = await sessions.current(ctx);
      if (session === undefined) return sendTo(ctx, 'sign-in');
      if (need.roles !== undefined) {
        if (!need.roles.includes(session.role)) return refuseRole(ctx, session, need.roles);
        const weakness = await weaknessOf(session);
        if (weakness === 'step-up') return sendTo(ctx, 'more');
        if (weakness === 'enrol') return refuseUnprotected(ctx, session);
      }
      return isTooOld(session, need) ? sendTo(ctx, 'again') : session;
    },
  };
}
