import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from '../../support/browser.ts';
import { faultsOf } from '../../support/page-faults.ts';
import { createInhabitedServer, type InhabitedServer } from '../../support/inhabited-server.ts';

const PHONE = { width: 360, height: 740 };
const ADMINISTRATOR = { email: 'ada@acme.test', password: 'seven tin soldiers march' };
const BY = { kind: 'account', id: 'usr_administrator', party: 'administrator' } as const;

let server: InhabitedServer;
let browser: Browser;

beforeAll(async () => {
  [server, browser] = await Promise.all([createInhabitedServer({ firstAdministrator: ADMINISTRATOR }), openBrowser()]);
}, 90_000);
afterAll(async () => {
  await browser.close();
  await server.close();
});

/** Two low-risk agents and one that is not, the only ones of Mira's that run, and a campaign that asks for them. */
async function ask(name: string): Promise<string> {
  const { agents } = server.app.parts;
  for (const { id } of await agents.ownedBy(server.miraId)) await agents.setStatus(id, 'suspended', { by: BY, reason: 'seen' });
  for (const [displayName, riskLevel] of [
    [`${name} reader`, 'low'],
    [`${name} writer`, 'low'],
    [`${name} payer`, 'high'],
  ] as const) {
    const owner = { kind: 'user', id: server.miraId } as const;
    await agents.create({ displayName, owner, riskLevel, purpose: 'Works', status: 'active', source: 'console' }, BY);
  }
  const scope = { riskLevels: ['low', 'medium', 'high'], ownerId: server.miraId, unconfirmedDays: undefined } as const;
  const dueAt = new Date(Date.now() + 14 * 86_400_000);
  return (await agents.certification.start({ name, note: 'Twice a year.', scope, dueAt }, BY.id)).id;
}

async function signIn(login: { email: string; password: string }, javaScriptEnabled = true): Promise<Page> {
  const context = await browser.newContext({ viewport: PHONE, hasTouch: true, javaScriptEnabled, baseURL: server.issuer });
  const page = await context.newPage();
  await page.goto('/me');
  await page.locator('input[name=email]').fill(login.email);
  await page.locator('input[name=password]').fill(login.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('link', { name: 'Sign out' }).waitFor();
  return page;
}

describe.each([
  ['with script', true],
  ['without script', false],
])('on a phone %s', (how, hasScript) => {
  test('an owner finds what is asked on their own page, and answers', async () => {
    const campaignId = await ask(how);
    const page = await signIn(server.miraCredentials, hasScript);
    await page.getByRole('link', { name: /agents? to confirm by/ }).click();
    await page.getByRole('heading', { name: how, exact: true }).waitFor();
    await page.getByRole('button', { name: 'Confirm all 2 low-risk agents' }).click();
    await page.getByText('2 confirmed. Thank you.').waitFor();
    await page.getByText('Add a comment').first().click();
    await page.getByLabel(`Comment on ${how} payer`).fill('Replaced by the new one');
    await page.getByRole('button', { name: `No longer needed: ${how} payer` }).click();
    await page.getByText(`${how} payer is stopped in your name.`).waitFor();
    await page.getByText('Nothing to confirm').waitFor();
    const { progress } = await server.app.parts.agents.certification.get(campaignId);
    expect(progress).toEqual({ open: 0, confirmed: 2, declined: 1, expired: 0, dropped: 0 });
    await page.context().close();
  });
});

test('the pages of owner and administrator have no accessibility fault and fit a phone', async () => {
  const id = await ask('Looked at');
  const mira = await signIn(server.miraCredentials);
  await mira.goto('/me/certifications');
  await mira.getByText('Add a comment').first().click();
  expect(await faultsOf(mira)).toEqual([]);
  const ada = await signIn(ADMINISTRATOR);
  for (const path of ['', '/new', `/${id}`, `/${id}/extend`, `/${id}/cancel`]) {
    await ada.goto(`/console/certifications${path}`);
    expect([path, await ada.title()]).toEqual([path, expect.stringMatching(/certification|Ask owners|Looked at/i)]);
    expect([path, await faultsOf(ada)]).toEqual([path, []]);
  }
  await ada.goto('/console/audit');
  await ada.getByText('asked owners to confirm their agents').first().waitFor();
  expect(await ada.locator('main').innerText()).toContain('Looked at');
}, 60_000);
