import type Router from '@koa/router';
import type { Context } from 'koa';
import { ACR, type Accounts, isAtLeast } from '../../accounts/index.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import type { BrowserSession, Web } from '../../platform/http/web.ts';
import { type LoginDeps, loginRoutes } from '../login/routes.ts';
import type { Place } from '../login/place.ts';
import type { SignInAudit } from '../sign-in-event.ts';
import { returnPathOf } from '../return-path.ts';
import type { BrowserSessions } from './browser-session.ts';

interface Deps extends LoginDeps {
  readonly db: Db;
  readonly accounts: LoginDeps['accounts'] & Pick<Accounts, 'securityOf'>;
  readonly sessions: BrowserSessions;
  readonly audit: SignInAudit;
}

const PATH = '/sign-in';
const DESTINATIONS: readonly (readonly [string, string])[] = [
  ['/console', 'the console'],
  ['/me', 'your agents'],
];

function destinationOf(path: string): string | undefined {
  return DESTINATIONS.find(([prefix]) => path === prefix || path.startsWith(`${prefix}/`))?.[1];
}

/** What the page shall ask for although somebody is signed in: nothing, everything again, or one step more. */
function askOf(ctx: Context): 'again' | 'more' | undefined {
  const { ask } = ctx.query;
  return ask === 'again' || ask === 'more' ? ask : undefined;
}

/** Sign-in to our own pages. The address in the query is only ever read through the list of our own paths. */
function signIn({ router, web }: { router: Router; web: Web }, deps: Deps): void {
  const { accounts, basePath, sessions } = deps;
  const stepUpOf = async (session: BrowserSession | undefined) => {
    if (session === undefined || isAtLeast(session.acr, ACR.secondFactor)) return undefined;
    const { passkeys, hasCode } = await accounts.securityOf(session.accountId);
    if (passkeys.length === 0 && !hasCode) return undefined;
    return { accountId: session.accountId, email: session.email, assurance: { acr: session.acr, amr: session.amr } };
  };
  const placeOf = async (ctx: Context, session: BrowserSession | undefined): Promise<Place> => {
    const target = returnPathOf(ctx.query['return']);
    const ask = askOf(ctx);
    return {
      path: PATH,
      query: `?${new URLSearchParams({ return: target, ...(ask === undefined ? {} : { ask }) })}`,
      destination: destinationOf(target),
      email: ask === 'again' ? session?.email : undefined,
      needed: undefined,
      stepUp: ask === 'more' ? await stepUpOf(session) : undefined,
      abortHref: undefined,
      prepare: () => undefined,
      async finish(context, login) {
        await sessions.establish(context, login);
        return `${basePath}${target}`;
      },
      unreachable: async () => `${basePath}${target}`,
    };
  };
  const find = async (ctx: Context) => placeOf(ctx, await sessions.current(ctx));
  const steps = loginRoutes(deps, { router, web, path: PATH, find });
  router.get(PATH, async (ctx) => {
    const session = await sessions.current(ctx);
    const place = await placeOf(ctx, session);
    const isDone = session !== undefined && (askOf(ctx) === undefined || (askOf(ctx) === 'more' && place.stepUp === undefined));
    if (isDone) return web.pages.redirect(ctx, returnPathOf(ctx.query['return']));
    return steps.show(ctx, place);
  });
}

const SIGNED_OUT = {
  message: {
    tone: '',
    heading: 'You are signed out',
    words: 'On this browser. Your agents keep what you allowed them.',
  },
} as const;

function signOut({ router, web }: { router: Router; web: Web }, deps: Deps): void {
  const { db, basePath, sessions, audit } = deps;
  const next = { href: `${basePath}/sign-in`, words: 'Sign in again' };
  router.get('/sign-out', async (ctx) => {
    const session = await sessions.current(ctx);
    if (session === undefined) return web.pages.show(ctx, 'sign-in/message', { message: { ...SIGNED_OUT.message, next } });
    return web.pages.show(ctx, 'sign-in/logout', { action: `${basePath}/sign-out`, email: session.email }, session);
  });
  router.post('/sign-out', async (ctx) => {
    const session = await sessions.current(ctx);
    const form = await web.pages.form(ctx);
    if (session === undefined) return web.pages.redirect(ctx, '/sign-out');
    if (form['logout'] !== 'yes') return web.pages.redirect(ctx, '/me');
    await db.transaction(async () => {
      await sessions.end(ctx);
      const actor = { kind: 'account', id: session.accountId } as const;
      await audit.record({ type: 'session.ended', actor, subjectId: session.accountId, cause: 'signed_out' });
    });
    return web.pages.redirect(ctx, '/sign-out');
  });
}

/** Ending one of one's own sessions from the list under `/me`. */
function endSession({ router, web }: { router: Router; web: Web }, { db, sessions, audit }: Deps): void {
  router.post('/me/sessions/:uid/end', async (ctx) => {
    const session = await web.guard.session(ctx);
    if (session === undefined) return;
    await web.pages.form(ctx);
    await db.transaction(async () => {
      const isEnded = await sessions.endSession(session.accountId, ctx['params']['uid'] ?? '');
      if (!isEnded) throw new AppError('not_found', 'This session has ended already.');
      const actor = { kind: 'account', id: session.accountId } as const;
      await audit.record({ type: 'session.ended', actor, subjectId: session.accountId, cause: 'ended_by_owner' });
    });
    web.pages.redirect(ctx, '/me', { kind: 'done', text: 'The session is ended. That browser is signed out.' });
  });
}

/** The pages of a browser's own session: `/sign-in`, `/sign-out`, `/me/sessions/…/end`. */
export function browserRoutes(deps: Deps, router: Router, web: Web): void {
  for (const add of [signIn, signOut, endSession]) add({ router, web }, deps);
}
