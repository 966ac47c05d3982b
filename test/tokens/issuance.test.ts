import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { hashOf } from '../../src/oidc/index.ts';
import { addAgent, addClient, ask, basic, introspect, obtain, post } from './asking.ts';
import { createTokenServer, PAYMENTS, type TokenServer } from './token-server.ts';

let server: TokenServer;

beforeAll(async () => {
  server = await createTokenServer();
  await server.parties.add('resource', PAYMENTS);
});

afterAll(() => server.close());

beforeEach(() => {
  server.beforeInsert = undefined;
});

describe('claims of an access token', () => {
  test('an agent acting for itself is the subject, without an actor; the client is never the subject (R5)', async () => {
    const { agentId, clientId } = await addAgent(server, 'alone');
    const { body } = await post(server, '/token', { form: { grant_type: 'client_credentials', scope: 'pay' }, headers: basic(clientId) });
    const claims = JSON.parse(Buffer.from(String(body['access_token']).split('.')[1] ?? '', 'base64url').toString());
    expect(claims).toMatchObject({
      sub: agentId,
      sub_profile: 'ai_agent',
      client_id: clientId,
      aud: PAYMENTS,
      iss: server.issuer,
      scope: 'pay',
    });
    expect(claims).not.toHaveProperty('act');
    expect(await server.tokens.find(claims.jti)).toMatchObject({
      kind: 'ClientCredentials',
      agentId,
      agentIds: [agentId],
      depth: 0,
      rootJti: claims.jti,
      isLive: true,
    });
  });

  test('RFC 8693 §4.1: an agent acting for a person is the actor, the person the subject', async () => {
    const { agentId, clientId } = await addAgent(server, 'helper');
    await server.parties.add('account', 'usr_mira');
    const { claims, jti } = await obtain(server, clientId, { account: 'usr_mira' });
    expect(claims).toMatchObject({
      sub: 'usr_mira',
      sub_profile: 'user',
      act: { iss: server.issuer, sub: agentId, sub_profile: 'ai_agent' },
    });
    expect(await server.tokens.find(jti)).toMatchObject({
      accountId: 'usr_mira',
      agentId,
      subjectProfile: 'user',
      grantHash: expect.any(Buffer),
    });
  });

  test('an application that an administrator registered acts without an actor claim', async () => {
    await addClient(server, 'cli-app');
    server.roster.principals.set('cli-app', { kind: 'application', id: 'svc_app' });
    await server.parties.add('account', 'usr_app');
    expect((await obtain(server, 'cli-app', { account: 'usr_app' })).claims).not.toHaveProperty('act');
    expect((await obtain(server, 'cli-app')).claims).toMatchObject({ sub: 'svc_app', sub_profile: 'service' });
  });

  test('a client that stands for nobody gets no token (R5)', async () => {
    await addClient(server, 'cli-nobody');
    const { status, body } = await ask(server, 'cli-nobody');
    expect([status, body]).toEqual([401, { error: 'invalid_client', error_description: 'this client stands for nobody' }]);
  });

  test('what policy and approvals say is what the token and the ledger say', async () => {
    const { agentId, clientId } = await addAgent(server, 'told');
    await server.parties.add('agent', 'agt_first');
    await server.parties.add('account', 'usr_told');
    const act = {
      iss: server.issuer,
      sub: agentId,
      sub_profile: 'ai_agent',
      act: { iss: server.issuer, sub: 'agt_first', sub_profile: 'ai_agent' },
    };
    const approval = { id: 'apr_1', max_uses: 1 };
    const authTime = new Date('2026-01-01T00:00:00Z');
    const notes = {
      subject: 'usr_told',
      subjectProfile: 'user' as const,
      actors: act,
      approval,
      acr: 'strong',
      authTime,
      decisionId: 'dec_1',
      actorSource: 'client',
    };
    const details = [{ type: 'api_call', amount: 1 }];
    const { claims, jti } = await obtain(server, clientId, { notes, details });
    expect(claims).toMatchObject({
      sub: 'usr_told',
      act,
      approval,
      acr: 'strong',
      auth_time: authTime.getTime() / 1000,
      authorization_details: details,
    });
    expect(await server.tokens.find(jti)).toMatchObject({
      agentId,
      agentIds: [agentId, 'agt_first'],
      approvalId: 'apr_1',
      decisionId: 'dec_1',
      actorSource: 'client',
      details,
      authTime,
    });
    const event = await server.db.row<{ data: Record<string, unknown>; agent_id: string; correlation_id: string }>({
      name: 'event-of-token',
      text: `SELECT data, agent_id FROM audit_events WHERE type = 'token.issued' AND data->>'tokenId' = $1`,
      values: [jti],
    });
    expect(event).toMatchObject({
      agent_id: agentId,
      data: { decisionId: 'dec_1', approvalId: 'apr_1', detailsHash: expect.stringMatching(/^sha-256:/), subjectId: 'usr_told' },
    });
    expect(event?.data['chain']).toHaveLength(2);
  });

  test('a token whose subject would be a client_id is never issued (R5)', async () => {
    const { clientId } = await addAgent(server, 'confused');
    expect((await ask(server, clientId, { notes: { subject: clientId, subjectProfile: 'service' } })).status).toBe(500);
  });

  test('ledger and audit are one statement, and the only one of the issuance', async () => {
    const { clientId } = await addAgent(server, 'quick');
    await obtain(server, clientId);
    server.statements.length = 0;
    await obtain(server, clientId);
    expect(server.statements.filter((name) => !name.startsWith('test-'))).toEqual(['token-insert']);
  });
});

describe('tokens that are written in one statement', () => {
  test('each lives or fails by itself, and has its own event', async () => {
    const names = ['one', 'two', 'three', 'four', 'five', 'six'];
    const agents = await Promise.all(names.map((name) => addAgent(server, `group-${name}`)));
    let isReady: (() => void) | undefined;
    let waiting = agents.length;
    const all = new Promise<void>((resolve) => {
      isReady = resolve;
    });
    server.beforeInsert = async () => {
      waiting -= 1;
      if (waiting === 0) {
        await server.db.detached(() => server.parties.remove('agent', agents[2]?.agentId ?? ''));
        isReady?.();
      }
      await all;
    };
    server.statements.length = 0;
    const replies = await Promise.all(
      agents.map(({ clientId }) =>
        post(server, '/token', { form: { grant_type: 'client_credentials', scope: 'pay' }, headers: basic(clientId) }),
      ),
    );
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 401, 200, 200, 200]);
    expect(server.statements.filter((name) => name === 'token-insert')).toHaveLength(1);
    for (const [index, { body }] of replies.entries()) {
      if (body['access_token'] === undefined) continue;
      const { jti } = JSON.parse(Buffer.from(String(body['access_token']).split('.')[1] ?? '', 'base64url').toString());
      const token = await server.tokens.find(jti);
      expect(token).toMatchObject({ agentId: agents[index]?.agentId, clientId: agents[index]?.clientId, isLive: true });
      const events = await server.db.rows<{ client_id: string; agent_id: string }>({
        name: 'test-event',
        text: "SELECT client_id, agent_id FROM audit_events WHERE type = 'token.issued' AND data->>'tokenId' = $1",
        values: [jti],
      });
      expect(events).toEqual([{ client_id: token?.clientId, agent_id: token?.agentId }]);
    }
  });
});

describe('R13: whatever dies between the check and the insert, no token comes into being', () => {
  const parties = [
    ['client', 401, 'invalid_client', 'cli-dying'],
    ['agent', 401, 'invalid_client', 'agt_dying'],
    ['account', 400, 'invalid_grant', 'usr_dying'],
    ['resource', 400, 'invalid_target', 'https://dying.test'],
  ] as const;

  test.each(parties)('a %s', async (kind, status, error, id) => {
    await addAgent(server, 'dying');
    await server.parties.add('account', 'usr_dying');
    await server.parties.add('resource', 'https://dying.test');
    const wish = { account: 'usr_dying', resource: 'https://dying.test' };
    await obtain(server, 'cli-dying', wish);
    const before = await rowCount();
    server.beforeInsert = () => server.parties.remove(kind, id);
    const reply = await ask(server, 'cli-dying', wish);
    expect([reply.status, reply.body['error']]).toEqual([status, error]);
    expect(await rowCount()).toBe(before);
    expect(await lastRefusal()).toMatchObject({ cause: error, clientId: 'cli-dying' });
  });

  test('an agent further down the chain', async () => {
    const { agentId, clientId } = await addAgent(server, 'outer');
    await addAgent(server, 'inner');
    const chain = {
      iss: server.issuer,
      sub: agentId,
      sub_profile: 'ai_agent',
      act: { iss: server.issuer, sub: 'agt_inner', sub_profile: 'ai_agent' },
    };
    await server.parties.add('account', 'usr_chain');
    server.beforeInsert = () => server.parties.remove('agent', 'agt_inner');
    const reply = await ask(server, clientId, { notes: { subject: 'usr_chain', subjectProfile: 'user', actors: chain } });
    expect([reply.status, reply.body['error']]).toEqual([400, 'invalid_grant']);
  });

  test('an agent whose time is over', async () => {
    const { agentId, clientId } = await addAgent(server, 'late');
    await server.parties.limit(agentId, new Date(Date.now() - 1_000));
    expect((await ask(server, clientId)).body['error']).toBe('invalid_client');
    await server.parties.limit(agentId, new Date(Date.now() + 60_000));
    expect((await ask(server, clientId)).status).toBe(200);
  });

  test('a grant', async () => {
    const { clientId } = await addAgent(server, 'granted');
    await server.parties.add('account', 'usr_granted');
    const first = await obtain(server, clientId, { account: 'usr_granted' });
    const grantId = String(first.reply['grant_id']);
    server.beforeInsert = () => server.revocation.cascade.onGrantEnded(grantId);
    const reply = await ask(server, clientId, { account: 'usr_granted', grantId });
    expect([reply.status, reply.body['error']]).toEqual([400, 'invalid_grant']);
  });

  test('a family of refresh tokens that another server has just ended; what it gave before is dead at every reading', async () => {
    const { clientId } = await addAgent(server, 'connected');
    await server.parties.add('account', 'usr_connected');
    const { jti, reply } = await obtain(server, clientId, { account: 'usr_connected' });
    const refreshToken = String(reply['refresh_token']);
    const form = { grant_type: 'refresh_token', refresh_token: refreshToken };
    expect((await post(server, '/token', { form, headers: basic(clientId) })).status).toBe(200);
    const text = 'INSERT INTO oidc_ended_families (family_hash, ended_at, expires_at) VALUES ($1, $2, $2)';
    const values = [hashOf(refreshToken), new Date()];
    server.beforeInsert = () => server.db.detached(async () => void (await server.db.rows({ name: 'end-family', text, values })));
    const refused = await post(server, '/token', { form, headers: basic(clientId) });
    expect([refused.status, refused.body['error']]).toEqual([400, 'invalid_grant']);
    expect(await server.tokens.find(jti)).toMatchObject({ isLive: false, endedAt: undefined });
  });

  test('a parent, or any token further up', async () => {
    const { clientId } = await addAgent(server, 'heir');
    const root = await obtain(server, clientId);
    const child = await obtain(server, clientId, { notes: { parentJti: root.jti } });
    expect(await server.tokens.find(child.jti)).toMatchObject({ depth: 1, rootJti: root.jti, parentJti: root.jti });
    server.beforeInsert = async () =>
      void (await server.db.rows({
        name: 'end-root',
        text: 'UPDATE token_ledger SET ended_at = issued_at WHERE jti = $1',
        values: [root.jti],
      }));
    const reply = await ask(server, clientId, { notes: { parentJti: child.jti } });
    expect([reply.status, reply.body['error']]).toEqual([400, 'invalid_grant']);
    expect((await ask(server, clientId, { notes: { parentJti: 'unknown' } })).body['error']).toBe('invalid_grant');
  });

  test('an ancestor that nobody knows any more', async () => {
    const { clientId } = await addAgent(server, 'orphan');
    const root = await obtain(server, clientId);
    const child = await obtain(server, clientId, { notes: { parentJti: root.jti } });
    await server.db.rows({ name: 'lose-root', text: 'DELETE FROM token_ledger WHERE jti = $1', values: [root.jti] });
    expect((await ask(server, clientId, { notes: { parentJti: child.jti } })).body['error']).toBe('invalid_grant');
    expect(await server.tokens.find(child.jti)).toMatchObject({ isLive: false });
  });

  test('a child never outlives its parent', async () => {
    const { clientId } = await addAgent(server, 'short');
    const root = await obtain(server, clientId, { ttl: 60 });
    const [longer, shorter] = [
      await obtain(server, clientId, { ttl: 300, notes: { parentJti: root.jti } }),
      await obtain(server, clientId, { ttl: 30, notes: { parentJti: root.jti } }),
    ];
    expect(longer.claims['exp']).toBe(root.claims['exp']);
    expect(longer.reply['expires_in']).toBe(Number(longer.claims['exp']) - Number(longer.claims['iat']));
    expect(shorter.claims['exp']).toBe(Number(shorter.claims['iat']) + 30);
  });

  test('a suspension that another connection commits after the insert kills the token, also when the agent comes back', async () => {
    const { agentId, clientId } = await addAgent(server, 'raced');
    await addClient(server, 'cli-watch');
    server.roster.resourceClients.set('cli-watch', PAYMENTS);
    let release: () => void = () => undefined;
    const isIssued = new Promise<void>((resolve) => {
      release = resolve;
    });
    let suspension: Promise<void> = Promise.resolve();
    server.beforeInsert = async () => {
      server.beforeInsert = undefined;
      await new Promise<void>((ready) => {
        suspension = server.db.detached(() =>
          server.db.transaction(async () => {
            await server.parties.remove('agent', agentId);
            await server.revocation.cascade.onAgentSuspended(agentId);
            ready();
            await isIssued;
          }),
        );
      });
    };
    const raced = await obtain(server, clientId);
    expect(await introspect(server, 'cli-watch', raced.jwt)).toMatchObject({ active: true });
    release();
    await suspension;
    expect(await introspect(server, 'cli-watch', raced.jwt)).toEqual({ active: false });
    await server.parties.add('agent', agentId);
    expect(await introspect(server, 'cli-watch', raced.jwt)).toEqual({ active: false });
    const later = await obtain(server, clientId);
    expect(await introspect(server, 'cli-watch', later.jwt)).toMatchObject({ active: true });
  });
});

describe('the purge', () => {
  test('removes tokens a day after they expired, and no others', async () => {
    const { clientId } = await addAgent(server, 'old');
    const [old, young] = [await obtain(server, clientId), await obtain(server, clientId)];
    const text = 'UPDATE token_ledger SET expires_at = $2 WHERE jti = $1';
    await server.db.rows({ name: 'age', text, values: [old.jti, new Date(Date.now() - 86_401_000)] });
    await server.db.rows({ name: 'age', text, values: [young.jti, new Date(Date.now() - 86_000_000)] });
    await server.tokens.capability.jobs?.[0]?.run();
    expect([await server.tokens.find(old.jti), await server.tokens.find(young.jti)]).toEqual([
      undefined,
      expect.objectContaining({ isLive: false }),
    ]);
  });
});

async function rowCount(): Promise<number> {
  return Number(
    (await server.db.row<{ count: string }>({ name: 'ledger-count', text: 'SELECT count(*) FROM token_ledger', values: [] }))?.count,
  );
}

async function lastRefusal(): Promise<unknown> {
  const text = `SELECT data FROM audit_events WHERE type = 'token.refused' ORDER BY id DESC LIMIT 1`;
  return (await server.db.row<{ data: unknown }>({ name: 'last-refusal', text, values: [] }))?.data;
}
