import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { addAgent, addClient, obtain } from './asking.ts';
import { createTokenServer, PAYMENTS, type TokenServer } from './token-server.ts';

let server: TokenServer;
let authorization: string;

beforeAll(async () => {
  server = await createTokenServer();
  await server.parties.add('resource', PAYMENTS);
  await server.parties.add('account', 'usr_mira');
  await addClient(server, 'mgmt');
  server.roster.principals.set('mgmt', { kind: 'service', id: 'svc_mgmt' });
  server.roster.guarded.set('mgmt', { purpose: 'management', isManagement: true, hasGovernance: true });
  await addAgent(server, 'bot');
  await addAgent(server, 'other');
  authorization = `Bearer ${(await obtain(server, 'mgmt', { scope: 'admin:read admin:write', resource: `${server.issuer}/api/v1` })).jwt}`;
});

afterAll(() => server.close());

const api = async (path: string, method = 'GET') => {
  const response = await fetch(`${server.issuer}/api/v1/tokens${path}`, { method, headers: { authorization } });
  const text = await response.text();
  return {
    status: response.status,
    body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> & { items: Record<string, unknown>[] },
  };
};

describe('/api/v1/tokens', () => {
  test('lists live tokens, newest first, page by page, without a token in it', async () => {
    const made = [];
    for (let index = 0; index < 5; index += 1) made.push(await obtain(server, 'cli-bot', { account: 'usr_mira' }));
    const newestFirst = made.map(({ jti }) => jti).toReversed();
    const first = await api('?agent=agt_bot&limit=3');
    expect(first.body.items.map(({ jti }) => jti)).toEqual(newestFirst.slice(0, 3));
    const second = await api(`?agent=agt_bot&limit=3&cursor=${first.body['next_cursor']}`);
    expect(second.body.items.map(({ jti }) => jti)).toEqual(newestFirst.slice(3));
    expect(second.body).not.toHaveProperty('next_cursor');
    expect(first.body.items[0]).toMatchObject({
      live: true,
      sub: 'usr_mira',
      client_id: 'cli-bot',
      aud: PAYMENTS,
      scope: 'pay',
      depth: 0,
      children: 0,
    });
    expect(JSON.stringify(first.body)).not.toContain(made[4]?.jwt.split('.')[2]);
  });

  test('by client, person and resource; dead ones are not in it', async () => {
    const ended = await obtain(server, 'cli-other', { account: 'usr_mira' });
    const live = await obtain(server, 'cli-other');
    await server.tokens.end({ by: 'jti', jti: ended.jti }, { cause: 'test', by: { kind: 'system', id: 'test' } });
    expect((await api('?client=cli-other')).body.items.map(({ jti }) => jti)).toEqual([live.jti]);
    expect((await api('?client=cli-other&account=usr_mira')).body.items).toEqual([]);
    expect((await api(`?client=cli-other&resource=${encodeURIComponent(PAYMENTS)}`)).body.items).toHaveLength(1);
    await server.parties.remove('agent', 'agt_other');
    expect((await api('?client=cli-other')).body.items).toEqual([]);
    await server.parties.add('agent', 'agt_other');
  });

  test('reads one, also after it ended; ends one with its children, once', async () => {
    const root = await obtain(server, 'cli-bot');
    const child = await obtain(server, 'cli-bot', { notes: { parentJti: root.jti } });
    expect((await api(`?agent=agt_bot`)).body.items.find(({ jti }) => jti === root.jti)).toMatchObject({ children: 1 });
    expect((await api(`/${root.jti}`, 'DELETE')).status).toBe(204);
    expect((await api(`/${child.jti}`)).body).toMatchObject({
      live: false,
      parent_jti: root.jti,
      end_cause: expect.any(String),
      ended_at: expect.any(String),
    });
    expect((await api(`/${root.jti}`, 'DELETE')).status).toBe(204);
    const text = `SELECT data FROM audit_events WHERE type = 'token.revoked' AND data->>'tokenId' = $1`;
    expect(await server.db.rows({ name: 'one-end', text, values: [root.jti] })).toEqual([
      { data: expect.objectContaining({ actor: { kind: 'client', id: 'mgmt' } }) },
    ]);
  });

  test.each([
    ['?limit=0', 400],
    ['?limit=1000', 400],
    ['?limit=a', 400],
    ['?cursor=nonsense', 400],
    ['?cursor=1.%27;--', 400],
    ['?agent=a&agent=b', 400],
    ['?colour=red', 400],
    [`?agent=${'x'.repeat(600)}`, 400],
    ['/unknown', 404],
    [`/${'x'.repeat(500)}`, 404],
  ])('refuses %s with %i', async (path, status) => {
    expect((await api(path)).status).toBe(status);
  });
});

describe('/console/tokens', () => {
  const signIn = (role: 'admin' | 'auditor') => {
    server.session = {
      accountId: `usr_${role}`,
      sessionUid: 's',
      name: 'Jana Weber',
      email: 'j@acme.test',
      role,
      authTime: new Date(),
      acr: 'strong',
      amr: [],
    };
  };
  const page = async (path: string) => (await fetch(`${server.issuer}/console/tokens${path}`)).text();

  test('shows who acts, for whom, on what, and ends one after saying what falls', async () => {
    signIn('admin');
    const root = await obtain(server, 'cli-bot', { account: 'usr_mira' });
    await obtain(server, 'cli-other', { notes: { parentJti: root.jti } });
    const list = await page('?account=usr_mira');
    for (const part of ['usr_mira', 'agt_bot', PAYMENTS, `/console/tokens/${root.jti}/end`, 'one token', 'of usr_mira'])
      expect(list).toContain(part);
    const response = await fetch(`${server.issuer}/console/tokens/${root.jti}/end`);
    const confirm = await response.text();
    expect(confirm).toContain('2 live tokens');
    const cookie = response.headers
      .getSetCookie()
      .map((each) => each.split(';')[0])
      .join('; ');
    const csrf = /name="csrf" value="([^"]+)"/.exec(confirm)?.[1] ?? '';
    const end = (body: URLSearchParams) =>
      fetch(`${server.issuer}/console/tokens/${root.jti}/end`, { method: 'POST', headers: { cookie }, body, redirect: 'manual' });
    expect((await end(new URLSearchParams())).status).toBe(403);
    expect((await server.tokens.get(root.jti)).isLive).toBe(true);
    const done = await end(new URLSearchParams({ csrf }));
    expect([done.status, done.headers.get('location')]).toEqual([303, '/console/tokens']);
    expect(await server.tokens.get(root.jti)).toMatchObject({ isLive: false, endCause: 'ended in the console' });
    expect((await end(new URLSearchParams({ csrf }))).status).toBe(409);
  });

  test('an auditor sees and ends nothing', async () => {
    signIn('auditor');
    await obtain(server, 'cli-bot');
    const list = await page('');
    expect(list).toMatch(/\d+ tokens are alive/);
    expect(list).not.toContain('End it');
  });

  test('says so when nothing is alive', async () => {
    signIn('admin');
    expect(await page('?agent=agt_none')).toContain('No token is alive');
  });
});
