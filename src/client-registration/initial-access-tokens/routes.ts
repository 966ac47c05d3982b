import type Router from '@koa/router';
import { issuerOf, ROUTES } from '../../oidc/index.ts';
import type { Clock } from '../../platform/clock.ts';
import { basePathOf } from '../../platform/http/issuer-path.ts';
import { parseWith } from '../../platform/http/body.ts';
import { durationWords } from '../../platform/http/moment.ts';
import { idOf } from '../../platform/http/path-id.ts';
import { pageOf, readPageQuery } from '../../platform/http/paging.ts';
import type { Form, PageNeed, Web } from '../../platform/http/web.ts';
import { faultsOf, textOf } from '../console/form.ts';
import { momentOf, presentTokenInList } from '../present.ts';
import { type InitialAccessTokens, newInitialAccessToken, type Owners } from './service.ts';

/** What the pages stand on. */
export interface TokenConsoleDeps {
  readonly clock: Clock;
  readonly issuer: URL;
  readonly owners: Owners;
  readonly initialAccessTokens: InitialAccessTokens;
}

const PATH = '/console/initial-access-tokens';
const READ: PageNeed = { roles: ['admin', 'auditor'] };
/** Security rule R22: who holds such a token brings agents in. */
const WRITE: PageNeed = { roles: ['admin'], maxAgeSeconds: 900 };
const DAY = 86_400;
const STATES = [
  { value: 'proposed', words: 'Proposed: someone looks at each first' },
  { value: 'active', words: 'Active: they may work at once' },
];
const LIFETIMES = [
  { value: String(3_600), words: 'An hour' },
  { value: String(DAY), words: 'A day' },
  { value: String(7 * DAY), words: 'A week' },
  { value: String(90 * DAY), words: '90 days' },
];
const AGENT_LIVES = [
  { value: '', words: 'Until somebody ends them' },
  { value: '20', words: '20 minutes' },
  { value: '60', words: 'An hour' },
  { value: '480', words: '8 hours' },
  { value: '1440', words: 'A day' },
  { value: '10080', words: 'A week' },
  { value: '43200', words: '30 days' },
];
/** Where a fault of the interface's input stands in the form. */
const FIELDS = { agent_state: 'state', ttl_seconds: 'lifetime', agent_ttl_minutes: 'agentLife' };

function valuesOf(form: Form) {
  const text = (name: string) => textOf(form, name);
  const about = { name: text('name'), owner: text('owner'), state: text('state'), agentLife: text('agentLife') };
  return { ...about, uses: text('uses'), lifetime: text('lifetime') };
}
type Values = ReturnType<typeof valuesOf>;

function inputOf({ name, owner, state, agentLife, uses, lifetime }: Values) {
  const [kind, id] = owner.split(':');
  const life = agentLife === '' ? {} : { agent_ttl_minutes: Number(agentLife) };
  return { name, owner: { kind, id }, agent_state: state, ...life, uses: Number(uses), ttl_seconds: Number(lifetime) };
}

/** The console's pages of enrolment tokens: list, make, end. */
export function initialAccessTokenConsole(deps: TokenConsoleDeps, router: Router, web: Web): void {
  listPage(deps, router, web);
  makePages(deps, router, web);
  endPages(deps, router, web);
}

function listPage({ clock, issuer, owners, initialAccessTokens }: TokenConsoleDeps, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  router.get(PATH, async (ctx) => {
    const session = await web.guard.session(ctx, READ);
    if (session === undefined) return;
    const { after, limit } = readPageQuery(ctx);
    const [records, count] = await Promise.all([initialAccessTokens.list({ after, limit: limit + 1 }), initialAccessTokens.count()]);
    const { items, next_cursor: next } = pageOf(records, limit, ({ id }) => id);
    const now = clock.now();
    const tokens = await Promise.all(
      items.map(async (token) =>
        presentTokenInList(token, { owner: (await owners.ownerLabel(token.owner))?.name ?? 'nobody any more', now }),
      ),
    );
    const model = {
      heading: count === 1 ? '1 enrolment token' : `${count} enrolment tokens`,
      words: 'Software that shows one registers by itself, as an agent of the owner it names.',
      tokens,
      ...(next === undefined ? {} : { pager: { words: `${items.length} of ${count}`, nextHref: `${base}${PATH}?cursor=${next}` } }),
    };
    await web.pages.show(ctx, 'console/initial-access-tokens', model, session);
  });
}

function makePages({ issuer, owners, initialAccessTokens }: TokenConsoleDeps, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  const modelOf = async (values: Partial<Values>) => ({
    action: `${base}${PATH}/new`,
    owners: (await owners.choices()).map(({ kind, id, name }) => ({ value: `${kind}:${id}`, words: name })),
    states: STATES,
    lifetimes: LIFETIMES,
    lives: AGENT_LIVES,
    values,
  });
  router.get(`${PATH}/new`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session === undefined) return;
    const values = { name: '', owner: `user:${session.accountId}`, state: 'proposed', agentLife: '', uses: '1', lifetime: String(7 * DAY) };
    await web.pages.show(ctx, 'console/initial-access-token-form', await modelOf(values), session);
  });
  router.post(`${PATH}/new`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session === undefined) return;
    const values = valuesOf(await web.pages.form(ctx));
    try {
      const input = parseWith(newInitialAccessToken, inputOf(values));
      const { record, token } = await initialAccessTokens.create(input, { kind: 'account', id: session.accountId });
      ctx.set('cache-control', 'no-store');
      await web.pages.show(ctx, 'console/shown-once', shownOnce({ token, record, issuer: issuerOf(issuer), base }), session);
    } catch (error) {
      const model = { ...(await modelOf(values)), status: 400, faults: faultsOf(error, FIELDS) };
      await web.pages.show(ctx, 'console/initial-access-token-form', model, session);
    }
  });
}

function shownOnce(made: { token: string; record: Awaited<ReturnType<InitialAccessTokens['get']>>; issuer: string; base: string }) {
  const { token, record, issuer, base } = made;
  return {
    heading: 'The enrolment token',
    words: `Give it to whoever sets the software up. It registers ${record.usesTotal === 1 ? 'one agent' : `${record.usesTotal} agents`}.`,
    once: [{ label: 'Initial access token', value: token }],
    facts: [
      { label: 'Ends', value: momentOf(record.expiresAt).exact },
      { label: 'Agents begin', value: record.agentState },
      {
        label: 'Agents live',
        value: record.agentTtlMinutes === undefined ? 'until somebody ends them' : durationWords(record.agentTtlMinutes * 60),
      },
    ],
    example: `curl -X POST ${issuer}${ROUTES.registration} -H 'Authorization: Bearer <token>' -H 'Content-Type: application/json' \\\n  -d '{"client_name": "My agent", "grant_types": ["client_credentials"]}'`,
    next: { href: `${base}${PATH}`, words: 'I have copied it' },
    current: 'initial-access-tokens',
  };
}

function endPages({ issuer, initialAccessTokens }: TokenConsoleDeps, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  router.get(`${PATH}/:id/end`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session === undefined) return;
    const record = await initialAccessTokens.get(idOf(ctx));
    const model = {
      heading: `End ${record.name}?`,
      words: 'Nobody registers with it any more. Agents that came with it stay.',
      action: `${base}${PATH}/${record.id}/end`,
      backHref: `${base}${PATH}`,
      submit: 'End it',
      current: 'initial-access-tokens',
      values: {},
    };
    await web.pages.show(ctx, 'console/confirm', model, session);
  });
  router.post(`${PATH}/:id/end`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session === undefined) return;
    await web.pages.form(ctx);
    await initialAccessTokens.revoke(idOf(ctx), { kind: 'account', id: session.accountId });
    web.pages.redirect(ctx, PATH, { kind: 'done', text: 'The enrolment token has ended.' });
  });
}
