import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Client, Provider } from 'oidc-provider';
import { errors } from 'oidc-provider';
import { type Accounts, ACR } from '../../accounts/index.ts';
import { type DetailTypes, detailsHash } from '../../authorization-details/index.ts';
import { ROUTES } from '../../oidc/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { allowFormAction, keepOpener } from '../../platform/http/security-headers.ts';
import type { BrowserSession, Form, Web } from '../../platform/http/web.ts';
import type { BrowserSessions } from '../browser/browser-session.ts';
import { applyConsent, type Choice, type ConsentRequest, consentRequestOf, type GrantContent, grantedOf, isEmpty } from '../consent.ts';
import type { ConsentGrants } from '../consent-grants.ts';
import { type LoginDeps, loginRoutes } from '../login/routes.ts';
import type { Place } from '../login/place.ts';
import type { SignInAudit } from '../sign-in-event.ts';
import { neededOf } from '../needed-acr.ts';
import { presentConsent } from './present.ts';
import { type AskedResource, plainName, type Software } from './software.ts';

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>;

/** What a consent gave, told within its transaction. */
export interface Consented {
  readonly accountId: string;
  readonly clientId: string;
  readonly grantId: string;
  /** All scopes that were allowed now, of the person and of resources. */
  readonly scopes: readonly string[];
  readonly details: ConsentRequest['details'];
}

/** What the pages of an interaction are made of. */
export interface InteractionDeps extends LoginDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly accounts: LoginDeps['accounts'] & Pick<Accounts, 'securityOf'>;
  readonly provider: () => Provider;
  readonly sessions: BrowserSessions;
  readonly grants: ConsentGrants;
  readonly audit: SignInAudit;
  readonly detailTypes: () => DetailTypes;
  readonly resourceServers: { findByIdentifier(uri: string): Promise<AskedResource | undefined> };
  readonly softwareOf: (clientId: string) => Promise<Software | undefined>;
  /** Told of every consent, in its transaction; what it throws undoes the consent. */
  readonly onConsent?: (consented: Consented) => Promise<void>;
}

/** An interaction under way in this browser. */
interface Open {
  readonly interaction: Interaction;
  readonly client: Client;
  readonly software: Software;
  readonly session: BrowserSession | undefined;
}

const EXPIRED = {
  status: 400,
  message: {
    tone: 'wait',
    state: 'Run out',
    heading: 'This request is over',
    words: 'It was answered already, it waited too long, or it began in another browser. Go back to the application and start again.',
  },
} as const;
const STEP_UP_REASONS: ReadonlySet<string> = new Set(['acr_not_reached']);

function textParam(interaction: Interaction, name: string): string | undefined {
  const value = interaction.params[name];
  return typeof value === 'string' ? value : undefined;
}

/** Reads and answers interactions. The engine's own way to answer would send the redirect before the transaction is over. */
function createInteractions({ provider, sessions, softwareOf }: InteractionDeps, web: Web) {
  const detailsOf = async (ctx: Context): Promise<Interaction | undefined> => {
    try {
      return await provider().interactionDetails(ctx.req, ctx.res);
    } catch (error) {
      if (error instanceof errors.SessionNotFound) return undefined;
      throw error;
    }
  };
  return {
    /** The interaction of this address, or undefined when the page that says why not is shown. */
    async open(ctx: Context): Promise<Open | undefined> {
      const session = await sessions.current(ctx);
      const interaction = await detailsOf(ctx);
      const clientId = interaction && textParam(interaction, 'client_id');
      const isHere = interaction !== undefined && interaction.uid === ctx['params']['uid'] && clientId !== undefined;
      const client = isHere ? await provider().Client.find(clientId) : undefined;
      if (!isHere || client === undefined) {
        await web.pages.show(ctx, 'sign-in/message', EXPIRED, session);
        return undefined;
      }
      const software = (await softwareOf(clientId)) ?? { name: client.clientName ?? clientId, isVerified: false };
      return { interaction, client, software, session };
    },
    /** Stores the answer; the engine goes on with it at the returned address. */
    async answer(interaction: Interaction, result: NonNullable<Interaction['result']>): Promise<string> {
      interaction.result = result;
      await interaction.persist();
      return interaction.returnTo;
    },
  };
}

type Interactions = ReturnType<typeof createInteractions>;

function goOn(ctx: Context, address: string): void {
  ctx.status = 303;
  ctx.set('cache-control', 'no-store');
  ctx.redirect(address);
}

function prepareFor(interaction: Interaction) {
  const redirectUri = textParam(interaction, 'redirect_uri');
  return (ctx: Context) => {
    if (redirectUri !== undefined) allowFormAction(ctx, redirectUri);
  };
}

function refusalOf(error: string, description: string) {
  return { error, error_description: description };
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

/** Shows what is asked and records the answer. */
function createConsent(deps: InteractionDeps, { web, interactions }: { web: Web; interactions: Interactions }) {
  const { db, basePath, grants, audit, resourceServers, detailTypes, onConsent } = deps;
  const askedOf = async ({ interaction }: Open) => {
    const grant = interaction.grantId === undefined ? undefined : await grants.find(interaction.grantId);
    return consentRequestOf(interaction, grant as GrantContent | undefined);
  };
  const show = async (ctx: Context, open: Open, session: BrowserSession) => {
    const { interaction, client, software } = open;
    const request = await askedOf(open);
    const indicators = [interaction.params['resource'], ...request.resources.keys()].flat().filter((uri) => typeof uri === 'string');
    const found = await Promise.all(
      [...new Set(indicators)].map(async (uri) => [uri, await resourceServers.findByIdentifier(uri)] as const),
    );
    const resources = new Map(found.flatMap(([uri, resource]) => (resource === undefined ? [] : [[uri, resource] as const])));
    const path = `${basePath}/interaction/${interaction.uid}`;
    prepareFor(interaction)(ctx);
    const model = presentConsent({
      session,
      software,
      redirectUri: interaction.params['redirect_uri'],
      redirectUris: client.redirectUris ?? [],
      request,
      resources,
      types: detailTypes(),
      isFirstTime: !(await grants.isKnown(session.accountId, client.clientId)),
      mayRefresh: client.grantTypeAllowed('refresh_token'),
    });
    const person = { email: session.email, notYouHref: `${path}?as=other` };
    await web.pages.show(ctx, 'sign-in/consent', { ...model, person, action: `${path}/consent` }, session);
  };
  const partiesOf = ({ client, software }: Open, session: BrowserSession) => ({
    actor: { kind: 'account', id: session.accountId } as const,
    subjectId: session.accountId,
    clientId: client.clientId,
    ...(software.agentId === undefined ? {} : { agentId: software.agentId }),
  });
  const deny = async (open: Open, session: BrowserSession | undefined): Promise<string> => {
    if (session !== undefined) await audit.record({ type: 'consent.denied', ...partiesOf(open, session), cause: 'person' });
    return interactions.answer(open.interaction, refusalOf('access_denied', 'the person did not allow it'));
  };
  const allow = async (open: Open, session: BrowserSession, choice: Choice): Promise<string> => {
    const { interaction, client } = open;
    const request = await askedOf(open);
    const granted = grantedOf(request, choice);
    if (isEmpty(granted)) return deny(open, session);
    const { accountId } = session;
    const { clientId } = client;
    const grantId = await grants.write({ accountId, clientId }, (grant) => applyConsent(grant, { request, granted, types: detailTypes() }));
    const scopes = [...new Set([...granted.identityScopes, ...[...granted.resources.values()].flat()])];
    const resource = [...granted.resources.keys()].join(' ');
    await audit.record({
      type: 'consent.granted',
      ...partiesOf(open, session),
      ...(resource === '' ? {} : { resource }),
      ...(scopes.length === 0 ? {} : { action: scopes.join(' ').slice(0, 2_000) }),
      ...(granted.details.length === 0 ? {} : { detailsHash: detailsHash(granted.details) }),
    });
    await onConsent?.({ accountId, clientId, grantId, scopes, details: granted.details });
    return interactions.answer(interaction, { ...interaction.lastSubmission, consent: { grantId } });
  };
  const decide = (open: Open, session: BrowserSession, form: Form) =>
    db.transaction(() => (form['decision'] === 'allow' ? allow(open, session, choiceOf(form)) : deny(open, session)));
  return { show, decide, deny: (open: Open) => db.transaction(() => deny(open, open.session)) };
}

function choiceOf(form: Form): Choice {
  const all = (name: string) => [form[name] ?? []].flat();
  const positions = all('detail').filter((value) => /^\d{1,2}$/.test(value));
  return { scopes: new Set(all('scope')), details: new Set(positions.map(Number)) };
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
    goOn(ctx, await consent.decide(open, session, form));
  });
  router.post(`${path}/abort`, async (ctx) => {
    const open = await interactions.open(ctx);
    if (open === undefined) return;
    await web.pages.form(ctx);
    goOn(ctx, await consent.deny(open));
  });
}
