import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { JSONWebKeySet } from 'jose';
import type { Browser, Page } from 'playwright-core';
import { verifyApprovalReceipt } from '../../src/sdk/resource-server.ts';
import { CIBA_GRANT } from '../approvals/issuer.ts';
import { openBrowser } from '../support/browser.ts';
import { faultsOf } from '../support/page-faults.ts';
import { createPerson } from '../support/person.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const RESOURCE = 'https://billing.acme.test/mcp';
const LOGIN = { email: 'mira@acme.test', password: 'paper boats on the canal' };
const editor = { kind: 'system', id: 'setup', party: 'administrator' } as const;
const details = [{ type: 'api_call', actions: ['POST'], paths: ['/payments'], max_amount: { amount: '1240.00', currency: 'EUR' } }];
let server: TestServer;
let browser: Browser;
let page: Page;
let authorization: string;
/** What the passkey answered to the first question. */
let answered = '';

beforeAll(async () => {
  [server, browser] = await Promise.all([createTestServer(), openBrowser()]);
  const { accounts, agents, clients, resourceServers } = server.app.parts;
  const by = { kind: 'system', id: 'command-line' } as const;
  const { account, link } = await accounts.invite({ email: LOGIN.email, name: 'Mira Köhler', role: 'user' }, by);
  await createPerson(server.issuer, LOGIN).acceptInvitation(link.url);
  const scopes = [{ name: 'invoices:pay', description: 'Pay invoices' }];
  const rest = { kind: 'api', sensitivity: 'high', token_ttl_seconds: null, algorithm: 'ES256' } as const;
  await resourceServers.create({ identifier: RESOURCE, name: 'Billing', scopes, ...rest }, editor);
  const owner = { kind: 'user', id: account.id } as const;
  const agent = await agents.create({ displayName: 'Invoice bot', source: 'console', owner, status: 'active' }, editor);
  const software = {
    client_name: 'Invoice bot',
    purpose: 'agent',
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: [CIBA_GRANT],
  };
  const made = await clients.create(software as never, editor);
  await agents.linkClient(agent.id, made.record.id, editor);
  authorization = `Basic ${btoa(`${made.record.id}:${made.secret}`)}`;

  const phone = await browser.newContext({ viewport: { width: 360, height: 740 }, baseURL: server.issuer });
  page = await phone.newPage();
  const session = await phone.newCDPSession(page);
  await session.send('WebAuthn.enable');
  const device = {
    protocol: 'ctap2',
    transport: 'internal',
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
  } as const;
  await session.send('WebAuthn.addVirtualAuthenticator', { options: { ...device, automaticPresenceSimulation: true } });
}, 90_000);
afterAll(async () => {
  await browser.close();
  await server.close();
});

async function post(path: string, form: Record<string, string>) {
  const response = await fetch(`${server.issuer}${path}`, { method: 'POST', headers: { authorization }, body: new URLSearchParams(form) });
  return { status: response.status, body: (await response.json()) as Record<string, string> };
}

const ask = async () => {
  const wish = {
    scope: 'openid invoices:pay',
    login_hint: LOGIN.email,
    resource: RESOURCE,
    authorization_details: JSON.stringify(details),
  };
  return (await post('/bc-authorize', wish)).body['auth_req_id'] ?? '';
};
const poll = (id: string) => post('/token', { grant_type: CIBA_GRANT, auth_req_id: id });

test('R12 on a phone: money is approved with a passkey at the click, and the receipt proves it with the key alone', async () => {
  const id = await ask();
  await page.goto('/me/passkeys/new');
  await page.fill('input[name=email]', LOGIN.email);
  await page.fill('input[name=password]', LOGIN.password);
  await page.locator('form[action*="/login"] button').click();
  await page.fill('input[name=label]', 'Phone');
  await page.locator('form[data-passkey=enrol] button').click();
  await page.waitForURL('**/me');

  await page.goto('/me/approvals');
  await page.getByRole('link', { name: /Send POST requests to Billing/ }).click();
  await page.getByText('your passkey', { exact: true }).waitFor();
  expect(await faultsOf(page)).toEqual([]);
  const [sent] = await Promise.all([
    page.waitForRequest((request) => request.method() === 'POST'),
    page.getByRole('button', { name: 'Approve with passkey' }).click(),
  ]);
  answered = new URLSearchParams(sent.postData() ?? '').get('credential') ?? '';
  await page.getByRole('heading', { name: 'You approved this' }).waitFor();
  expect(await faultsOf(page)).toEqual([]);

  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Keep the signed receipt' }).click(),
  ]);
  const folder = await temporaryFolder();
  try {
    const [receiptFile, keysFile, tokenFile] = ['receipt.jwt', 'keys.json', 'token.jwt'].map((name) => join(folder.path, name)) as [
      string,
      string,
      string,
    ];
    await download.saveAs(receiptFile);
    const keys = (await (await fetch(`${server.issuer}/jwks/receipts`)).json()) as JSONWebKeySet;
    const { status, body } = await poll(id);
    expect(status).toBe(200);
    await Promise.all([writeFile(keysFile, JSON.stringify(keys)), writeFile(tokenFile, body['access_token'] ?? '')]);
    const script = ['docs/verify-receipt.mjs', server.issuer, receiptFile, keysFile, tokenFile];
    const { stdout } = await promisify(execFile)(process.execPath, script);
    expect(stdout).toMatch(/^Mira Köhler \(usr_\w+\) approved at .*, with a passkey\nasked by Invoice bot .*, owned by Mira Köhler\n/);
    const receipt = await readFile(receiptFile, 'utf8');
    expect((await verifyApprovalReceipt(receipt, { issuer: server.issuer, keys })).approver).toMatchObject({ byPasskey: true, acr: 'phr' });
  } finally {
    await folder.remove();
  }
}, 60_000);

test('R12 a passkey that answered one question answers no other, and a form without one approves nothing', async () => {
  const id = await ask();
  await page.goto('/me/approvals');
  await page
    .getByRole('link', { name: /Send POST requests to Billing/ })
    .first()
    .click();
  await page.getByText('your passkey', { exact: true }).waitFor();
  for (const credential of ['', '{}', answered]) {
    const status = await page.evaluate<number>(`(() => {
      const fields = new URLSearchParams([...new FormData(document.querySelector('form[data-passkey]'))]);
      fields.set('credential', ${JSON.stringify(credential)});
      fields.set('decision', 'approve');
      return fetch(location.href, { method: 'POST', body: fields }).then((response) => response.status);
    })()`);
    expect(status).toBe(403);
  }
  expect((await poll(id)).body['error']).toBe('authorization_pending');
}, 60_000);
