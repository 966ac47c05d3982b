import type Router from '@koa/router';
import type { Context } from 'koa';
import {
  ACR,
  type Accounts,
  type Account,
  type Assurance,
  type Authentication,
  combine,
  isAtLeast,
  type NotSignedIn,
} from '../../accounts/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import { addressKey, type RateLimiter } from '../../platform/http/rate-limit.ts';
import type { Form, Web } from '../../platform/http/web.ts';
import type { Attempts } from './attempt.ts';
import type { FindPlace, Place } from './place.ts';
import { type Fault, slowDownOf, WRONG_CODE, WRONG_PASSKEY, WRONG_PASSWORD } from './present.ts';

/** What the steps of signing in are made of. */
export interface LoginDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly basePath: string;
  readonly accounts: Pick<Accounts, 'authentication' | 'deviceCookie' | 'securityOf' | 'find'>;
  readonly attempts: Attempts;
  /** Tries of one network address, right or wrong; accounts and devices have counters of their own. */
  readonly limiter: RateLimiter;
}

/** The pages and answers of signing in at one place. */
export interface LoginSteps {
  /** The step that is next: email and password, or the second factor. */
  show(ctx: Context, place: Place): Promise<void>;
}

/** Who is at the second step, with what they have shown so far. */
interface SecondStep {
  readonly accountId: string;
  readonly email: string;
  readonly assurance: Assurance;
}

const LONGEST_EMAIL = 254;
const LONGEST_INPUT = 20_000;

function fieldOf(form: Form, name: string): string {
  const value = form[name];
  return typeof value === 'string' ? value.slice(0, LONGEST_INPUT) : '';
}

/** Pages of both steps. */
function createViews({ basePath, accounts, attempts, clock }: LoginDeps, web: Web) {
  const passkeyOf = async (place: Place, ceremony: Parameters<Authentication['beginPasskey']>[0]) => ({
    action: `${basePath}${place.path}/passkey${place.query}`,
    options: JSON.stringify(await accounts.authentication.beginPasskey(ceremony)),
  });
  const abortOf = (place: Place) =>
    place.abortHref === undefined
      ? {}
      : {
          abort: {
            action: `${basePath}${place.abortHref}`,
            words: 'Go back without signing in',
          },
        };
  const secondStepOf = async (ctx: Context, place: Place): Promise<SecondStep | undefined> => {
    const { shown } = attempts.begin(ctx, place.path);
    if (shown === undefined) return place.stepUp;
    const account = await accounts.find(shown.accountId);
    return account?.status === 'active' ? { accountId: account.id, email: account.email, assurance: shown.assurance } : undefined;
  };
  const showLogin = async (ctx: Context, place: Place, model: { status?: number; email?: string; faults?: readonly Fault[] }) => {
    place.prepare(ctx);
    const { binding } = attempts.begin(ctx, place.path);
    await web.pages.show(ctx, 'sign-in/login', {
      action: `${basePath}${place.path}/login${place.query}`,
      destination: place.destination,
      email: place.email,
      passkey: await passkeyOf(place, { binding, accountId: undefined }),
      ...abortOf(place),
      ...model,
    });
  };
  const showSecondStep = async (
    ctx: Context,
    place: Place,
    step: SecondStep,
    model: { status?: number; faults?: readonly Fault[] } = {},
  ) => {
    place.prepare(ctx);
    const { binding } = attempts.begin(ctx, place.path);
    const { passkeys, hasCode } = await accounts.securityOf(step.accountId);
    await web.pages.show(ctx, 'sign-in/second-factor', {
      action: `${basePath}${place.path}/code${place.query}`,
      email: step.email,
      hasCode: hasCode && place.needed?.acr !== ACR.passkey,
      ...(place.stepUp === undefined ? {} : { reason: 'What comes next asks for one more step.' }),
      ...(passkeys.length === 0 ? {} : { passkey: await passkeyOf(place, { binding, accountId: step.accountId }) }),
      ...abortOf(place),
      ...model,
    });
  };
  const showSlowDown = async (ctx: Context, place: Place, retryAfterSeconds: number) => {
    ctx.set('retry-after', String(Math.ceil(retryAfterSeconds)));
    const slowDown = slowDownOf(retryAfterSeconds, clock.now());
    const href = `${basePath}${place.path}${place.query}`;
    await web.pages.show(ctx, 'sign-in/login', { status: 429, destination: place.destination, slowDown: { ...slowDown, href } });
  };
  return { secondStepOf, showLogin, showSecondStep, showSlowDown };
}

/** What a right answer leads to. */
function createOutcome({ db, clock, basePath, accounts, attempts }: LoginDeps) {
  const goOn = (ctx: Context, address: string) => {
    ctx.status = 303;
    ctx.set('cache-control', 'no-store');
    ctx.redirect(address);
  };
  const complete = (ctx: Context, place: Place, who: { account: Account; assurance: Assurance }) =>
    db.transaction(async () => {
      const { account, assurance } = who;
      if (place.needed?.isEssential === true && !isAtLeast(assurance.acr, place.needed.acr)) return goOn(ctx, await place.unreachable(ctx));
      const { name, read, write } = accounts.deviceCookie;
      const { deviceToken } = await accounts.authentication.signedIn({ account, assurance, deviceToken: ctx.cookies.get(name, read) });
      ctx.cookies.set(name, deviceToken, write);
      attempts.end(ctx, place.path);
      const { acr, amr } = assurance;
      return goOn(ctx, await place.finish(ctx, { accountId: account.id, acr, amr, at: clock.epochSeconds() }));
    });
  /** The password was right, and a second factor must follow: the browser keeps what it has shown. */
  const goToSecondStep = (ctx: Context, place: Place, shown: { accountId: string; assurance: Assurance }) => {
    const { binding } = attempts.begin(ctx, place.path);
    attempts.keep(ctx, place.path, { binding, shown: { ...shown, at: clock.epochSeconds() } });
    goOn(ctx, `${basePath}${place.path}${place.query}`);
  };
  return { complete, goToSecondStep };
}

/** The steps below `path` (`/sign-in`, `/interaction/:uid`): login, code, passkey. Their pages are forms that need no script. */
export function loginRoutes(
  deps: LoginDeps,
  { router, web, path, find }: { router: Router; web: Web; path: string; find: FindPlace },
): LoginSteps {
  const { accounts, attempts, limiter } = deps;
  const { authentication, deviceCookie } = accounts;
  const views = createViews(deps, web);
  const { complete, goToSecondStep } = createOutcome(deps);
  /** Finds the place, checks the form, counts the try; then the step itself. */
  const step = (name: string, run: (ctx: Context, place: Place, form: Form) => Promise<void>) => {
    router.get(`${path}/${name}`, async (ctx) => {
      const place = await find(ctx);
      if (place !== undefined) web.pages.redirect(ctx, `${place.path}${place.query}`);
    });
    router.post(`${path}/${name}`, async (ctx) => {
      const place = await find(ctx);
      if (place === undefined) return;
      const form = await web.pages.form(ctx);
      const { allowed, retryAfterSeconds } = limiter.take(addressKey(ctx.ip));
      if (!allowed) return views.showSlowDown(ctx, place, retryAfterSeconds);
      try {
        await run(ctx, place, form);
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'too_many_requests') throw error;
        await views.showSlowDown(ctx, place, error.details.retryAfterSeconds ?? 1);
      }
    });
  };
  const pauseOf = (result: NotSignedIn): number | undefined => result.retryAfterSeconds;

  step('login', async (ctx, place, form) => {
    const email = fieldOf(form, 'email').slice(0, LONGEST_EMAIL);
    const deviceToken = ctx.cookies.get(deviceCookie.name, deviceCookie.read);
    const result = await authentication.verifyPassword({ email, password: fieldOf(form, 'password'), address: ctx.ip, deviceToken });
    if (!result.ok) {
      const pause = pauseOf(result);
      if (pause !== undefined) return views.showSlowDown(ctx, place, pause);
      return views.showLogin(ctx, place, { status: 400, email, faults: [WRONG_PASSWORD] });
    }
    const { account, assurance, needsSecondFactor } = result;
    if (needsSecondFactor) return goToSecondStep(ctx, place, { accountId: account.id, assurance });
    return complete(ctx, place, { account, assurance });
  });
  step('code', async (ctx, place, form) => {
    const second = await views.secondStepOf(ctx, place);
    if (second === undefined) return web.pages.redirect(ctx, `${place.path}${place.query}`);
    const result = await authentication.verifyCode(second.accountId, fieldOf(form, 'code'));
    if (!result.ok) {
      const pause = pauseOf(result);
      if (pause !== undefined) return views.showSlowDown(ctx, place, pause);
      return views.showSecondStep(ctx, place, second, { status: 400, faults: [WRONG_CODE] });
    }
    return complete(ctx, place, { account: result.account, assurance: combine(second.assurance, result.assurance) });
  });
  step('passkey', async (ctx, place, form) => {
    const second = await views.secondStepOf(ctx, place);
    const { binding } = attempts.begin(ctx, place.path);
    const result = await authentication.finishPasskey({ binding, accountId: second?.accountId }, fieldOf(form, 'credential'));
    if (result.ok) {
      const assurance = second === undefined ? result.assurance : combine(second.assurance, result.assurance);
      return complete(ctx, place, { account: result.account, assurance });
    }
    const model = { status: 400, faults: [WRONG_PASSKEY] };
    return second === undefined ? views.showLogin(ctx, place, model) : views.showSecondStep(ctx, place, second, model);
  });
  return {
    async show(ctx, place) {
      const second = await views.secondStepOf(ctx, place);
      await (second === undefined ? views.showLogin(ctx, place, {}) : views.showSecondStep(ctx, place, second));
    },
  };
}
