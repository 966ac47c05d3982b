import type Router from '@koa/router';
import type { Clock } from '../../platform/clock.ts';
import { AppError } from '../../platform/errors.ts';
import { parseWith } from '../../platform/http/body.ts';
import { personAsChanger } from '../../platform/http/changed-by.ts';
import { basePathOf } from '../../platform/http/issuer-path.ts';
import { momentOf } from '../../platform/http/moment.ts';
import { pageOf, readPageQuery } from '../../platform/http/paging.ts';
import { idOf } from '../../platform/http/path-id.ts';
import type { BrowserSession, Form, PageNeed, Web } from '../../platform/http/web.ts';
import { issuerOf } from '../../oidc/index.ts';
import { faultsOf, textOf } from '../console/form.ts';
import { accessWords, addressWords, presentProvider } from './present.ts';
import { newProvisioningToken } from './provisioning-token.ts';
import type { MadeToken, ProvisioningTokens } from './service.ts';

/** What the pages stand on. */
export interface ProvisioningConsoleDeps {
  readonly clock: Clock;
  readonly issuer: URL;
  readonly provisioningTokens: ProvisioningTokens;
}

const PATH = '/console/provisioning';
const READ: PageNeed = { roles: ['admin', 'auditor'] };
/** Security rule R22: whoever holds such a token decides which agents there are. */
const WRITE: PageNeed = { roles: ['admin'], maxAgeSeconds: 900 };
const DAY = 86_400;
const LIFETIMES = [
  { value: String(30 * DAY), words: '30 days' },
  { value: String(90 * DAY), words: '90 days' },
  { value: String(180 * DAY), words: '180 days' },
  { value: String(365 * DAY), words: 'a year' },
];
const ACCESS = [
  { value: 'write', words: 'Read and write' },
  { value: 'read', words: 'Read only' },
];
/** Where a fault of the input stands in the form. */
const FIELDS = { ttl_seconds: 'lifetime', client_name: 'name' };
const MAX_NAME = 80;

function valuesOf(form: Form) {
  const text = (name: string) => textOf(form, name);
  return {
    client: text('client'),
    name: text('name'),
    governance: text('governance') === 'yes',
    access: text('access'),
    addresses: text('addresses'),
    lifetime: text('lifetime'),
  };
}
type Values = ReturnType<typeof valuesOf>;

const EMPTY: Values = { client: '', name: '', governance: false, access: 'write', addresses: '', lifetime: String(180 * DAY) };

/** The console's pages for identity providers: list, connect, another token, end one. */
export function provisioningConsole(deps: ProvisioningConsoleDeps, router: Router, web: Web): void {
  listPage(deps, router, web);
  connectPages(deps, router, web);
  endPages(deps, router, web);
}

function listPage({ clock, issuer, provisioningTokens }: ProvisioningConsoleDeps, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  router.get(PATH, async (ctx) => {
    const session = await web.guard.session(ctx, READ);
    if (session === undefined) return;
    const { after, limit } = readPageQuery(ctx);
    const found = await provisioningTokens.list({ after, limit: limit + 1 });
    const { items, next_cursor: next } = pageOf(found, limit, ({ client }) => client.id);
    const mayChange = session.role === 'admin';
    const model = {
      providers: items.map((provider) => presentProvider(provider, { now: clock.now(), base, mayChange })),
      scimBaseUrl: `${issuerOf(issuer)}/scim/v2`,
      mayChange,
      ...(next === undefined ? {} : { pager: { words: `${items.length} shown`, nextHref: `${base}${PATH}?cursor=${next}` } }),
    };
    await web.pages.show(ctx, 'console/provisioning', model, session);
  });
}

/** A fault as a sentence beside its input, without the pointer that machines read. */
function sentence(message: string): string {
  const words = message.replace(/^\/\S*: /, '').replace(/^(?=is |has )/, 'it ');
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`.replace(/[^.]$/, '$&.');
}

function tokenInputOf({ access, addresses, lifetime }: Values) {
  const lines = addresses.split(/[\s,;]+/).filter((line) => line !== '');
  return parseWith(newProvisioningToken, { access, addresses: lines, ttl_seconds: Number(lifetime) });
}

function connectPages(deps: ProvisioningConsoleDeps, router: Router, web: Web): void {
  const { issuer, provisioningTokens } = deps;
  const base = basePathOf(issuer);
  const modelOf = async (values: Values) => {
    const clients = await provisioningTokens.choices();
    return {
      action: `${base}${PATH}/new`,
      clients: [{ value: '', words: 'A new one' }, ...clients.map(({ id, name }) => ({ value: id, words: name }))],
      accesses: ACCESS,
      lifetimes: LIFETIMES,
      values,
    };
  };
  const make = (values: Values, session: BrowserSession) => {
    const input = tokenInputOf(values);
    const by = personAsChanger(session);
    if (values.client !== '') return provisioningTokens.create(values.client, input, by);
    const { name, governance } = values;
    if (name === '' || name.length > MAX_NAME)
      throw new AppError('invalid_input', 'Give it a name of at most 80 characters.', { member: '/name' });
    return provisioningTokens.connect({ name, hasGovernance: governance, token: input }, by);
  };
  router.get(`${PATH}/new`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session === undefined) return;
    const client = typeof ctx.query['client'] === 'string' ? ctx.query['client'] : '';
    await web.pages.show(ctx, 'console/provisioning-form', await modelOf({ ...EMPTY, client }), session);
  });
  router.post(`${PATH}/new`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session === undefined) return;
    const values = valuesOf(await web.pages.form(ctx));
    try {
      const made = await make(values, session);
      ctx.set('cache-control', 'no-store');
      await web.pages.show(ctx, 'console/shown-once', shownOnce(made, deps), session);
    } catch (error) {
      const faults = faultsOf(error, FIELDS).map((fault) => ({ ...fault, message: sentence(fault.message) }));
      const model = { ...(await modelOf(values)), status: 400, faults };
      await web.pages.show(ctx, 'console/provisioning-form', model, session);
    }
  });
}

/** The value, and what an administrator of the other side does with it. */
function shownOnce({ token, value }: MadeToken, { issuer, clock }: ProvisioningConsoleDeps): object {
  return {
    heading: 'Connect your identity provider',
    words: 'Paste both into it. Its next run brings the agents here.',
    once: [
      { label: 'SCIM base URL', value: `${issuerOf(issuer)}/scim/v2` },
      { label: 'Token', value },
    ],
    facts: [
      { label: 'It', value: accessWords(token) },
      { label: 'Is taken', value: addressWords(token.addresses) },
      { label: 'Ends', value: momentOf(token.expiresAt, clock.now()).exact },
    ],
    steps: [
      {
        heading: 'In Okta',
        lines: [
          'Open the app, then Provisioning → Integration, and choose HTTP Header as the authentication mode.',
          'Paste the token under Authorization and the base URL under SCIM connector base URL; the unique identifier is userName.',
          'Test Connector Configuration, then save.',
        ],
      },
      {
        heading: 'In Microsoft Entra ID',
        lines: [
          'Open the enterprise application, then Provisioning, and choose Automatic.',
          'Paste the base URL as Tenant URL and the token as Secret Token.',
          'Test Connection, save, and start provisioning.',
        ],
      },
    ],
    next: { href: `${basePathOf(issuer)}${PATH}`, words: 'I have copied it' },
    current: 'provisioning',
  };
}

function endPages({ issuer, provisioningTokens }: ProvisioningConsoleDeps, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  router.get(`${PATH}/:id/end`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session === undefined) return;
    const { id, endsIn, lastUse } = await provisioningTokens.get(idOf(ctx));
    const model = {
      heading: `End the token that ends in ${endsIn}?`,
      words: `${lastUse === undefined ? 'It was never used.' : 'Whoever shows it is refused from now on.'} Agents that came with it stay as they are.`,
      action: `${base}${PATH}/${id}/end`,
      backHref: `${base}${PATH}`,
      submit: 'End it',
      current: 'provisioning',
      values: {},
    };
    await web.pages.show(ctx, 'console/confirm', model, session);
  });
  router.post(`${PATH}/:id/end`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session === undefined) return;
    await web.pages.form(ctx);
    await provisioningTokens.revoke(idOf(ctx), personAsChanger(session));
    web.pages.redirect(ctx, PATH, { kind: 'done', text: 'The token has ended.' });
  });
}
