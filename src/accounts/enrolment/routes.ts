import type Router from '@koa/router';
import ipaddr from 'ipaddr.js';
import type { Context } from 'koa';
import { AppError } from '../../platform/errors.ts';
import { basePathOf } from '../../platform/http/issuer-path.ts';
import type { Form, Routes, Web } from '../../platform/http/web.ts';
import type { DeviceCookie } from '../device-cookie.ts';
import { faultsOf } from '../present.ts';
import type { Throttle } from '../throttle/throttle.ts';
import { LINK_PATH, type LinkHolder, type Links } from './links.ts';
import type { Setup } from './setup.ts';

interface Deps {
  readonly issuer: URL;
  readonly setup: Setup;
  readonly links: Links;
  readonly throttle: Throttle;
  readonly deviceCookie: DeviceCookie;
}

/** A field of a form as text; absent and repeated ones are empty. */
export function textOf(form: Form, name: string): string {
  const value = form[name];
  return typeof value === 'string' ? value : '';
}

/** Without https, only somebody at this machine may send a setup code (contract.md "Addresses"). */
function checkIsPrivate(ctx: Context, issuer: URL): void {
  if (issuer.protocol === 'https:') return;
  if (ipaddr.isValid(ctx.ip) && ipaddr.process(ctx.ip).range() === 'loopback') return;
  throw new AppError('forbidden', 'Set this server up from the machine it runs on, or over https.');
}

function setupRoutes(router: Router, web: Web, { issuer, setup }: Deps): void {
  const action = `${basePathOf(issuer)}/setup`;
  const alreadyDone = (ctx: Context) => web.pages.show(ctx, 'setup/already-done', {});
  const show = (ctx: Context, model: object) =>
    web.pages.show(ctx, 'setup/first-administrator', {
      action,
      issuer: issuer.href.replace(/\/$/, ''),
      values: { code: '', email: '', name: '' },
      ...model,
    });
  router.get('/setup', async (ctx) => {
    checkIsPrivate(ctx, issuer);
    await ((await setup.isOpen()) ? show(ctx, {}) : alreadyDone(ctx));
  });
  router.post('/setup', async (ctx) => {
    checkIsPrivate(ctx, issuer);
    const form = await web.pages.form(ctx);
    if (!(await setup.isOpen())) return alreadyDone(ctx);
    const [code, email, name, password] = ['code', 'email', 'name', 'password'].map((field) => textOf(form, field)) as [
      string,
      string,
      string,
      string,
    ];
    try {
      await setup.redeem({ code, email, name, password });
    } catch (error) {
      // the code is typed again: it does not travel back in a page
      return show(ctx, { faults: faultsOf(error), values: { code: '', email, name }, status: 400 });
    }
    return web.pages.redirect(ctx, '/console', { kind: 'done', text: 'You are the administrator. Sign in to go on.' });
  });
}

function linkRoutes(router: Router, web: Web, { issuer, links, throttle, deviceCookie }: Deps): void {
  const base = basePathOf(issuer);
  const spent = (ctx: Context) =>
    web.pages.show(ctx, 'sign-in/message', {
      status: 404,
      message: {
        tone: 'wait',
        state: 'Used',
        heading: 'This link works once',
        words: 'It was used, or it ran out. Ask the administrator who gave it to you for a new one.',
        next: { href: `${base}/me`, words: 'Sign in' },
      },
    });
  const show = (ctx: Context, { account, purpose, madeBy }: LinkHolder, model: object) => {
    const isInvitation = purpose === 'invitation';
    return web.pages.show(ctx, 'sign-in/choose-password', {
      action: `${base}${LINK_PATH}/${ctx['params']['token']}`,
      heading: isInvitation ? `Welcome, ${account.name}` : 'Choose a new password',
      words: isInvitation
        ? `${madeBy ?? 'An administrator'} invited you to decide what agents may do for you.`
        : 'Your other devices are signed out, and you add a passkey or authenticator app anew.',
      email: account.email,
      asksName: isInvitation,
      values: { name: account.name },
      ...model,
    });
  };
  router.get(`${LINK_PATH}/:token`, async (ctx) => {
    const holder = await links.find(ctx['params']['token'] ?? '');
    await (holder === undefined ? spent(ctx) : show(ctx, holder, {}));
  });
  router.post(`${LINK_PATH}/:token`, async (ctx) => {
    const form = await web.pages.form(ctx);
    const token: string = ctx['params']['token'] ?? '';
    const holder = await links.find(token);
    if (holder === undefined) return spent(ctx);
    const name = holder.purpose === 'invitation' ? textOf(form, 'name') : undefined;
    try {
      const account = await links.redeem(token, { password: textOf(form, 'password'), name });
      // strangers who guess at this account from now on do not slow its owner down
      const device = await throttle.remember(account.id, ctx.cookies.get(deviceCookie.name, deviceCookie.read));
      ctx.cookies.set(deviceCookie.name, device, deviceCookie.write);
    } catch (error) {
      if (error instanceof AppError && error.code === 'not_found') return spent(ctx);
      return show(ctx, holder, { faults: faultsOf(error), values: { name: name ?? '' }, status: 400 });
    }
    return web.pages.redirect(ctx, '/me', { kind: 'done', text: 'Your password is set. Sign in with it.' });
  });
}

/** `/setup` and the pages behind one-time links. */
export function enrolmentRoutes(deps: Deps): Routes {
  return (router, web) => {
    setupRoutes(router, web, deps);
    linkRoutes(router, web, deps);
  };
}
