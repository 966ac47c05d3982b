/**
 * Takes the pictures of docs/images: plays the beginning of the story on a throwaway server and photographs its real pages.
 * `npm run pictures`; look at them before you commit them.
 */
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { openBrowser } from '../test/support/browser.ts';
import { createPerson } from '../test/support/person.ts';
import { registerOpenly, selfRegistered } from '../test/support/self-registered.ts';
import { handOn } from './delegation.ts';
import { createNarrator } from './narrator.ts';
import { startThrowawayServer } from './server.ts';
import { enrolAgents, inviteMira, openStage, REDIRECT_URI, registerResource } from './setting-up.ts';
import { type People, type Stage, textIn } from './stage.ts';

const FOLDER = 'docs/images';
const MIRA_PASSWORD = 'paper boats on the canal';
const RESOURCE = 'https://invoices.acme.example/mcp';
const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true };
const DESK: BrowserContextOptions = { viewport: { width: 1280, height: 820 }, deviceScaleFactor: 1.25 };
const DETAILS = [
  {
    type: 'mcp_tool_call',
    locations: [RESOURCE],
    tools: ['pay_invoice'],
    arguments: { invoice: { equals: 'PO-4711' }, amount: { max: 1240 } },
    max_calls: 1,
  },
];

type Agents = Awaited<ReturnType<typeof enrolAgents>>;

interface Login {
  readonly email: string;
  readonly password: string;
}

async function signIn(browser: Browser, address: string, { login, look }: { login: Login; look: BrowserContextOptions }): Promise<Page> {
  const page = await (await browser.newContext(look)).newPage();
  await page.goto(address);
  await page.fill('[name=email]', login.email);
  await page.fill('[name=password]', login.password);
  await page.locator('form:has([name=password]) button').click();
  await page.waitForLoadState();
  return page;
}

async function take(page: Page, name: string, address?: string): Promise<void> {
  if (address !== undefined) await page.goto(address);
  await page.waitForFunction('document.fonts.status === "loaded"');
  await page.screenshot({ path: `${FOLDER}/${name}.png` });
  process.stdout.write(`${FOLDER}/${name}.png  ${new URL(page.url()).pathname}\n`);
}

/** On Mira's phone: what she is asked, and what she allowed. */
async function phonePictures(browser: Browser, stage: Stage, { people, request }: { people: People; request: string }): Promise<void> {
  const login = { email: people.miraEmail, password: MIRA_PASSWORD };
  const light = await signIn(browser, request, { login, look: PHONE });
  await take(light, 'consent');
  const dark = await signIn(browser, `${stage.issuer}/me/approvals`, { login, look: { ...PHONE, colorScheme: 'dark' } });
  await dark.locator('main a[href*="/me/approvals/apr_"]').first().click();
  await dark.waitForLoadState();
  await take(dark, 'approval');
  await take(light, 'your-agents', `${stage.issuer}/me`);
}

const AGENT = 'urn:ietf:params:scim:schemas:core:2.0:Agent';
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const EXTENSION = 'urn:ietf:params:scim:schemas:extension:behalf:2.0:Agent';

/** The registry says what each agent is for; Ada asks whether all of them are still needed. */
async function askOwners(
  stage: Stage,
  { people, administrator, agents }: { people: People; administrator: Login; agents: Agents },
): Promise<void> {
  const about = [
    [agents.assistant, 'Reads invoices and answers questions about them', 'low'],
    [agents.bookkeeper, 'Pays what the assistant hands on', 'high'],
    [agents.reader, 'Searches old invoices', 'low'],
  ] as const;
  for (const [{ id }, purpose, riskLevel] of about) {
    const Operations = [{ op: 'replace', value: { [EXTENSION]: { purpose, riskLevel } } }];
    await stage.management.scim('PATCH', `/scim/v2/Agents/${id}`, { schemas: [PATCH], Operations });
  }
  const ada = createPerson(stage.issuer, administrator);
  const due = new Date(Date.now() + 14 * 86_400_000).toISOString().slice(0, 10);
  const fields = {
    name: 'Winter review',
    note: 'Twice a year. Ask me when an agent has moved to another team.',
    owner: people.miraId,
    due,
  };
  const form = await ada.visit('/console/certifications/new');
  const preview = await ada.send(form, 'unconfirmedDays', { fields, press: ['step', 'preview'] });
  await ada.send(preview, 'step', { press: ['step', 'start'] });
}

/** Others of the company's agents, so that there is something to look through. */
const COMPANY = [
  ['Travel desk', 'Books travel within the policy', 'medium', 'active'],
  ['Price watcher', 'Watches prices of competitors', 'low', 'active'],
  ['Parts buyer', 'Orders spare parts below the limit', 'high', 'proposed'],
  ['Translator', 'Translates product pages', 'low', 'active'],
  ['Reconciler', 'Reconciles bank statements', 'high', 'active'],
  ['Tender drafter', 'Drafts replies to tenders', 'medium', 'active'],
] as const;

/** The company's registry over SCIM, and the bookkeeper with those who work below it. */
async function populate(stage: Stage, { people, agents }: { people: People; agents: Agents }): Promise<void> {
  const add = async (displayName: string, described: object, above: object = {}) => {
    const owners = [{ value: people.miraId }];
    const made = await stage.management.scim('POST', '/scim/v2/Agents', {
      schemas: [AGENT, EXTENSION],
      displayName,
      owners,
      [EXTENSION]: described,
      ...above,
    });
    return textIn(made, 'id');
  };
  for (const [name, purpose, riskLevel, status] of COMPANY) await add(name, { purpose, riskLevel, status });
  const Operations = [{ op: 'replace', value: { [EXTENSION]: { maxChildren: 5, maxChildDepth: 2 } } }];
  await stage.management.scim('PATCH', `/scim/v2/Agents/${agents.bookkeeper.id}`, { schemas: [PATCH], Operations });
  const below = (name: string, parent: string, room: object = {}) =>
    add(name, { purpose: 'Does a part of it', riskLevel: 'low', status: 'active', ...room }, { parent: { value: parent } });
  const ledger = await below('Ledger worker', agents.bookkeeper.id, { maxChildren: 3, maxChildDepth: 1 });
  await below('Ledger page reader', ledger);
  await below('Bank statement worker', agents.bookkeeper.id);
}

/** What runs as the assistant is not what was agreed: its owner reads both on the phone. */
async function driftPicture(browser: Browser, stage: Stage, { people, agents }: { people: People; agents: Agents }): Promise<void> {
  const digestOf = (text: string) => `sha-256:${createHash('sha256').update(text).digest('base64url')}`;
  const { id, client } = agents.assistant;
  const agreed = { model: { provider: 'acme', name: 'm1', version: '2026-03' }, manifestDigest: digestOf('agreed') };
  const Operations = [{ op: 'replace', value: { [EXTENSION]: agreed } }];
  await stage.management.scim('PATCH', `/scim/v2/Agents/${id}`, { schemas: [PATCH], Operations });
  await client.token({
    ...{ grant_type: 'client_credentials', resource: RESOURCE, scope: 'invoices:read' },
    agent_manifest_digest: digestOf('running'),
    agent_model: JSON.stringify({ provider: 'acme', name: 'm2', version: '2026-11' }),
  });
  const login = { email: people.miraEmail, password: MIRA_PASSWORD };
  const phone = await signIn(browser, `${stage.issuer}/me`, { login, look: PHONE });
  await take(phone, 'drift', `${stage.issuer}/me/agents/${id}/drift`);
}

const CODE = { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'none' };
const cliAt = (port: number) => ({ client_name: 'Claude Code', redirect_uris: [`http://localhost:${port}/callback`], ...CODE });

/** Clients that nobody registered: Mira pastes the address of the MCP server into them. */
async function letSoftwareIn(stage: Stage, { miraEmail }: People): Promise<void> {
  const what = { resource: RESOURCE, scope: 'invoices:read' };
  const hosted = { client_name: 'Claude', redirect_uris: ['https://claude.ai/api/mcp/auth_callback'], ...CODE };
  const editor = { client_name: 'Cursor', redirect_uris: ['cursor://anysphere.cursor-mcp/oauth/callback'], ...CODE };
  for (const metadata of [cliAt(51_111), cliAt(52_222), hosted]) {
    const mira = createPerson(stage.issuer, { email: miraEmail, password: MIRA_PASSWORD });
    await (await selfRegistered(stage, metadata)).connect(mira, what);
  }
  for (const metadata of [cliAt(53_333), editor]) await registerOpenly(stage.issuer, metadata);
}

/** At Ada's desk: the console. */
async function deskPictures(browser: Browser, stage: Stage, about: { login: Login; agentId: string; decisionId: string }): Promise<void> {
  const console = `${stage.issuer}/console`;
  const desk = await signIn(browser, console, { login: about.login, look: DESK });
  await take(desk, 'overview', console);
  await take(desk, 'agents', `${console}/agents`);
  await take(desk, 'software', `${console}/software`);
  await take(desk, 'agent', `${console}/agents/${about.agentId}`);
  await desk.goto(`${console}/tokens?agent=${about.agentId}`);
  await desk.getByRole('link', { name: 'Where it came from' }).first().click();
  await desk.waitForLoadState();
  await take(desk, 'token');
  await take(desk, 'refusal', `${console}/decisions/${about.decisionId}`);
  await desk.goto(`${console}/audit`);
  await desk
    .getByRole('link', { name: /got a token/ })
    .first()
    .click();
  await desk.waitForLoadState();
  await take(desk, 'audit-event');
}

async function main(): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  const throwaway = await startThrowawayServer();
  const browser = await openBrowser();
  try {
    const narrator = createNarrator({ step: () => undefined, event: () => undefined });
    const stage = await openStage(throwaway, narrator);
    await registerResource(stage, RESOURCE);
    const people = await inviteMira(stage, throwaway.administrator);
    const agents = await enrolAgents(stage, people);
    const { assistant, bookkeeper, reader } = agents;
    const what = { resource: RESOURCE, scope: 'openid invoices:read invoices:pay' };
    const pending = assistant.client.authorizationRequest(what, REDIRECT_URI);
    const parent = await assistant.client.redeem(pending, await people.mira.authorize(pending.url));
    await handOn(stage, agents, { parent, resource: RESOURCE });
    const refused = await reader.client.exchange(parent.token, { resource: RESOURCE, scope: 'invoices:pay' });
    await assistant.client.askPerson(people.miraEmail, {
      ...{ resource: RESOURCE, scope: 'openid', bindingMessage: 'PO-4711' },
      authorization_details: DETAILS,
    });
    const more = assistant.client.authorizationRequest({ ...what, authorization_details: DETAILS }, REDIRECT_URI);
    await phonePictures(browser, stage, { people, request: more.url });
    await askOwners(stage, { people, administrator: throwaway.administrator, agents });
    await populate(stage, { people, agents });
    await letSoftwareIn(stage, people);
    const phone = { login: { email: people.miraEmail, password: MIRA_PASSWORD }, look: PHONE };
    await take(await signIn(browser, `${stage.issuer}/me`, phone), 'certification', `${stage.issuer}/me/certifications`);
    const decisionId = String(refused.body['decision_id']);
    await deskPictures(browser, stage, { login: throwaway.administrator, agentId: bookkeeper.id, decisionId });
    await driftPicture(browser, stage, { people, agents });
  } finally {
    await browser.close();
    await throwaway.stop();
  }
}

await main();
