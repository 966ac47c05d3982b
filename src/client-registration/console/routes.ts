import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { basePathOf } from '../../platform/http/issuer-path.ts';
import { initialsOf } from '../../platform/http/pages.ts';
import { parseWith } from '../../platform/http/body.ts';
import { personAsChanger } from '../../platform/http/changed-by.ts';
import { idOf } from '../../platform/http/path-id.ts';
import { pageOf, readPageQuery } from '../../platform/http/paging.ts';
import type { BrowserSession, Form, PageNeed, Web } from '../../platform/http/web.ts';
import type { ClientRecord } from '../client.ts';
import { faultsOf, listOf, textOf } from './form.ts';
import { GRANT } from '../grant-types.ts';
import { presentInConsole, presentInList } from '../present.ts';
import { newClient } from '../client-input.ts';
import type { MetadataDocuments } from '../metadata-documents/index.ts';
import { presentDocument } from '../metadata-documents/present.ts';
import type { ClientService } from '../service.ts';

/** The registry of agents, as far as the pages of clients need it. */
export interface ClientAgents {
  findByClient(clientId: string): Promise<{ readonly id: string; readonly displayName: string } | undefined>;
  /** Agents a form offers. */
  choices(): Promise<readonly { readonly id: string; readonly displayName: string }[]>;
  /** Joins the transaction under way. @throws {AppError} */
  linkClient(agentId: string, clientId: string): Promise<unknown>;
}

/** What the pages stand on. */
export interface ClientConsoleDeps {
  readonly db: Pick<Db, 'transaction'>;
  readonly clients: ClientService;
  readonly agents: ClientAgents;
  readonly issuer: URL;
  readonly clock: Clock;
  /** Undefined: none are taken. */
  readonly documents: Pick<MetadataDocuments, 'find'> | undefined;
}

const PATH = '/console/clients';
const READ: PageNeed = { roles: ['admin', 'auditor'] };
const WRITE: PageNeed = { roles: ['admin'] };
/** Security rule R22: destructive acts and new secrets need a recent sign-in. */
const DESTROY: PageNeed = { roles: ['admin'], maxAgeSeconds: 900 };

const METHODS = [
  { value: 'private_key_jwt', words: 'A private key' },
  { value: 'client_secret_basic', words: 'A secret' },
  { value: 'none', words: 'Nothing' },
];
const GRANTS = [
  { value: GRANT.code, words: 'A person signs in and consents' },
  { value: GRANT.refresh, words: 'It stays connected without asking again' },
  { value: GRANT.clientCredentials, words: 'By itself, without a person', hint: 'Needs a key or a secret.' },
  { value: GRANT.exchange, words: 'By exchanging a token it was given', hint: 'Needs a key or a secret.' },
  { value: GRANT.jwtBearer, words: 'On the word of a trusted identity provider', hint: 'Needs a key or a secret, and a trusted issuer.' },
  { value: GRANT.ciba, words: 'By asking a person on another device', hint: 'Needs a key or a secret.' },
  {
    value: GRANT.childEnrolment,
    words: 'By enrolling agents below itself',
    hint: 'Needs a key or a secret, and room on the record of its agent.',
  },
  { value: GRANT.device, words: 'By a code a person types in', hint: 'Only for devices without a browser.' },
];

/** The console's pages of clients: list, one, add, new secret, remove. */
export function clientConsole(deps: ClientConsoleDeps, router: Router, web: Web): void {
  listPage(deps, router, web);
  addPages(deps, router, web);
  detailPage(deps, router, web);
  secretPage(deps, router, web);
  removePages(deps, router, web);
}

function listPage({ clients, agents, issuer }: ClientConsoleDeps, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  router.get(PATH, async (ctx) => {
    const session = await web.guard.session(ctx, READ);
    if (session === undefined) return;
    const { after, limit } = readPageQuery(ctx);
    const q = typeof ctx.query['q'] === 'string' ? ctx.query['q'].slice(0, 120) : '';
    const [records, count] = await Promise.all([clients.list({ search: q, after, limit: limit + 1 }), clients.count()]);
    const { items, next_cursor: next } = pageOf(records, limit, ({ id }) => id);
    const lines = await Promise.all(
      items.map(async (record) => {
        const agent = await agents.findByClient(record.id);
        return presentInList(record, agent && { name: agent.displayName, href: `${base}/console/agents/${agent.id}` });
      }),
    );
    const nextHref = `${base}${PATH}?${new URLSearchParams({ ...(q === '' ? {} : { q }), cursor: next ?? '' })}`;
    const model = {
      heading: count === 1 ? '1 client can ask for tokens' : `${count} clients can ask for tokens`,
      words: 'A client is software. Most work for an agent; its owner answers for it.',
      q,
      filtered: q !== '',
      clients: lines,
      ...(next === undefined ? {} : { pager: { words: `${items.length} of ${count}`, nextHref } }),
    };
    await web.pages.show(ctx, 'console/clients', model, session);
  });
}

function valuesOf(form: Form) {
  return {
    client_name: textOf(form, 'client_name'),
    agent: textOf(form, 'agent'),
    token_endpoint_auth_method: textOf(form, 'token_endpoint_auth_method'),
    redirect_uris: textOf(form, 'redirect_uris'),
    jwks_uri: textOf(form, 'jwks_uri'),
    management: textOf(form, 'management') === 'yes',
    grants: listOf(form, 'grant_types'),
  };
}
type Values = ReturnType<typeof valuesOf>;

const EMPTY: Values = {
  client_name: '',
  agent: '',
  token_endpoint_auth_method: 'client_secret_basic',
  redirect_uris: '',
  jwks_uri: '',
  management: false,
  grants: [GRANT.clientCredentials],
};

function purposeOf({ agent, management, grants }: Values): string {
  if (agent !== '') return 'agent';
  if (management) return 'management';
  return grants.includes(GRANT.code) ? 'application' : 'service';
}

function inputOf(values: Values) {
  const redirects = values.redirect_uris.split(/\s+/).filter((line) => line !== '');
  return {
    client_name: values.client_name,
    token_endpoint_auth_method: values.token_endpoint_auth_method,
    grant_types: values.grants,
    redirect_uris: redirects,
    purpose: purposeOf(values),
    is_management: values.management,
    ...(values.jwks_uri === '' ? {} : { jwks_uri: values.jwks_uri }),
  };
}

function addPages({ db, clients, agents, issuer, documents }: ClientConsoleDeps, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  const modelOf = async (values: Values) => ({
    action: `${base}${PATH}/new`,
    ...(documents === undefined ? {} : { byDocumentHref: `${base}${PATH}/by-document` }),
    agents: [
      { value: '', words: 'No agent: an application or service' },
      ...(await agents.choices()).map(({ id, displayName }) => ({ value: id, words: displayName })),
    ],
    methods: METHODS,
    grants: GRANTS.map((grant) => ({ ...grant, checked: values.grants.includes(grant.value) })),
    values,
  });
  router.get(`${PATH}/new`, async (ctx) => {
    const session = await web.guard.session(ctx, WRITE);
    if (session !== undefined) await web.pages.show(ctx, 'console/client-form', await modelOf(EMPTY), session);
  });
  router.post(`${PATH}/new`, async (ctx) => {
    const session = await web.guard.session(ctx, DESTROY);
    if (session === undefined) return;
    const values = valuesOf(await web.pages.form(ctx));
    try {
      const { record, secret } = await db.transaction(async () => {
        const made = await clients.create(parseWith(newClient, inputOf(values)), personAsChanger(session));
        if (values.agent !== '') await agents.linkClient(values.agent, made.record.id);
        return made;
      });
      if (secret === undefined)
        web.pages.redirect(ctx, `${PATH}/${encodeURIComponent(record.id)}`, { kind: 'done', text: 'The client is added.' });
      else await showSecret(web, { ctx, session, base, record, secret });
    } catch (error) {
      await web.pages.show(ctx, 'console/client-form', { ...(await modelOf(values)), status: 400, faults: faultsOf(error, {}) }, session);
    }
  });
}

interface Shown {
  readonly ctx: Context;
  readonly session: BrowserSession;
  readonly base: string;
  readonly record: ClientRecord;
  readonly secret: string;
}

async function showSecret(web: Web, { ctx, session, base, record, secret }: Shown): Promise<void> {
  ctx.set('cache-control', 'no-store');
  const model = {
    heading: `The secret of ${record.name}`,
    words: 'Put it where the software finds it, and nowhere else.',
    once: [
      { label: 'client_id', value: record.id },
      { label: 'client_secret', value: secret },
    ],
    facts: [{ label: 'Sent as', value: String(record.metadata['token_endpoint_auth_method']) }],
    next: { href: `${base}${PATH}/${encodeURIComponent(record.id)}`, words: 'I have copied it' },
    current: 'clients',
  };
  await web.pages.show(ctx, 'console/shown-once', model, session);
}

/** What stands where an agent would. */
function nobodyWords({ purpose, softwareId }: ClientRecord): string {
  if (softwareId !== undefined) return 'Nobody yet: no person has let it act for them.';
  return purpose === 'agent'
    ? 'No agent any more: it gets no token.'
    : 'No agent: an application or a service that an administrator registered.';
}

function detailPage({ clients, agents, issuer, documents, clock }: ClientConsoleDeps, router: Router, web: Web): void {
  router.get(`${PATH}/:id`, async (ctx) => {
    const session = await web.guard.session(ctx, READ);
    if (session === undefined) return;
    const record = await clients.get(idOf(ctx));
    const agent = await agents.findByClient(record.id);
    const isAdmin = session.role === 'admin';
    const document = await documents?.find(record.id);
    const model = {
      ...presentInConsole(record),
      nobody: nobodyWords(record),
      may: {
        rotate: isAdmin && record.hasSecret,
        remove: isAdmin && record.kind !== 'workload',
        read: isAdmin && document !== undefined,
      },
      ...(document === undefined ? {} : { document: presentDocument(document, clock.now()) }),
      ...(agent === undefined
        ? {}
        : {
            agent: {
              party: {
                kind: 'agent',
                name: agent.displayName,
                initials: initialsOf(agent.displayName),
                href: `${basePathOf(issuer)}/console/agents/${agent.id}`,
              },
              words: 'Its tokens are this agent’s.',
            },
          }),
    };
    await web.pages.show(ctx, 'console/client', model, session);
  });
}

function secretPage({ clients, issuer }: ClientConsoleDeps, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  router.post(`${PATH}/:id/secret`, async (ctx) => {
    const session = await web.guard.session(ctx, DESTROY);
    if (session === undefined) return;
    await web.pages.form(ctx);
    const secret = await clients.rotateSecret(idOf(ctx), { by: personAsChanger(session) });
    await showSecret(web, { ctx, session, base, record: await clients.get(idOf(ctx)), secret });
  });
}

function removePages({ clients, issuer }: ClientConsoleDeps, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  const modelOf = ({ id, name }: ClientRecord) => ({
    heading: `Remove ${name}?`,
    words: 'It gets no more tokens and those it has end at once. Its client_id is never given out again.',
    action: `${base}${PATH}/${encodeURIComponent(id)}/remove`,
    backHref: `${base}${PATH}/${encodeURIComponent(id)}`,
    submit: 'Remove it',
    current: 'clients',
    name,
    values: {},
  });
  router.get(`${PATH}/:id/remove`, async (ctx) => {
    const session = await web.guard.session(ctx, DESTROY);
    if (session !== undefined) await web.pages.show(ctx, 'console/confirm', modelOf(await clients.get(idOf(ctx))), session);
  });
  router.post(`${PATH}/:id/remove`, async (ctx) => {
    const session = await web.guard.session(ctx, DESTROY);
    if (session === undefined) return;
    const typed = textOf(await web.pages.form(ctx), 'name');
    const record = await clients.get(idOf(ctx));
    if (typed !== record.name) {
      const faults = [{ field: 'name', message: 'Type the name exactly as it stands above.' }];
      await web.pages.show(ctx, 'console/confirm', { ...modelOf(record), status: 400, faults }, session);
      return;
    }
    await clients.remove(record.id, personAsChanger(session));
    web.pages.redirect(ctx, PATH, { kind: 'done', text: `${record.name} is removed.` });
  });
}
