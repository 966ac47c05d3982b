import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { openBrowser } from '../support/browser.ts';
import { faultsOf } from '../support/page-faults.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const ADMINISTRATOR = { email: 'adam@acme.test', password: 'correct horse battery' };

let server: TestServer;
let browser: Browser;

beforeAll(async () => {
  [server, browser] = await Promise.all([createTestServer({ firstAdministrator: ADMINISTRATOR }), openBrowser()]);
}, 90_000);
afterAll(async () => {
  await browser.close();
  await server.close();
});

test('an administrator signs in and finds overview, audit, approvals and their own page without a fault', async () => {
  const context = await browser.newContext({ viewport: { width: 360, height: 740 }, baseURL: server.issuer });
  const page = await context.newPage();
  await page.goto('/me');
  await page.locator('input[name=email]').fill(ADMINISTRATOR.email);
  await page.locator('input[name=password]').fill(ADMINISTRATOR.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('heading', { name: 'Your agents', level: 1 }).waitFor();
  expect(await faultsOf(page)).toEqual([]);
  const pages = [
    ['/console', 'Everything is under control'],
    ['/console/audit', /happened in the last day/],
    ['/console/approvals', 'Nothing waits'],
    ['/me/approvals', 'Nobody waits for you'],
  ] as const;
  for (const [path, heading] of pages) {
    await page.goto(path);
    await page.getByRole('heading', { name: heading, level: 1 }).waitFor();
    expect([path, await faultsOf(page)]).toEqual([path, []]);
  }
  await context.close();
}, 60_000);
