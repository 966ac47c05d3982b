import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from '../support/browser.ts';
import { faultsOf } from '../support/page-faults.ts';
import { ask, createTestIssuer, people, poll, type TestIssuer } from './issuer.ts';

const PHONE = { width: 360, height: 740 };
const mira = people.mira.id;
const details = JSON.stringify([{ type: 'mcp_tool_call', tools: ['pay_invoice'], arguments: { amount: { max: '120.00' } } }]);

let issuer: TestIssuer;
let browser: Browser;

beforeAll(async () => {
  [issuer, browser] = await Promise.all([createTestIssuer(), openBrowser()]);
  issuer.signIn('mira', { accountId: mira });
  issuer.signIn('adam', { accountId: people.adam.id });
}, 90_000);
afterAll(async () => {
  await browser.close();
  await issuer.close();
});

async function open(who: string, javaScriptEnabled: boolean): Promise<Page> {
  const context = await browser.newContext({ viewport: PHONE, javaScriptEnabled, baseURL: issuer.issuer });
  await context.addCookies([{ name: 'who', value: who, url: issuer.issuer }]);
  return context.newPage();
}

describe.each([
  ['with script', true],
  ['without script', false],
])('on a phone %s', (_how, hasScript) => {
  test.each([
    ['approve', 'You approved this', 200],
    ['deny', 'You denied this', 400],
  ])('a person reads the question and presses %s', async (decision, outcome, status) => {
    const { auth_req_id: id } = (await ask(issuer, { authorization_details: details, binding_message: 'PO-4711' })).body;
    const page = await open('mira', hasScript);
    await page.goto('/me/approvals');
    await page
      .getByRole('link', { name: /pay_invoice/ })
      .first()
      .click();
    await page.getByText('PO-4711', { exact: true }).waitFor();
    await page.locator(`button[name=decision][value=${decision}]`).click();
    await page.getByRole('heading', { name: outcome }).waitFor();
    expect((await poll(issuer, id)).status).toBe(status);
    await page.context().close();
  });
});

test('the pages have no accessibility fault and fit a phone', async () => {
  await ask(issuer, { authorization_details: details, binding_message: 'PО-4711' });
  const page = await open('mira', true);
  await page.goto('/me/approvals');
  expect(await faultsOf(page)).toEqual([]);
  await page
    .getByRole('link', { name: /pay_invoice/ })
    .first()
    .click();
  await page.getByText('mixes letters of different alphabets').waitFor();
  expect(await faultsOf(page)).toEqual([]);
  await page.locator('button[value=deny]').click();
  await page.getByRole('heading', { name: 'You denied this' }).waitFor();
  expect(await faultsOf(page)).toEqual([]);
  const desk = await open('adam', true);
  for (const path of ['/console/approvals?state=denied', '/console/audit', '/console/audit?kind=refused']) {
    await desk.goto(path);
    expect([path, await faultsOf(desk)]).toEqual([path, []]);
  }
  await desk.goto('/console/audit');
  await desk.getByRole('link', { name: 'Mira Köhler' }).or(desk.locator('.log a')).first().click();
  await desk.getByRole('heading', { name: 'Why it can be trusted' }).waitFor();
  expect(await faultsOf(desk)).toEqual([]);
});

test('a page that is open tells that something new is asked', async () => {
  const page = await open('mira', true);
  await page.goto('/me/approvals');
  // the stream is open once the page's script has run; a question asked before would be on the page itself
  await page.waitForTimeout(500);
  await ask(issuer);
  await page.getByText('Somebody asks you something new.').waitFor();
  await page.context().close();
});
