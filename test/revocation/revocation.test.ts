import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { addAgent, addClient, basic, introspect, obtain, post, type Reply } from '../tokens/asking.ts';
import { createTokenServer, PAYMENTS, type TokenServer } from '../tokens/token-server.ts';

let server: TokenServer;
const PATH = '/revoke';

beforeAll(async () => {
  server = await createTokenServer();
  await server.parties.add('resource', PAYMENTS);
  await server.parties.add('account', 'usr_mira');
  await addAgent(server, 'bot');
  await addClient(server, 'rs');
  server.roster.resourceClients.set('rs', PAYMENTS);
});

afterAll(() => server.close());

const person = () => obtain(server, 'cli-bot', { account: 'usr_mira' });
const revoke = (clientId: string, token: string): Promise<Reply> => post(server, PATH, { form: { token }, headers: basic(clientId) });
const isActive = async (token: string, clientId = 'rs') => (await introspect(server, clientId, token))['active'];

async function revocations(jti: string): Promise<Record<string, unknown>[]> {
  const text = `SELECT data FROM audit_events WHERE type = 'token.revoked' AND data->>'tokenId' = $1`;
  return (await server.db.rows<{ data: Record<string, unknown> }>({ name: 'revocations', text, values: [jti] })).map(({ data }) => data);
}

describe('RFC 7009 §2', () => {
  test('an access token ends with everything made from it, and nothing else', async () => {
    const root = await person();
    const child = await obtain(server, 'cli-bot', { notes: { parentJti: root.jti } });
    const grandchild = await obtain(server, 'cli-bot', { notes: { parentJti: child.jti } });
    const sister = await obtain(server, 'cli-bot', { account: 'usr_mira', grantId: String(root.reply['grant_id']) });
    expect(await revoke('cli-bot', child.jwt)).toMatchObject({ status: 200, text: '' });
    expect([await isActive(root.jwt), await isActive(child.jwt), await isActive(grandchild.jwt), await isActive(sister.jwt)]).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect(await isActive(String(root.reply['refresh_token']), 'cli-bot')).toBe(true);
    expect(await revocations(child.jti)).toEqual([
      expect.objectContaining({
        actor: { kind: 'client', id: 'cli-bot' },
        cause: 'revoked by its client',
        remedy: expect.stringMatching(/^ended 2 tokens/),
      }),
    ]);
  });

  test('an opaque access token ends alone', async () => {
    const opaque = await obtain(server, 'cli-bot', { account: 'usr_mira', scope: 'openid' });
    const { status } = await revoke('cli-bot', opaque.jwt);
    expect([status, await isActive(opaque.jwt, 'cli-bot'), await isActive(String(opaque.reply['refresh_token']), 'cli-bot')]).toEqual([
      200,
      false,
      true,
    ]);
  });

  test('a refresh token ends with its family and the tokens of its grant; what the person consented to stays', async () => {
    const first = await person();
    const other = await person();
    await revoke('cli-bot', String(first.reply['refresh_token']));
    expect([await isActive(String(first.reply['refresh_token']), 'cli-bot'), await isActive(first.jwt)]).toEqual([false, false]);
    expect([await isActive(String(other.reply['refresh_token']), 'cli-bot'), await isActive(other.jwt)]).toEqual([true, true]);
    const again = await obtain(server, 'cli-bot', { account: 'usr_mira', grantId: String(first.reply['grant_id']) });
    expect(await isActive(again.jwt)).toBe(true);
  });

  test('§2.1: a token of another client stays, and nobody learns that it exists', async () => {
    const { jwt, reply } = await person();
    await addAgent(server, 'thief');
    for (const token of [jwt, String(reply['refresh_token'])])
      for (const client of ['cli-thief', 'rs']) expect(await revoke(client, token)).toMatchObject({ status: 200, text: '' });
    expect([await isActive(jwt), await isActive(String(reply['refresh_token']), 'cli-bot')]).toEqual([true, true]);
  });

  test('§2.2: what is not a token of ours is answered with 200 and changes nothing', async () => {
    const { jti, jwt } = await person();
    for (const token of [jti, 'nonsense', 'a.b.c', '...', 'eyJhbGciOiJub25lIn0', jwt.replace(/[^.]+$/, 'AAAA')])
      expect(await revoke('cli-bot', token)).toMatchObject({ status: 200, text: '' });
    expect(await isActive(jwt)).toBe(true);
  });

  test('a public client revokes its own token', async () => {
    await addAgent(server, 'phone');
    const { jwt } = await obtain(server, 'cli-phone');
    server.roster.clients.set('cli-phone', {
      ...server.roster.clients.get('cli-phone'),
      client_id: 'cli-phone',
      client_secret: undefined,
      token_endpoint_auth_method: 'none',
    });
    expect((await post(server, PATH, { form: { token: jwt, client_id: 'cli-phone' } })).status).toBe(200);
    expect(await isActive(jwt)).toBe(false);
  });

  const wrong: [string, string, Record<string, string>, number, string][] = [
    ['a token sent twice', 'token=a.b.c&token=a.b.c', basic('rs'), 400, 'invalid_request'],
    ['no token', 'foo=bar', basic('rs'), 400, 'invalid_request'],
    ['no client', 'token=a.b.c', {}, 400, 'invalid_request'],
    ['a wrong secret', 'token=a.b.c', basic('rs', 'wrong'), 401, 'invalid_client'],
  ];

  test.each(wrong)('%s', async (_name, form, headers, status, error) => {
    const reply = await post(server, PATH, { form, headers });
    expect([reply.status, reply.body['error']]).toEqual([status, error]);
  });

  test('of 20 parallel revocations of one lineage one ends it, and all answer', async () => {
    const root = await person();
    const children: (typeof root)[] = [];
    for (let count = 0; count < 4; count += 1) children.push(await obtain(server, 'cli-bot', { notes: { parentJti: root.jti } }));
    const tokens = Array.from({ length: 20 }, (_unused, index) => (index % 2 === 0 ? root : (children[index % 4] ?? root)));
    const replies = await Promise.all(tokens.map(({ jwt }) => revoke('cli-bot', jwt)));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    const events = (await Promise.all([root, ...children].map(({ jti }) => revocations(jti)))).flat();
    const ended = events.map(({ remedy }) => Number(/^ended (\d+)/.exec(String(remedy))?.[1])).reduce((sum, count) => sum + count, 0);
    expect(ended).toBe(5);
    for (const { jwt } of [root, ...children]) expect(await isActive(jwt)).toBe(false);
  });
});
