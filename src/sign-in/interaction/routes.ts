import type Router from '@koa/router';
import type { Context } from 'koa';
import { ACR } from '../../accounts/index.ts';
import { ROUTES } from '../../oidc/index.ts';
import { keepOpener } from '../../platform/http/security-headers.ts';
import type { Web } from '../../platform/http/web.ts';
import { loginRoutes } from '../login/routes.ts';
import type { Place } from '../login/place.ts';
import { neededOf } from '../needed-acr.ts';
import { createConsent } from './consent/routes.ts';
import {
  createInteractions,
  type InteractionDeps,
  type Interactions,
  type Open,
  prepareFor,
  refusalOf,
  textParam,
} from './request/routes.ts';
import { plainName } from './software.ts';

const STEP_UP_REASONS: ReadonlySet<string> = new Set(['acr_not_reached']);

function goOn(ctx: Context, address: string): void {
  ctx.status = 303;
  ctx.set('cache-control', 'no-store');
  ctx.redirect(address);
}

/** The steps of signing in, within an interaction. */
function createPlaces(deps: InteractionDeps, interactions: Interactions) {
  const { sessions, accounts } = deps;
  const stepUpOf = async ({ interaction, session }: Open): Promise<Place['stepUp']> => {
    const { reasons, name } = interaction.prompt;
    const isOnlyWeak = name === 'login' && reasons.every((reason) => STEP_UP_REASONS.has(reason));
    if (session === undefined || !isOnlyWeak) return undefined;
    const { passkeys, hasCode } = await accounts.securityOf(session.accountId);
    const isPossible = passkeys.length > 0 || (hasCode && neededOf(interaction.prompt.details)?.acr !== ACR.passkey);
    if (!isPossible) return undefined;
    return { accountId: session.accountId, email: session.email, assurance: { acr: session.acr, amr: session.amr } };
  };
  const isOther = (ctx: Context) => ctx.query['as'] === 'other';
  const placeOf = async (ctx: Context, open: Open): Promise<Place> => {
    const { interaction, software } = open;
    const hint = textParam(interaction, 'login_hint');
    return {
      path: `/interaction/${interaction.uid}`,
      query: isOther(ctx) ? '?as=other' : '',
      destination: plainName(software.agentName ?? software.name) || undefined,
      email: hint?.includes('@') === true ? hint.slice(0, 254) : undefined,
      needed: neededOf(interaction.prompt.details),
      stepUp: isOther(ctx) ? undefined : await stepUpOf(open),
      abortHref: `/interaction/${interaction.uid}/abort`,
      prepare: prepareFor(interaction),
      async finish(context, login) {
        const { accountId, acr, amr, at } = login;
        const { uid, jti } = await sessions.establish(context, login);
        interaction.session = { accountId, uid, cookie: jti, acr, amr: [...amr] };
        return interactions.answer(interaction, { login: { accountId, acr, amr: [...amr], ts: at } });
      },
      unreachable: () =>
        interactions.answer(
          interaction,
          refusalOf('unmet_authentication_requirements', 'the person cannot sign in as strongly as was asked'),
        ),
    };
  };
  const isLoginNext = (ctx: Context, { interaction, session }: Open) =>
    interaction.prompt.name === 'login' || isOther(ctx) || session === undefined || session.accountId !== interaction.session?.accountId;
  return { placeOf, isLoginNext };
}

/** The pages of an interaction: `/interaction/:uid` and the steps below it. */
export function interactionRoutes(deps: InteractionDeps, router: Router, web: Web): void {
  const interactions = createInteractions(deps, web);
  const { placeOf, isLoginNext } = createPlaces(deps, interactions);
  const consent = createConsent(deps, { web, interactions });
  const path = '/interaction/:uid';
  // a client that opened the request in a popup waits for it: no answer on the way, redirects included, may cut the two apart
  router.all([ROUTES.authorization, `${ROUTES.authorization}/:uid`, path, `${path}/:step`], (ctx, next) => {
    keepOpener(ctx);
    return next();
  });
  const steps = loginRoutes(deps, {
    router,
    web,
    path,
    find: async (ctx) => {
      const open = await interactions.open(ctx);
      return open && placeOf(ctx, open);
    },
  });
  router.get(path, async (ctx) => {
    const open = await interactions.open(ctx);
    if (open === undefined) return;
    const { session } = open;
    if (session === undefined || isLoginNext(ctx, open)) return steps.show(ctx, await placeOf(ctx, open));
    await consent.show(ctx, open, session);
  });
  router.get(`${path}/consent`, (ctx) => web.pages.redirect(ctx, `/interaction/${ctx['params']['uid'] ?? ''}`));
  router.post(`${path}/consent`, async (ctx) => {
    const open = await interactions.open(ctx);
    if (open === undefined) return;
    const form = await web.pages.form(ctx);
    const { session, interaction } = open;
    if (session === undefined || interaction.prompt.name !== 'consent' || isLoginNext(ctx, open)) {
      return web.pages.redirect(ctx, `/interaction/${interaction.uid}`);
    }
    const address = await consent.decide(ctx, { open, session, form });
    if (address !== undefined) goOn(ctx, address);
  });
  router.post(`${path}/abort`, async (ctx) => {
    const open = await interactions.open(ctx);
    if (open === undefined) return;
    await web.pages.form(ctx);
    goOn(ctx, await consent.deny(open));
  });
}
