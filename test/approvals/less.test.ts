import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { detailsHash } from '../../src/authorization-details/index.ts';
import { formsIn, type HtmlForm } from '../support/html-form.ts';
import { ask, claimsOf, createTestIssuer, people, poll, questionFor, type TestIssuer } from './issuer.ts';

const mira = people.mira.id;
const pay = { type: 'mcp_tool_call', tools: ['pay_invoice', 'list_invoices'], arguments: { amount: { max: '120.00' } }, max_calls: 3 };
const read = { type: 'mcp_tool_call', tools: ['read_invoice'] };
let issuer: TestIssuer;

beforeAll(async () => {
  issuer = await createTestIssuer();
  issuer.signIn('mira', { accountId: mira });
});
afterAll(() => issuer.close());
beforeEach(() => issuer.db.rows({ name: 'wipe', text: 'DELETE FROM approvals', values: [] }));

interface Shown {
  readonly status: number;
  readonly text: string;
  readonly cookie: string;
}

async function load(path: string, init: RequestInit = {}, cookie = 'who=mira'): Promise<Shown> {
  const response = await fetch(`${issuer.issuer}${path}`, { redirect: 'manual', ...init, headers: { cookie, accept: 'text/html' } });
  const set = response.headers.getSetCookie().map((one) => one.split(';')[0]);
  return { status: response.status, text: await response.text(), cookie: [cookie, ...set].join('; ') };
}

/** The form of a page with this button, filled in and sent. */
function send(
  path: string,
  page: Shown,
  { button, fields = {}, untick = [] }: { button: string; fields?: Record<string, string>; untick?: string[] },
) {
  const form = formsIn(page.text).find(({ buttons }) => buttons.some(({ value }) => value === button)) as HtmlForm;
  const kept = form.fields.filter(([name]) => !(name in fields) && !untick.includes(name));
  const body = new URLSearchParams([...kept, ...Object.entries(fields), ['decision', button]] as [string, string][]);
  return load(path, { method: 'POST', body }, page.cookie);
}

/** What waits, and its page. */
async function asked(details: readonly object[] = [pay]) {
  const { auth_req_id: authReqId } = (await ask(issuer, { authorization_details: JSON.stringify(details) })).body;
  const { approval, hash } = await questionFor(issuer, mira);
  const path = `/me/approvals/${approval.id}`;
  return { id: approval.id, hash, path, page: await load(path), authReqId };
}

const record = async (id: string) => {
  const headers = { authorization: `Bearer ${people.adam.id} admin:read` };
  return (await (await fetch(`${issuer.issuer}/api/v1/approvals/${id}`, { headers })).json()) as Record<string, unknown>;
};

describe('approving less', () => {
  test('shows what would be approved before it is, and the agent gets that and learns the difference', async () => {
    const { id, path, page, authReqId } = await asked();
    const smaller = await send(path, page, {
      button: 'less',
      fields: { '0/arguments/amount/max': '50.00', '0/max_calls': '1' },
      untick: ['0/tools#1'],
    });
    expect(smaller.status).toBe(200);
    for (const words of [
      'Less than was asked',
      'max: 50.00 instead of 120.00',
      'max calls: 1 instead of 3',
      'tools: pay_invoice instead of pay_invoice, list_invoices',
      'Approve this',
    ])
      expect(smaller.text).toContain(words);
    expect((await poll(issuer, authReqId)).body['error']).toBe('authorization_pending');
    expect((await send(path, smaller, { button: 'approve' })).status).toBe(303);

    const granted = [{ ...pay, tools: ['pay_invoice'], arguments: { amount: { max: '50.00' } }, max_calls: 1 }];
    const { body } = await poll(issuer, authReqId);
    expect(body['authorization_details']).toEqual(granted);
    expect(body['approval_difference']).toEqual([
      { path: '/authorization_details/0/tools', asked: pay.tools, granted: ['pay_invoice'] },
      { path: '/authorization_details/0/arguments/amount/max', asked: '120.00', granted: '50.00' },
      { path: '/authorization_details/0/max_calls', asked: 3, granted: 1 },
    ]);
    expect(claimsOf(body['access_token'])).toMatchObject({
      authorization_details: granted,
      approval: { id, details_hash: detailsHash(granted as never) },
    });
    expect(await record(id)).toMatchObject({ authorization_details: granted, asked: { authorization_details: [pay] } });
    const headers = { authorization: `Bearer ${people.adam.id} admin:read` };
    const receipt = decodeJwt(await (await fetch(`${issuer.issuer}/api/v1/approvals/${id}/receipt`, { headers })).text());
    expect(receipt).toMatchObject({
      authorization_details: granted,
      asked: { authorization_details: [pay] },
      shown: { exactDetails: granted },
    });
    expect((await load(path)).text).toContain('max: 50.00 instead of 120.00');
  });

  test('leaves details and scopes out, never all of them', async () => {
    const { path, page, authReqId } = await asked([pay, read]);
    const nothing = await send(path, page, { button: 'less', untick: ['keep#0', 'keep#1'] });
    expect([nothing.status, nothing.text]).toEqual([400, expect.stringContaining('deny, if nothing of it may be')]);
    const smaller = await send(path, page, { button: 'less', untick: ['keep#0'] });
    expect(smaller.text).toContain('Nothing of: Call tools of an MCP server');
    await send(path, smaller, { button: 'approve' });
    const { body } = await poll(issuer, authReqId);
    expect(body).toMatchObject({
      authorization_details: [read],
      approval_difference: [{ path: '/authorization_details/0', granted: null }],
    });
  });

  test('all of it is no less: nothing is told of a difference', async () => {
    const { id, path, page, authReqId } = await asked();
    const same = await send(path, page, { button: 'less' });
    expect(same.text).not.toContain('Less than was asked');
    await send(path, page, { button: 'approve' });
    expect((await poll(issuer, authReqId)).body).not.toHaveProperty('approval_difference');
    expect(await record(id)).toMatchObject({ asked: null });
  });
});

describe('never more', () => {
  test('a page says what cannot be so and keeps the question', async () => {
    const { path, page, authReqId } = await asked();
    const more = await send(path, page, { button: 'less', fields: { '0/arguments/amount/max': '120.01' } });
    expect([more.status, more.text]).toEqual([
      400,
      expect.stringContaining('/authorization_details/0/arguments/amount/max goes beyond what was granted'),
    ]);
    expect(more.text).toContain('value="120.00"');
    expect((await poll(issuer, authReqId)).body['error']).toBe('authorization_pending');
  });

  test.each<[string, (details: typeof pay) => unknown]>([
    ['a higher bound', (detail) => ({ ...detail, max_calls: 4 })],
    ['another tool', (detail) => ({ ...detail, tools: ['delete_all'] })],
    ['another type', () => ({ type: 'api_call', actions: ['POST'] })],
    ['a member that is not known', (detail) => ({ ...detail, extra: 1 })],
  ])('a forged form with %s approves nothing', async (_name, change) => {
    const { path, page, authReqId } = await asked();
    const granted = JSON.stringify({ scope: 'invoices:pay', authorization_details: [change(pay)] });
    expect((await send(path, page, { button: 'approve', fields: { granted } })).status).toBe(400);
    expect((await poll(issuer, authReqId)).body['error']).toBe('authorization_pending');
  });

  test('less that was not shown is not approved; a limit that is left out is kept; other scopes are refused', async () => {
    const { path, page, hash, id } = await asked();
    const body = (granted: object) => JSON.stringify({ scope: 'invoices:pay', ...granted });
    const hidden = body({ authorization_details: [{ ...pay, max_calls: 1 }] });
    expect((await send(path, page, { button: 'approve', fields: { granted: hidden } })).status).toBe(409);
    expect((await send(path, page, { button: 'approve', fields: { granted: body({ scope: 'invoices:pay admin' }) } })).status).toBe(400);
    for (const granted of ['{', '[]', '{"a":1}', `{"scope":"${'x'.repeat(20_000)}"}`])
      expect((await send(path, page, { button: 'approve', fields: { granted } })).status).toBe(400);
    const token = { authorization: `Bearer ${mira} approvals:decide`, 'content-type': 'application/json' };
    const call = async (tail: string, sent: object) => {
      const response = await fetch(`${issuer.issuer}/api/v1/approvals/${id}${tail}`, {
        method: 'POST',
        headers: token,
        body: JSON.stringify(sent),
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    const { max_calls: _, ...unlimited } = pay;
    const preview = await call('/preview', { scope: 'invoices:pay', authorization_details: [{ ...unlimited, tools: ['list_invoices'] }] });
    expect(preview.body).toMatchObject({ status: 'pending', authorization_details: [{ ...pay, tools: ['list_invoices'] }] });
    const less = { scope: 'invoices:pay', authorization_details: preview.body['authorization_details'] };
    expect((await call('/decision', { decision: 'approve', shown: hash, ...less })).status).toBe(409);
    const decided = await call('/decision', { decision: 'approve', shown: preview.body['shown'], ...less });
    expect(decided).toMatchObject({
      status: 200,
      body: { status: 'approved', authorization_details: less.authorization_details, asked: { authorization_details: [pay] } },
    });
  });
});
