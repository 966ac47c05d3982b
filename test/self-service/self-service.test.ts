import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createDetailTypes } from '../../src/authorization-details/index.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createSelfService } from '../../src/self-service/index.ts';
import { answer, ask, createTestIssuer, people, poll, RESOURCE, type TestIssuer } from '../approvals/issuer.ts';

let issuer: TestIssuer;
const mira = people.mira.id;
const types = createDetailTypes();

beforeAll(async () => {
  issuer = await createTestIssuer({
    more: ({ db, audit, approvals, artifacts, issuer: url }) => [
      createSelfService({
        db,
        clock: systemClock,
        issuer: url,
        audit,
        artifacts,
        sources: {
          granteeOf: async (clientId) => (clientId === 'bot' ? { kind: 'agent', name: 'Invoice bot', status: 'active' } : undefined),
          resourceOf: async () => ({ name: 'Billing MCP', scopes: [{ name: 'invoices:pay', description: 'pay invoices' }] }),
          detailTypes: () => types,
          lastUsed: async () => systemClock.now(),
          historyOf: async () => [],
          falling: async () => ({ tokens: 2, agents: 1 }),
          agentsOwnedBy: async () => [
            { id: 'agt_1', displayName: 'Travel planner', purpose: 'Finds trains', status: 'suspended', validUntil: undefined },
          ],
          waitingFor: (id) => approvals.countWaiting(id),
          toHandOn: async () => 0,
          toConfirm: async (id) =>
            id === mira ? { count: 3, dueAt: new Date('2027-01-31T23:59:59.999Z') } : { count: 0, dueAt: undefined },
          sessionsOf: async () => [
            {
              uid: 'uid-mira',
              userAgent: 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0',
              address: '203.0.113.7',
              lastSeenAt: systemClock.now(),
            },
            { uid: 'uid-2', userAgent: '<script>', address: '203.0.113.8', lastSeenAt: systemClock.now() },
          ],
          securityOf: async () => ({
            account: { name: 'Mira Köhler', email: 'mira@acme.test', roles: 'nothing more' },
            passkeys: [],
            hasCode: false,
            mayUseConsole: false,
          }),
          endGrant: (grantHash) => artifacts.destroyAuthority({ grantHash }),
        },
      }).capability,
    ],
  });
  issuer.signIn('mira', { accountId: mira });
  issuer.signIn('jana', { accountId: people.jana.id });
});
afterAll(() => issuer.close());

async function get(path: string, who = 'mira') {
  const response = await fetch(`${issuer.issuer}${path}`, { headers: { cookie: `who=${who}`, accept: 'text/html' }, redirect: 'manual' });
  const cookies = response.headers.getSetCookie().map((one) => one.split(';')[0]);
  return { status: response.status, text: await response.text(), cookie: [`who=${who}`, ...cookies].join('; ') };
}

/** A lasting consent, as sign-in keeps it; one scope was ticked off. */
async function consent(accountId: string): Promise<void> {
  const grant = new (issuer.oidc.current().Grant)({ accountId, clientId: 'bot' });
  grant.addOIDCScope('openid email');
  grant.rejectOIDCScope('email');
  grant.addResourceScope(RESOURCE, 'invoices:pay');
  grant.addRar({ type: 'mcp_tool_call', tools: ['pay_invoice'] });
  await grant.save();
}

describe('/me', () => {
  test('says what would be here', async () => {
    const { text } = await get('/me');
    expect(text).toContain('No agent acts for you');
    for (const words of ['Travel planner', 'Suspended', 'Firefox on Linux', 'This one', 'A browser']) expect(text).toContain(words);
    expect(text).not.toContain('<script>');
  });

  test('says how many agents wait to be confirmed, until when, and to whom they belong', async () => {
    expect((await get('/me')).text).toMatch(/href="\/me\/certifications"><span[^>]*><b>3 agents to confirm by 31 Jan 2027/);
    expect((await get('/me', 'jana')).text).not.toContain('to confirm by');
  });

  test('lists what was allowed in words, without what was ticked off', async () => {
    await consent(mira);
    const { text } = await get('/me');
    expect(text).toContain('One agent acts for you');
    expect(text).toContain('Pay invoices; Call pay_invoice of Billing MCP; know who you are');
    expect(text).not.toContain('e-mail address');
    await ask(issuer);
    expect((await get('/me')).text).toContain('One question waits for you');
  });

  test('says first what falls, then ends it, and records who ended it', async () => {
    const { auth_req_id: id } = (await ask(issuer)).body;
    await answer(issuer, mira, 'approve');
    for (let rest = 2; rest > 0; rest -= 1) {
      const path = /href="(\/me\/grants\/[0-9a-f]{64}\/end)"/.exec((await get('/me')).text)?.[1] ?? '';
      const page = await get(path);
      for (const words of ['End what Invoice bot may do?', '2 live tokens end', 'One agent further down', 'pay invoices'])
        expect(page.text).toContain(words);
      const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
      const send = (token: string) =>
        fetch(`${issuer.issuer}${path}`, {
          method: 'POST',
          headers: { cookie: page.cookie },
          redirect: 'manual',
          body: new URLSearchParams({ csrf: token }),
        });
      expect((await send('forged')).status).toBe(403);
      expect((await get(path, 'jana')).status).toBe(404);
      expect((await send(csrf)).headers.get('location')).toBe('/me');
      expect((await send(csrf)).status).toBe(404);
    }
    expect(await issuer.artifacts.listOf('Grant', mira)).toEqual([]);
    expect((await poll(issuer, id)).body['error']).toBe('invalid_grant');
    const { events } = await issuer.audit.list({ type: 'grant.revoked', limit: 5 });
    expect(events.map(({ event }) => event)).toMatchObject([
      { subjectId: mira, clientId: 'bot' },
      { actor: { kind: 'account', id: mira } },
    ]);
  });
});
