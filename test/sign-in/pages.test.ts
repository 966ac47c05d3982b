import { mkdir, readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TOTP } from 'otpauth';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { PASSWORD } from '../support/accounts.ts';
import { openBrowser } from '../support/browser.ts';
import { clock } from '../support/clock.ts';
import { furnish, type House, openHouse, requestOf, RESOURCE } from './house.ts';

/** Where pictures of the pages go, for whoever wants to look at them. */
const PICTURES = process.env['BEHALF_PICTURES'];
const DETAILS = JSON.stringify([{ type: 'mcp_tool_call', locations: [RESOURCE], tools: ['pay_invoice'] }]);

let house: House;
let browser: Browser;
let clientId: string;
let axe: string;
let people = 0;
/** The client's own site: another origin than the issuer's. */
let client: Server;
let redirectUri: string;

beforeAll(async () => {
  [house, browser, axe] = await Promise.all([
    openHouse(),
    openBrowser(),
    readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'),
  ]);
  client = createServer((_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<title>Client</title>'));
  await new Promise<void>((resolve) => client.listen(0, '127.0.0.1', resolve));
  redirectUri = `http://127.0.0.1:${(client.address() as AddressInfo).port}/callback`;
  const grants = ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'];
  clientId = await furnish(house, { redirect_uris: [redirectUri], grant_types: grants });
});
afterAll(async () => {
  clock.reset();
  await browser.close();
  client.close();
  client.closeAllConnections();
  await house.close();
});

async function newPerson(): Promise<string> {
  people += 1;
  return (await house.person(`page${people}@acme.test`)).email;
}

interface View {
  readonly width: number;
  readonly scheme: 'light' | 'dark';
}

/** A new browser in which the client's own page answers, with everything the pages complained about. */
async function open(
  { width, scheme }: View,
  options: { readonly hasScript?: false } = {},
): Promise<{ page: Page; context: BrowserContext; complaints: string[] }> {
  const context = await browser.newContext({
    viewport: { width, height: 800 },
    colorScheme: scheme,
    javaScriptEnabled: options.hasScript ?? true,
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => (message.text().includes('Failed to load resource') ? undefined : complaints.push(message.text())));
  page.on('pageerror', (error) => complaints.push(String(error)));
  return { page, context, complaints };
}

/** No violation of accessibility rules, nothing wider than the screen; and a picture if somebody wants one. */
async function examine(page: Page, name: string): Promise<void> {
  const width = page.viewportSize()?.width ?? 0;
  if (PICTURES !== undefined) {
    await mkdir(PICTURES, { recursive: true });
    const isDark = await page.evaluate(`matchMedia('(prefers-color-scheme: dark)').matches`);
    await page.screenshot({ path: join(PICTURES, `${name}-${width}-${isDark === true ? 'dark' : 'light'}.png`), fullPage: true });
  }
  await page.evaluate(axe);
  const found = (await page.evaluate(`axe.run(document, { resultTypes: ['violations'], preload: false }).then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => id + ': ' + html.slice(0, 160) + ' ' + failureSummary)))`)) as string[];
  expect(found).toEqual([]);
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
}

async function password(page: Page, email: string): Promise<void> {
  await page.fill('input[name=email]', email);
  await page.fill('input[name=password]', PASSWORD);
  await page.click('button:text-is("Sign in")');
}

/** The code that a device shows which waits to be connected (RFC 8628 §3.2). */
async function userCode(): Promise<string> {
  const body = new URLSearchParams({ client_id: clientId, scope: 'invoices:read', resource: RESOURCE });
  const answer = await fetch(`${house.issuer}/device_authorization`, { method: 'POST', body });
  return String(((await answer.json()) as Record<string, unknown>)['user_code']);
}

const VIEWS: readonly View[] = [
  { width: 360, scheme: 'light' },
  { width: 1280, scheme: 'dark' },
  { width: 360, scheme: 'dark' },
  { width: 1280, scheme: 'light' },
];

describe.each(VIEWS)('in a browser, $width px wide, $scheme', (view) => {
  test('sign-in, second factor, consent, device and sign-out: no violation, no complaint', async () => {
    const email = await newPerson();
    const { page, complaints, context } = await open(view);
    await page.goto(requestOf(house, clientId, { redirect_uri: redirectUri, authorization_details: DETAILS }));
    await examine(page, 'login');
    await page.fill('input[name=email]', email);
    await page.fill('input[name=password]', 'wrong password');
    await page.click('button:text-is("Sign in")');
    await examine(page, 'login-wrong');
    await password(page, email);
    await page.waitForSelector('button[value=allow]');
    await examine(page, 'consent');
    await page.click('button[value=allow]');
    await page.waitForURL(`${redirectUri}**`);

    await page.goto(`${house.issuer}/me/code/new`);
    const secret = ((await page.textContent('details p.mono', { strict: true })) ?? '').replaceAll(' ', '');
    await page.fill('input[name=code]', new TOTP({ secret }).generate());
    await page.click('button:text-is("Confirm")');
    await page.goto(`${house.issuer}/sign-out`);
    await examine(page, 'logout');
    await page.click('button[value=yes]');
    await examine(page, 'signed-out');
    await page.goto(`${house.issuer}/me`);
    await password(page, email);
    await page.waitForSelector('input[name=code]');
    await examine(page, 'second-factor');

    await page.goto(`${house.issuer}/device`);
    await examine(page, 'device-code');
    await page.fill('input[name=user_code]', 'AAAA-AAAA');
    await page.click('button:text-is("Go on")');
    await examine(page, 'device-code-wrong');
    await page.fill('input[name=user_code]', await userCode());
    await page.click('button:text-is("Go on")');
    await page.waitForSelector('input[name=confirm]', { state: 'attached' });
    await examine(page, 'device-confirm');
    await page.goto(`${house.issuer}/authorize?client_id=nobody`);
    await examine(page, 'error');
    expect(complaints).toEqual([]);
    await context.close();
  });
});

describe('in a browser', () => {
  test('without script: the whole flow, and the content security policy lets consent end at the client', async () => {
    const email = await newPerson();
    const { page, context } = await open({ width: 800, scheme: 'light' }, { hasScript: false });
    await page.goto(requestOf(house, clientId, { redirect_uri: redirectUri }));
    await password(page, email);
    await page.uncheck('input[value="invoices:pay"]');
    await page.click('button[value=allow]');
    await page.waitForURL(`${redirectUri}**`);
    expect(new URL(page.url()).searchParams.get('code')).toEqual(expect.any(String));
    expect(house.consents.at(-1)?.scopes).not.toContain('invoices:pay');
    await context.close();
  });

  test('a popup of the client keeps its opener through sign-in and consent', async () => {
    const email = await newPerson();
    const { page, context } = await open({ width: 800, scheme: 'light' });
    await page.goto(redirectUri);
    const [popup] = await Promise.all([
      page.waitForEvent('popup'),
      page.evaluate(`void open(${JSON.stringify(requestOf(house, clientId, { redirect_uri: redirectUri }))}, 'sign-in')`),
    ]);
    await password(popup, email);
    await popup.click('button[value=allow]');
    await popup.waitForURL(`${redirectUri}**`);
    expect(await popup.evaluate('window.opener !== null')).toBe(true);
    await context.close();
  });

  test('a passkey signs in at one press', async () => {
    const email = await newPerson();
    const { page, context } = await open({ width: 800, scheme: 'light' });
    const devtools = await context.newCDPSession(page);
    await devtools.send('WebAuthn.enable');
    const options = {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
    } as const;
    await devtools.send('WebAuthn.addVirtualAuthenticator', { options: { ...options, automaticPresenceSimulation: true } });
    await page.goto(`${house.issuer}/me/passkeys/new`);
    await password(page, email);
    await page.click('button:text-is("Create the passkey")');
    await page.waitForURL(`${house.issuer}/me`);
    await page.goto(`${house.issuer}/sign-out`);
    await page.click('button[value=yes]');
    await page.goto(requestOf(house, clientId, { redirect_uri: redirectUri }));
    await page.click('button:text-is("Sign in with a passkey")');
    await page.waitForSelector('button[value=allow]');
    expect(await page.textContent('main')).toContain(email);
    await context.close();
  });
});
