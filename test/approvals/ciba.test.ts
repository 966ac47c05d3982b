import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { detailsHash } from '../../src/authorization-details/index.ts';
import { clock, minutes, seconds } from '../support/clock.ts';
import { agent, answer, ask, claimsOf, createTestIssuer, people, poll, questionFor, RESOURCE, type TestIssuer } from './issuer.ts';

let issuer: TestIssuer;
const mira = people.mira.id;
const details = [{ type: 'mcp_tool_call', tools: ['pay_invoice'], arguments: { amount: { max: '120.00' } } }];

beforeAll(async () => {
  issuer = await createTestIssuer();
});
afterAll(() => issuer.close());
beforeEach(() => issuer.db.rows({ name: 'wipe', text: 'DELETE FROM approvals', values: [] }));
afterEach(() => clock.reset());

async function types(): Promise<string[]> {
  return (await issuer.audit.list({ limit: 100 })).events.map(({ event }) => event.type);
}

describe('CIBA Core 1.0 §7 the request', () => {
  test('§4 the metadata announces poll delivery and no user code', async () => {
    const metadata = (await (await fetch(`${issuer.issuer}/.well-known/openid-configuration`)).json()) as Record<string, unknown>;
    expect(metadata['backchannel_token_delivery_modes_supported']).toEqual(['poll']);
    expect(metadata['backchannel_authentication_endpoint']).toBe(`${issuer.issuer}/bc-authorize`);
    expect(metadata['backchannel_user_code_parameter_supported']).toBe(false);
  });

  test('§7.3 answers with auth_req_id, expires_in and interval; the id is stored nowhere in clear', async () => {
    const { status, body } = await ask(issuer, { binding_message: 'PO-4711' });
    expect(status).toBe(200);
    expect(body).toEqual({ auth_req_id: expect.any(String), expires_in: 300, interval: 5 });
    const rows = await issuer.db.rows({ name: 'dump', text: 'SELECT approvals::text AS one FROM approvals', values: [] });
    expect(JSON.stringify(rows)).not.toContain(body['auth_req_id']);
    const { approval } = await questionFor(issuer, mira);
    expect(approval).toMatchObject({
      agentId: agent.id,
      clientId: 'bot',
      scope: 'invoices:pay',
      identityScope: 'openid',
      bindingMessage: 'PO-4711',
    });
    expect((await types())[0]).toBe('approval.requested');
  });

  test('§7.1 requested_expiry is kept within bounds', async () => {
    expect((await ask(issuer, { requested_expiry: '60' })).body['expires_in']).toBe(60);
    expect((await ask(issuer, { requested_expiry: '1' })).body['expires_in']).toBe(30);
    expect((await ask(issuer, { requested_expiry: '999999' })).body['expires_in']).toBe(3_600);
    expect((await ask(issuer, { requested_expiry: '-5' })).body['error']).toBe('invalid_request');
  });

  test.each([
    ['bidi control', 'Pay \u202eEMCA'],
    ['zero-width', 'Pay\u200bME'],
    ['line feed', 'Pay\nme'],
    ['too long', 'x'.repeat(65)],
    ['empty to the eye', '   '],
  ])('§13 invalid_binding_message: %s', async (_case, message) => {
    expect(await ask(issuer, { binding_message: message })).toMatchObject({ status: 400, body: { error: 'invalid_binding_message' } });
  });

  test('§7.1 exactly one hint; login_hint_token is refused in words', async () => {
    expect((await ask(issuer, { login_hint: undefined })).body['error']).toBe('invalid_request');
    expect((await ask(issuer, { id_token_hint: 'a.b.c' })).body['error']).toBe('invalid_request');
    const { body } = await ask(issuer, { login_hint: undefined, login_hint_token: 'x' });
    expect(body).toMatchObject({
      error: 'invalid_request',
      error_description: expect.stringContaining('login_hint_token is not supported'),
    });
  });

  test('R11 unknown, disabled and unrelated people get the same answer, and the refusal is recorded', async () => {
    const answers = await Promise.all(
      ['nobody@acme.test', people.jana.email, people.jana.id, people.gone.email, ''].map((hint) =>
        ask(issuer, { login_hint: hint || 'x' }),
      ),
    );
    for (const one of answers) expect(one).toEqual(answers[0]);
    expect(answers[0]).toMatchObject({ status: 400, body: { error: 'unknown_user_id' } });
    expect((await types()).filter((type) => type === 'token.refused').length).toBeGreaterThanOrEqual(5);
    expect(await issuer.approvals.countWaiting(people.jana.id)).toBe(0);
  });

  test('R11 who consented to the client may be asked by it', async () => {
    const grant = new (issuer.oidc.current().Grant)({ accountId: people.jana.id, clientId: 'bot' });
    grant.addOIDCScope('openid');
    await grant.save();
    expect((await ask(issuer, { login_hint: people.jana.id })).status).toBe(200);
    await grant.destroy();
  });

  test('R4 a client without credentials cannot ask; R5 nor one without an active agent', async () => {
    expect((await ask(issuer, { client_id: 'public' }, undefined as never)).body['error']).toMatch(
      /invalid_client|unauthorized_client|invalid_request/,
    );
    expect(await ask(issuer, { login_hint: people.mira.id }, 'other')).toMatchObject({ status: 400, body: { error: 'unknown_user_id' } });
  });

  test('unknown scope, foreign location and malformed context are refused, and nothing is stored', async () => {
    const outside = JSON.stringify([{ ...details[0], locations: ['https://evil.test'] }]);
    expect((await ask(issuer, { scope: 'openid other:scope' })).body['error']).toBe('invalid_scope');
    expect((await ask(issuer, { authorization_details: outside })).body['error']).toBe('invalid_authorization_details');
    expect((await ask(issuer, { request_context: '[1]' })).body['error']).toBe('invalid_request');
    expect(await issuer.approvals.countWaiting(mira)).toBe(0);
    const left = await issuer.db.rows({ name: 'left', text: `SELECT 1 AS one FROM approvals`, values: [] });
    expect(left).toEqual([]);
  });

  test('R11 at most three questions of one agent wait for one person, also when ten come at once', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(issuer)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
    expect(answers.filter(({ status, body }) => status === 403 && body['error'] === 'access_denied')).toHaveLength(7);
    clock.advance(minutes(6));
    expect((await ask(issuer)).status).toBe(200);
  });
});

describe('CIBA Core 1.0 §10 and §11 the answer', () => {
  test('§10.1.1 details, scope and the approval claim, and no refresh token (R10)', async () => {
    const { body } = await ask(issuer, { scope: 'openid invoices:pay offline_access', authorization_details: JSON.stringify(details) });
    expect(body).toHaveProperty('auth_req_id');
    await answer(issuer, mira, 'approve');
    const tokens = await poll(issuer, body['auth_req_id']);
    expect(tokens).toMatchObject({ status: 200, body: { token_type: 'Bearer', scope: 'invoices:pay', authorization_details: details } });
    expect(tokens.body['refresh_token']).toBeUndefined();
    const claims = claimsOf(tokens.body['access_token']);
    expect(claims).toMatchObject({ aud: RESOURCE, acr: 'mfa', authorization_details: details });
    expect(claims['approval']).toMatchObject({
      id: expect.stringMatching(/^apr_/),
      details_hash: detailsHash(details),
      by: 'subject',
      max_uses: 1,
    });
    const { approved_until: until, approved_by: by } = claims['approval'] as Record<string, unknown>;
    expect(claims['exp']).toBeLessThanOrEqual(Number(until));
    expect(by).not.toContain('usr_');
    expect(claimsOf(tokens.body['id_token'])).toMatchObject({ sub: mira });
  });

  test('R10 the grant behind it ends with the approval', async () => {
    await ask(issuer);
    const { approval } = await answer(issuer, mira, 'approve');
    const [grant] = await issuer.artifacts.listOf('Grant', mira);
    expect(grant?.payload).toMatchObject({
      exp: Math.floor((approval.approvedUntil?.getTime() ?? 0) / 1000),
      resources: { [RESOURCE]: 'invoices:pay' },
    });
  });

  test('§11 authorization_pending, then slow_down, with a longer wait each time', async () => {
    const { auth_req_id: id } = (await ask(issuer)).body;
    expect(await poll(issuer, id)).toMatchObject({ status: 400, body: { error: 'authorization_pending' } });
    expect(await poll(issuer, id)).toMatchObject({
      status: 400,
      body: { error: 'slow_down', error_description: 'ask again in 10 seconds' },
    });
    clock.advance(seconds(7));
    expect((await poll(issuer, id)).body['error']).toBe('slow_down');
    clock.advance(seconds(16));
    expect((await poll(issuer, id)).body['error']).toBe('authorization_pending');
  });

  test('§11 access_denied once a person denied, and the question is closed', async () => {
    const { auth_req_id: id } = (await ask(issuer)).body;
    const { approval } = await answer(issuer, mira, 'deny');
    expect((await poll(issuer, id)).body['error']).toBe('access_denied');
    const { events } = await issuer.audit.list({ mentions: approval.id, type: 'approval.decided', limit: 2 });
    expect(events.map(({ event }) => event)).toMatchObject([
      { outcome: 'denied', actor: { kind: 'account', id: mira }, detailsHash: approval.detailsHash },
    ]);
  });

  test('§11 expired_token, also after the engine has forgotten the request', async () => {
    const { auth_req_id: id } = (await ask(issuer)).body;
    clock.advance(minutes(6));
    expect((await poll(issuer, id)).body['error']).toBe('expired_token');
    await issuer.approvals.expire();
    await issuer.artifacts.purge(100);
    expect((await poll(issuer, id)).body['error']).toBe('expired_token');
    expect(await types()).toContain('approval.expired');
  });

  test('§10.1 an auth_req_id is for its own client, once; 20 redemptions at a time yield one token', async () => {
    const { auth_req_id: id } = (await ask(issuer)).body;
    await answer(issuer, mira, 'approve');
    expect((await poll(issuer, id, 'other')).body['error']).toBe('invalid_grant');
    const answers = await Promise.all(Array.from({ length: 20 }, () => poll(issuer, id)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect((await poll(issuer, 'made-up')).body['error']).toBe('invalid_grant');
  });

  test('an approval that is over yields nothing', async () => {
    const { auth_req_id: id } = (await ask(issuer, { requested_expiry: '3600' })).body;
    await answer(issuer, mira, 'approve');
    clock.advance(minutes(6));
    expect((await poll(issuer, id)).body['error']).toBe('expired_token');
  });

  test('what an agent asked is withdrawn with it', async () => {
    const { auth_req_id: id } = (await ask(issuer)).body;
    await issuer.db.transaction(() => issuer.approvals.withdrawOf([agent.id], 'agent.suspended'));
    expect((await poll(issuer, id)).body['error']).toBe('access_denied');
    expect(await types()).toContain('approval.withdrawn');
  });
});
