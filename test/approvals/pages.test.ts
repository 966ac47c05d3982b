import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/platform/clock.ts';
import { answer, ask, assuranceOf, createTestIssuer, people, poll, questionFor, type TestIssuer } from './issuer.ts';

let issuer: TestIssuer;
let hasCode = false;
const mira = people.mira.id;
const details = JSON.stringify([{ type: 'mcp_tool_call', tools: ['pay_invoice'], arguments: { amount: { max: '120.00' } } }]);

beforeAll(async () => {
  issuer = await createTestIssuer({ deps: { assurance: assuranceOf(() => hasCode) } });
  issuer.signIn('mira', { accountId: mira });
  issuer.signIn('stale', { accountId: mira, authTime: new Date(systemClock.now().getTime() - 3_600_000) });
  issuer.signIn('jana', { accountId: people.jana.id });
  issuer.signIn('adam', { accountId: people.adam.id });
});
afterAll(() => issuer.close());
beforeEach(() => issuer.db.rows({ name: 'wipe', text: 'DELETE FROM approvals', values: [] }));

interface Page {
  readonly status: number;
  readonly text: string;
  readonly location: string | null;
  readonly cookie: string;
}

async function get(path: string, cookie: string): Promise<Page> {
  const response = await fetch(`${issuer.issuer}${path}`, { headers: { cookie, accept: 'text/html' }, redirect: 'manual' });
  const set = response.headers.getSetCookie().map((one) => one.split(';')[0]);
  return {
    status: response.status,
    text: await response.text(),
    location: response.headers.get('location'),
    cookie: [cookie, ...set].join('; '),
  };
}

function hidden(page: Page, name: string): string {
  return new RegExp(`name="${name}" value="([^"]+)"`).exec(page.text)?.[1] ?? '';
}

async function send(path: string, page: Page, form: Record<string, string>): Promise<Response> {
  return fetch(`${issuer.issuer}${path}`, {
    method: 'POST',
    headers: { cookie: page.cookie, accept: 'text/html' },
    redirect: 'manual',
    body: new URLSearchParams({ csrf: hidden(page, 'csrf'), shown: hidden(page, 'shown'), ...form }),
  });
}

describe('the pages of whoever is asked', () => {
  test('inbox, question and decision work as plain forms', async () => {
    const { auth_req_id: id } = (await ask(issuer, { authorization_details: details, binding_message: 'PO-4711' })).body;
    const inbox = await get('/me/approvals', 'who=mira');
    const path = /href="(\/me\/approvals\/apr_[0-9a-f]+)"/.exec(inbox.text)?.[1] ?? '';
    expect(inbox.text).toContain('One agent waits for you');
    const page = await get(path, 'who=mira');
    for (const words of ['pay_invoice', 'Billing MCP', 'PO-4711', 'Invoice bot', 'at most 120.00', 'one use', 'Owned by Mira Köhler'])
      expect(page.text).toContain(words);
    expect((await send(path, page, { decision: 'approve' })).status).toBe(303);
    expect((await get(path, 'who=mira')).text).toContain('You approved this');
    expect((await poll(issuer, id)).status).toBe(200);
  });

  test('a forged hash, a missing CSRF token and an unknown decision decide nothing', async () => {
    await ask(issuer);
    const path = `/me/approvals/${(await questionFor(issuer, mira)).approval.id}`;
    const page = await get(path, 'who=mira');
    expect((await send(path, page, { decision: 'approve', shown: 'sha-256:forged' })).status).toBe(409);
    expect((await send(path, page, { decision: 'approve', csrf: 'x' })).status).toBe(403);
    expect((await send(path, page, { decision: 'maybe' })).status).toBe(400);
    expect(await issuer.approvals.countWaiting(mira)).toBe(1);
  });

  test('the second of two clicks sees what was decided', async () => {
    await ask(issuer);
    const path = `/me/approvals/${(await questionFor(issuer, mira)).approval.id}`;
    const page = await get(path, 'who=mira');
    await answer(issuer, mira, 'deny');
    expect((await send(path, page, { decision: 'approve' })).status).toBe(303);
    expect((await get(path, 'who=mira')).text).toContain('You denied this');
  });

  test('R12 an old sign-in is asked anew before the question is shown, and cannot approve', async () => {
    await ask(issuer);
    const path = `/me/approvals/${(await questionFor(issuer, mira)).approval.id}`;
    expect(await get(path, 'who=stale')).toMatchObject({ status: 303, location: '/sign-in' });
    issuer.signIn('aging', { accountId: mira });
    const page = await get(path, 'who=aging');
    issuer.signIn('aging', { accountId: mira, authTime: new Date(systemClock.now().getTime() - 3_600_000) });
    expect((await send(path, page, { decision: 'approve' })).headers.get('location')).toBe('/sign-in');
    expect(await issuer.approvals.countWaiting(mira)).toBe(1);
    await send(path, page, { decision: 'deny' });
    expect(await issuer.approvals.countWaiting(mira)).toBe(0);
  });

  test('R12 what is confirmed at the click asks for it, says so when it did not hold, and loses nothing', async () => {
    hasCode = true;
    try {
      const { auth_req_id: id } = (await ask(issuer, { authorization_details: details })).body;
      const { approval } = await questionFor(issuer, mira);
      const path = `/me/approvals/${approval.id}`;
      const page = await get(path, 'who=mira');
      for (const words of ['a code from your authenticator app', 'name="code"']) expect(page.text).toContain(words);
      const wrong = await send(path, page, { decision: 'approve', code: '000000' });
      expect([wrong.status, await wrong.text()]).toEqual([403, expect.stringMatching(/That did not hold[\s\S]*name="code"/)]);
      expect((await poll(issuer, id)).body['error']).toBe('authorization_pending');
      expect((await send(path, page, { decision: 'approve', code: '246810' })).status).toBe(303);
      expect((await get(path, 'who=mira')).text).toContain('You approved this');
    } finally {
      hasCode = false;
    }
  });

  test('others neither see nor decide it; the console reads it and offers no decision', async () => {
    await ask(issuer);
    const { approval } = await questionFor(issuer, mira);
    expect((await get(`/me/approvals/${approval.id}`, 'who=jana')).status).toBe(404);
    expect((await get('/console/approvals', 'who=mira')).status).toBe(403);
    const list = await get('/console/approvals', 'who=adam');
    expect(list.text).toContain('Mira Köhler decides');
    const page = await get(`/console/approvals/${approval.id}`, 'who=adam');
    expect(page.text).toContain('Mira Köhler decides this');
    expect(page.text).not.toContain('name="decision"');
  });

  test('an open page hears of a new question by server-sent events', async () => {
    const response = await fetch(`${issuer.issuer}/me/approvals/events`, { headers: { cookie: 'who=mira' } });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    await ask(issuer);
    let heard = '';
    while (!heard.includes('event: change')) heard += (await reader?.read())?.value ?? '';
    expect(heard).not.toContain('apr_');
    await reader?.cancel();
  });
});

describe('/api/v1/approvals', () => {
  const call = (path: string, token: string, body?: object) =>
    fetch(`${issuer.issuer}/api/v1/approvals${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  test('administrators read all, a person decides what is asked of them, and nobody else', async () => {
    await ask(issuer);
    const own = `${mira} approvals:decide`;
    const { items } = (await (await call('', own)).json()) as { items: { id: string; shown: string; status: string }[] };
    const [{ id = '', shown = '' } = {}] = items;
    expect(((await (await call('', `${people.jana.id} approvals:decide`)).json()) as { items: unknown[] }).items).toEqual([]);
    expect((await call(`/${id}`, `${people.adam.id} admin:read`)).status).toBe(200);
    expect((await call(`/${id}/decision`, `${people.adam.id} admin:read admin:write`, { decision: 'approve', shown })).status).toBe(403);
    expect((await call(`/${id}/decision`, 'svc_1 approvals:decide', { decision: 'approve', shown })).status).toBe(403);
    expect((await call(`/${id}/decision`, `${people.jana.id} approvals:decide`, { decision: 'approve', shown })).status).toBe(404);
    expect((await call(`/${id}/decision`, own, { decision: 'approve', shown: 'sha-256:x' })).status).toBe(409);
    const decided = await call(`/${id}/decision`, own, { decision: 'approve', shown });
    expect(await decided.json()).toMatchObject({ id, status: 'approved', decided_by: mira });
    expect((await call(`/${id}/decision`, own, { decision: 'deny', shown })).status).toBe(409);
  });
});
