import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from '../support/browser.ts';
import { clock, minutes } from '../support/clock.ts';
import { createInhabitedServer, type InhabitedServer } from '../support/inhabited-server.ts';
import { faultsOf } from '../support/page-faults.ts';
import { createPerson, type Person } from '../support/person.ts';
import { type BentServer, startBentServer } from './bent-server.ts';

/** Where pictures of the page go, for whoever wants to look at them. */
const PICTURES = process.env['BEHALF_PICTURES'];
const ADA = { email: 'ada@acme.test', password: 'seven tin soldiers march' };
let server: InhabitedServer;
let browser: Browser;
let bent: BentServer;
let ada: Person;

beforeAll(async () => {
  [server, browser] = await Promise.all([createInhabitedServer({ firstAdministrator: ADA }), openBrowser()]);
  bent = await startBentServer(server.issuer, { document: (right, { resource }) => ({ ...right, resource: `${resource}/` }) });
  await server.resource(bent.resource, ['invoices:read']);
  ada = createPerson(server.issuer, ADA);
  await ada.visit('/console/doctor');
}, 60_000);
afterEach(() => clock.reset());
afterAll(async () => {
  await browser.close();
  await bent.close();
  await server.close();
});

async function examine(page: Page, name: string): Promise<void> {
  const { width = 0 } = page.viewportSize() ?? {};
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    if (PICTURES !== undefined) {
      await mkdir(PICTURES, { recursive: true });
      await page.screenshot({ path: join(PICTURES, `${name}-${width}-${colorScheme}.png`), fullPage: true });
    }
    expect(await faultsOf(page)).toEqual([]);
  }
}

describe('/console/doctor', () => {
  test.each([360, 1280])(
    'in a browser, %i px wide: one field, one list, nothing in the way',
    async (width) => {
      const page = await browser.newPage({ viewport: { width, height: 800 }, hasTouch: width < 500 });
      const complaints: string[] = [];
      page.on('console', (message) => complaints.push(message.text()));
      await page.goto(`${server.issuer}/console/doctor`);
      await page.fill('input[name=email]', ADA.email);
      await page.fill('input[name=password]', ADA.password);
      await page.click('button:text-is("Sign in")');
      await page.waitForSelector('h1:text-is("What does not connect?")');
      await examine(page, 'doctor-empty');
      await page.fill('input[name=subject]', bent.resource);
      await page.click('button:text-is("Examine")');
      await page.waitForSelector('h1:text-is("One thing does not work")');
      expect(await page.textContent('main')).toContain('they differ by a slash at the end');
      expect(await page.inputValue('input[name=subject]')).toBe(bent.resource);
      await examine(page, 'doctor-result');
      expect(complaints).toEqual([]);
      await page.close();
    },
    60_000,
  );

  test('works without script, keeps what was typed, and says what is wrong with it', async () => {
    const empty = await ada.visit('/console/doctor?subject=cli_0000');
    expect([empty.status, empty.html]).toEqual([200, expect.stringContaining('value="cli_0000"')]);
    const found = await ada.send(empty, 'subject');
    expect([found.status, found.words]).toEqual([200, expect.stringContaining('No client has this id')]);
    const refused = await ada.send(found, 'subject', { fields: { subject: 'https://user:pass@mcp.test' } });
    expect([refused.status, refused.words]).toEqual([400, expect.stringContaining('user information')]);
  });

  test('shows the decision behind a refusal, for an administrator to follow', async () => {
    const software = await server.register({
      client_name: 'Worker',
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_basic',
    });
    const { agents } = server.app.parts;
    await agents.setStatus(software.agentId, 'underReview', { by: { kind: 'system', id: 'x', party: 'administrator' }, reason: 'a test' });
    const authorization = `Basic ${Buffer.from(`${software.clientId}:${software.clientSecret}`).toString('base64')}`;
    const body = new URLSearchParams({ grant_type: 'client_credentials', resource: bent.resource, scope: 'invoices:read' });
    await fetch(`${server.issuer}/token`, { method: 'POST', body, headers: { authorization } });
    const page = await ada.send(await ada.visit('/console/doctor'), 'subject', { fields: { subject: software.clientId } });
    const [, href = ''] = /href="([^"]*\/console\/decisions\/dec_[^"]+)"/.exec(page.html) ?? [];
    expect((await ada.visit(href)).status).toBe(200);
  });

  test('R21: is for administrators alone; a link does not make it leave the server, nor a form of somebody else', async () => {
    expect((await server.mira.visit('/console/doctor')).status).toBe(403);
    const before = bent.asked.length;
    await ada.visit(`/console/doctor?subject=${encodeURIComponent(bent.resource)}`);
    const page = await ada.visit('/console/doctor');
    const forged = await ada.send(page, 'subject', { fields: { subject: bent.resource, csrf: 'forged' } });
    expect([forged.status, bent.asked.length]).toEqual([403, before]);
  });

  test('R23: walks at most ten a minute for a person', async () => {
    clock.advance(minutes(5));
    const walk = async () => (await ada.send(await ada.visit('/console/doctor'), 'subject', { fields: { subject: 'cli_0000' } })).status;
    const statuses: number[] = [];
    for (let each = 0; each < 11; each += 1) statuses.push(await walk());
    expect(statuses).toEqual([...Array<number>(10).fill(200), 429]);
    clock.advance(minutes(1));
    expect(await walk()).toBe(200);
  }, 30_000);
});
