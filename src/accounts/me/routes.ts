import type Router from '@koa/router';
import type { Context } from 'koa';
import QRCode from 'qrcode';
import { AppError } from '../../platform/errors.ts';
import { basePathOf } from '../../platform/http/issuer-path.ts';
import type { BrowserSession, Routes, Web } from '../../platform/http/web.ts';
import { needsSecondFactor } from '../account.ts';
import type { DeviceCookie } from '../device-cookie.ts';
import { textOf } from '../enrolment/routes.ts';
import { faultsOf } from '../present.ts';
import type { SecondFactors } from '../second-factor/second-factor.ts';
import type { AccountService } from '../service.ts';

interface Deps {
  readonly issuer: URL;
  readonly service: AccountService;
  readonly secondFactors: SecondFactors;
  readonly deviceCookie: DeviceCookie;
}

/** Whoever finds a browser left open must not be able to make themselves at home in the account (security rule R22). */
const FRESH = { maxAgeSeconds: 900 } as const;
const HOME = '/me';

function passwordPages(router: Router, web: Web, { issuer, service, deviceCookie }: Deps): void {
  const action = `${basePathOf(issuer)}/me/password`;
  router.get('/me/password', async (ctx) => {
    const session = await web.guard.session(ctx);
    if (session !== undefined) await web.pages.show(ctx, 'me/password', { action, email: session.email }, session);
  });
  router.post('/me/password', async (ctx) => {
    const session = await web.guard.session(ctx);
    if (session === undefined) return;
    const form = await web.pages.form(ctx);
    const change = {
      current: textOf(form, 'current'),
      password: textOf(form, 'password'),
      sessionUid: session.sessionUid,
      address: ctx.ip,
      deviceToken: ctx.cookies.get(deviceCookie.name, deviceCookie.read),
    };
    try {
      await service.changePassword(session.accountId, change);
      web.pages.redirect(ctx, HOME, { kind: 'done', text: 'Your password is changed. Other devices are signed out.' });
    } catch (error) {
      await web.pages.show(ctx, 'me/password', { action, email: session.email, faults: faultsOf(error), status: 400 }, session);
    }
  });
}

function passkeyPages(router: Router, web: Web, { issuer, service, secondFactors }: Deps): void {
  const base = basePathOf(issuer);
  const show = async (ctx: Context, session: BrowserSession, model: object) => {
    const account = await service.get(session.accountId);
    const options = await secondFactors.passkeys.beginRegistration(account, session.sessionUid);
    const reason = needsSecondFactor(account.role)
      ? 'Who looks after this server or decides signs in with more than a password.'
      : 'It takes the place of your password, and nobody can make you type it on a false page.';
    const passkey = { action: `${base}/me/passkeys/new`, options: JSON.stringify(options) };
    await web.pages.show(
      ctx,
      'sign-in/enrol',
      { reason, passkey, codeHref: `${base}/me/code/new`, laterHref: `${base}/me`, ...model },
      session,
    );
  };
  router.get('/me/passkeys/new', async (ctx) => {
    const session = await web.guard.session(ctx, FRESH);
    if (session !== undefined) await show(ctx, session, {});
  });
  router.post('/me/passkeys/new', async (ctx) => {
    const session = await web.guard.session(ctx, FRESH);
    if (session === undefined) return;
    const form = await web.pages.form(ctx);
    const account = await service.get(session.accountId);
    const answer = { binding: session.sessionUid, credential: textOf(form, 'credential'), label: textOf(form, 'label') };
    try {
      const { label } = await secondFactors.addPasskey(account, answer);
      web.pages.redirect(ctx, HOME, { kind: 'done', text: `The passkey “${label}” is yours.` });
    } catch (error) {
      const faults = faultsOf(error).map(({ message }) => ({ message }));
      await show(ctx, session, { faults, status: 400 });
    }
  });
}

function codePages(router: Router, web: Web, { issuer, service, secondFactors }: Deps): void {
  const base = basePathOf(issuer);
  const show = async (ctx: Context, session: BrowserSession, model: object) => {
    const { uri, secret, label } = await secondFactors.beginCode(await service.get(session.accountId));
    const qr = await QRCode.toString(uri, { type: 'svg', margin: 2 });
    const grouped = secret.match(/.{1,4}/g)?.join(' ') ?? secret;
    const page = { action: `${base}/me/code/new`, qr, secret: grouped, account: label, passkeyHref: `${base}/me/passkeys/new` };
    await web.pages.show(ctx, 'sign-in/enrol-code', { ...page, ...model }, session);
  };
  router.get('/me/code/new', async (ctx) => {
    const session = await web.guard.session(ctx, FRESH);
    if (session !== undefined) await show(ctx, session, {});
  });
  router.post('/me/code/new', async (ctx) => {
    const session = await web.guard.session(ctx, FRESH);
    if (session === undefined) return;
    const code = textOf(await web.pages.form(ctx), 'code');
    if (await secondFactors.confirmCode(await service.get(session.accountId), code)) {
      return web.pages.redirect(ctx, HOME, { kind: 'done', text: 'The authenticator app is set up.' });
    }
    const faults = [{ field: 'code', message: 'This code is not right, or it is too old. Type the one shown now.' }];
    return show(ctx, session, { faults, status: 400 });
  });
}

function removal(router: Router, web: Web, { issuer, service, secondFactors }: Deps): void {
  const base = basePathOf(issuer);
  const words = 'You cannot sign in with it any more. Your password and what else you enrolled stay.';
  const gone = (): AppError => new AppError('not_found', 'It is not there any more.');
  router.get('/me/passkeys/:id/remove', async (ctx) => {
    const session = await web.guard.session(ctx, FRESH);
    if (session === undefined) return;
    const { passkeys } = await secondFactors.securityOf(session.accountId);
    const passkey = passkeys.find(({ id }) => id === ctx['params']['id']);
    if (passkey === undefined) throw gone();
    const action = `${base}/me/passkeys/${passkey.id}/remove`;
    await web.pages.show(ctx, 'me/remove', { action, heading: `Remove the passkey “${passkey.label}”?`, words }, session);
  });
  router.post('/me/passkeys/:id/remove', async (ctx) => {
    const session = await web.guard.session(ctx, FRESH);
    if (session === undefined) return;
    await web.pages.form(ctx);
    if (!(await secondFactors.removePasskey(await service.get(session.accountId), ctx['params']['id'] ?? ''))) throw gone();
    web.pages.redirect(ctx, HOME, { kind: 'done', text: 'The passkey is removed.' });
  });
  router.get('/me/code/remove', async (ctx) => {
    const session = await web.guard.session(ctx, FRESH);
    if (session === undefined) return;
    await web.pages.show(ctx, 'me/remove', { action: `${base}/me/code/remove`, heading: 'Remove the authenticator app?', words }, session);
  });
  router.post('/me/code/remove', async (ctx) => {
    const session = await web.guard.session(ctx, FRESH);
    if (session === undefined) return;
    await web.pages.form(ctx);
    if (!(await secondFactors.removeCode(await service.get(session.accountId)))) throw gone();
    web.pages.redirect(ctx, HOME, { kind: 'done', text: 'The authenticator app is removed.' });
  });
}

/** What a person changes about their own way to sign in. The page `/me` itself belongs to sign-in. */
export function personalRoutes(deps: Deps): Routes {
  return (router, web) => {
    passwordPages(router, web, deps);
    passkeyPages(router, web, deps);
    codePages(router, web, deps);
    removal(router, web, deps);
  };
}
