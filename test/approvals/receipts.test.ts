import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { decodeProtectedHeader, type JSONWebKeySet } from 'jose';
import { receiptOf } from '../../src/approvals/receipts/receipt.ts';
import { detailsHash } from '../../src/authorization-details/index.ts';
import { canonicalJson } from '../../src/sdk/canonical-json.ts';
import { type Approval, verifyApprovalReceipt } from '../../src/sdk/resource-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { agent, answer, ask, claimsOf, createTestIssuer, people, poll, questionFor, RESOURCE, type TestIssuer } from './issuer.ts';

const run = promisify(execFile);
const mira = people.mira.id;
const details = [{ type: 'mcp_tool_call', tools: ['pay_invoice'], arguments: { amount: { max: '120.00' } } }];
let issuer: TestIssuer;
let isBroken = false;

beforeAll(async () => {
  issuer = await createTestIssuer({
    // where a server may fail: the decision is written, its receipt cannot be signed
    deps: {
      policyVersion: () => {
        if (isBroken) throw new Error('no rules');
        return 'test-1';
      },
    },
  });
});
afterAll(() => issuer.close());
beforeEach(() => issuer.db.rows({ name: 'wipe', text: 'DELETE FROM approvals', values: [] }));

const get = (path: string, headers: Record<string, string> = {}) => fetch(`${issuer.issuer}${path}`, { headers });
const as = (token: string, accept = '*/*') => ({ authorization: `Bearer ${token}`, accept });
const keys = async (): Promise<JSONWebKeySet> => (await get('/jwks/receipts')).json() as Promise<JSONWebKeySet>;

/** A question that was answered, and its receipt as an administrator reads it. */
async function decided(decision: 'approve' | 'deny' = 'approve') {
  const asked = await ask(issuer, { authorization_details: JSON.stringify(details), binding_message: 'PO-4711' });
  const { approval, hash } = await questionFor(issuer, mira);
  await answer(issuer, mira, decision);
  const path = `/api/v1/approvals/${approval.id}/receipt`;
  const receipt = await (await get(path, as(`${people.adam.id} admin:read`))).text();
  return { id: approval.id, hash, path, receipt, authReqId: asked.body['auth_req_id'] };
}

/** The approval of a token, as `behalf/resource-server` gives it. */
function approvalOf(claims: Record<string, unknown>): Approval {
  const claim = claims['approval'] as Record<string, string & number>;
  return {
    id: String(claim['id']),
    approvedAt: undefined,
    approvedUntil: new Date(Number(claim['approved_until']) * 1000),
    detailsHash: claim['details_hash'],
    approvedBy: claim['approved_by'],
    by: 'subject',
    maxUses: 1,
  };
}

describe('a receipt', () => {
  test('proves offline who decided what, and fits the token of the approval', async () => {
    const { id, hash, receipt, authReqId } = await decided();
    const token = claimsOf((await poll(issuer, authReqId)).body['access_token']);
    const expected = { issuer: issuer.issuer, keys: await keys(), approval: approvalOf(token) };
    const proven = await verifyApprovalReceipt(receipt, expected);
    expect(proven).toMatchObject({
      id,
      decision: 'approved',
      subject: mira,
      approver: { subject: mira, by: 'subject', acr: 'mfa', byPasskey: false },
      agent: agent.id,
      client: 'bot',
      resource: RESOURCE,
      authorizationDetails: details,
      policyVersion: 'test-1',
    });
    expect(proven.claims).toMatchObject({
      shown_hash: hash,
      details_hash: detailsHash(details),
      max_uses: 1,
      shown: { personName: 'Mira Köhler', agentName: 'Invoice bot', bindingMessage: 'PO-4711' },
      approver: { amr: ['otp'], auth_time: expect.any(Number) },
      approved_until: (token['approval'] as { approved_until: number }).approved_until,
    });
  });

  test('of a denial says so, and proves no token', async () => {
    const { receipt, id } = await decided('deny');
    const expected = { issuer: issuer.issuer, keys: await keys() };
    const proven = await verifyApprovalReceipt(receipt, expected);
    expect([proven.decision, proven.claims['approved_until']]).toEqual(['denied', undefined]);
    const approval = { ...approvalOf({ approval: { id } }), detailsHash: detailsHash(details) };
    await expect(verifyApprovalReceipt(receipt, { ...expected, approval })).rejects.toThrow('another approval');
  });

  test('R17 is signed with a key that signs no tokens; a changed byte, another issuer or foreign keys are refused', async () => {
    const { receipt } = await decided();
    const published = await keys();
    const { kid, typ, alg } = decodeProtectedHeader(receipt);
    expect([typ, alg, published.keys.map((key) => key.kid)]).toEqual(['approval-receipt+jwt', 'ES256', [kid]]);
    expect(JSON.stringify(published)).not.toContain('"d"');
    expect(issuer.oidc.publicKeys().map((key) => key['kid'])).not.toContain(kid);
    const [header, payload = '', signature] = receipt.split('.');
    const flipped = `${header}.${payload.slice(0, -2)}${payload.endsWith('A') ? 'B' : 'A'}${payload.slice(-1)}.${signature}`;
    for (const [value, about] of [
      [flipped, {}],
      [receipt, { issuer: 'https://evil.test' }],
      [receipt, { keys: { keys: [] } }],
    ] as [string, object][])
      await expect(verifyApprovalReceipt(value, { issuer: issuer.issuer, keys: published, ...about })).rejects.toThrow('not right');
  });

  test('is written with the decision or not at all', async () => {
    await ask(issuer);
    isBroken = true;
    await expect(answer(issuer, mira, 'approve')).rejects.toThrow('no rules');
    isBroken = false;
    expect((await questionFor(issuer, mira)).approval.status).toBe('pending');
    await answer(issuer, mira, 'approve');
  });

  test('nobody decided: there is none', async () => {
    await ask(issuer);
    const { approval } = await questionFor(issuer, mira);
    expect((await get(`/api/v1/approvals/${approval.id}/receipt`, as(`${people.adam.id} admin:read`))).status).toBe(404);
    expect(() => receiptOf(approval, {} as never)).toThrow('nobody decided');
  });
});

describe('R6: a receipt is read by', () => {
  test('administrators, the person who was asked, and a client of the resource server it is about', async () => {
    const { path, receipt } = await decided();
    const read = async (token: string) => {
      const response = await get(path, as(token));
      return response.status === 200 ? await response.text() : response.status;
    };
    for (const token of [`${people.adam.id} admin:read`, `${mira} approvals:decide`, 'billing access:evaluate'])
      expect(await read(token)).toBe(receipt);
    for (const token of [`${people.jana.id} approvals:decide`, 'payroll access:evaluate']) expect(await read(token)).toBe(404);
    expect(await read(`${people.adam.id} admin:write`)).toBe(403);
    expect(await (await get(path, as(`${people.adam.id} admin:read`, 'application/json'))).json()).toEqual({ receipt });
    expect((await get(path)).status).toBe(401);
  });

  test('the same people in the browser, as a file', async () => {
    const { id, receipt } = await decided();
    issuer.signIn('mira', { accountId: mira });
    issuer.signIn('jana', { accountId: people.jana.id });
    issuer.signIn('adam', { accountId: people.adam.id });
    const file = await get(`/me/approvals/${id}/receipt`, { cookie: 'who=mira' });
    expect([await file.text(), file.headers.get('content-disposition')]).toEqual([receipt, `attachment; filename="${id}.jwt"`]);
    expect(await (await get(`/me/approvals/${id}`, { cookie: 'who=mira' })).text()).toContain(`/me/approvals/${id}/receipt`);
    expect((await get(`/me/approvals/${id}/receipt`, { cookie: 'who=jana' })).status).toBe(404);
    expect(await (await get(`/console/approvals/${id}/receipt`, { cookie: 'who=adam' })).text()).toBe(receipt);
    expect((await get(`/console/approvals/${id}/receipt`, { cookie: 'who=jana' })).status).toBe(403);
  });
});

test('the script of the documentation verifies it with jose alone', async () => {
  const { receipt, authReqId } = await decided();
  const folder = await temporaryFolder();
  const file = async (name: string, text: string) => {
    await writeFile(join(folder.path, name), text);
    return join(folder.path, name);
  };
  try {
    const token = String((await poll(issuer, authReqId)).body['access_token']);
    const around = [await file('receipt.jwt', receipt), await file('keys.json', JSON.stringify(await keys()))];
    const verify = (...files: string[]) => run(process.execPath, ['docs/verify-receipt.mjs', issuer.issuer, ...files]);
    const { stdout } = await verify(...around, await file('token.jwt', token));
    expect(stdout).toMatch(
      /^Mira Köhler \(usr_\w+\) approved at .*\nasked by Invoice bot .*\n {2}Call pay_invoice of Billing MCP\nunder the rules test-1, until /,
    );
    const other = await decided();
    await expect(verify(await file('other.jwt', other.receipt), around[1] ?? '', await file('token.jwt', token))).rejects.toThrow(
      'NOT VALID: the token stands on another approval',
    );
  } finally {
    await folder.remove();
  }
});

test('RFC 8785: the canonical form of the SDK is the one that was hashed', () => {
  expect(canonicalJson({ b: [1.0, 'ü"\n', null, true], a: { '\u20ac': 1e21, A: -0 }, aa: {} })).toBe(
    '{"a":{"A":0,"€":1e+21},"aa":{},"b":[1,"ü\\"\\n",null,true]}',
  );
});
