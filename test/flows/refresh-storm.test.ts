import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { hashOf } from '../../src/oidc/index.ts';
import type { SeededClient } from '../support/seeding.ts';
import type { Answer } from '../support/server-process.ts';
import { isActive, startTwoServers, type TwoServers } from '../support/two-servers.ts';

const PARALLEL = 10;
const ROUNDS = 10;
const RESOURCE = 'https://api.example/storm';
const REDIRECT = 'https://client.example/cb';

let servers: TwoServers;
let own: SeededClient;
let editor: SeededClient;

beforeAll(async () => {
  servers = await startTwoServers();
  own = await servers.resource(RESOURCE);
  const people = { grant_types: ['authorization_code', 'refresh_token'], redirect_uris: [REDIRECT] } as never as object;
  editor = await servers.agent('editor', { token_endpoint_auth_method: 'none', ...people });
}, 60_000);
afterAll(() => servers?.close());

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

const tokensOf = (answer: Answer): Tokens => {
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return answer.json() as never as Tokens;
};
const ask = (token: string, number = 0) =>
  servers.ask('/token', { form: { grant_type: 'refresh_token', refresh_token: token, client_id: editor.clientId } }, number);
const refresh = async (token: string, number = 0) => tokensOf(await ask(token, number));
const isAlive = (token: string) => isActive(servers, token, own);

/** What an instance of the editor has after its person signed in: a code of the one grant, redeemed. */
async function connect(): Promise<Tokens> {
  const { Grant, AuthorizationCode, Client } = servers.app.oidc.current();
  const { accountId } = servers;
  const grant = new Grant({ accountId, clientId: editor.clientId });
  grant.addResourceScope(RESOURCE, 'read');
  const verifier = randomBytes(32).toString('base64url');
  const code = await new AuthorizationCode({
    client: await Client.find(editor.clientId),
    accountId,
    grantId: await grant.save(),
    scope: 'read',
    resource: RESOURCE,
    gty: 'authorization_code',
    redirectUri: REDIRECT,
    codeChallenge: createHash('sha256').update(verifier).digest('base64url'),
    codeChallengeMethod: 'S256',
  } as never).save();
  const form = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: REDIRECT, client_id: editor.clientId };
  return tokensOf(await servers.ask('/token', { form }, 1));
}

/** Lets time pass for one token on both servers: they are processes of their own, so its row is moved instead of their clocks. */
async function replacedEarlier(token: string, seconds: number): Promise<void> {
  const text = `UPDATE oidc_artifacts SET consumed_at = consumed_at - make_interval(secs => $2) WHERE id_hash = $1 RETURNING 1 AS one`;
  expect(await servers.db.rows({ name: 'replaced-earlier', text, values: [hashOf(token), seconds] })).toHaveLength(1);
}

async function replays(): Promise<number> {
  const text = `SELECT count(*)::int AS count FROM audit_events WHERE type = 'refresh_token.replayed'`;
  return (await servers.db.row<{ count: number }>({ name: 'replays', text, values: [] }))?.count ?? 0;
}

describe('a public client that refreshes in many places at once (RFC 9700 §4.14.2)', () => {
  test('10 parallel refreshes over two servers: 10 answers, one successor, 10 access tokens, and all of them live', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { refresh_token: first } = await connect();
      const all = await Promise.all(Array.from({ length: PARALLEL }, (_, turn) => refresh(first, turn)));
      const successors = new Set(all.map((each) => each.refresh_token));
      expect(successors.size).toBe(1);
      expect(successors).not.toContain(first);
      expect(new Set(all.map((each) => each.access_token)).size).toBe(PARALLEL);
      expect(await Promise.all(all.map((each) => isAlive(each.access_token)))).toEqual(Array(PARALLEL).fill(true));
      await refresh([...successors][0] ?? '', round);
    }
  }, 120_000);

  test('one after the other inside the window: the same successor on either server, also when it was used meanwhile', async () => {
    const { refresh_token: first } = await connect();
    const second = await refresh(first, 0);
    const third = await refresh(second.refresh_token, 1);
    for (const number of [1, 0, 1]) expect((await refresh(first, number)).refresh_token).toBe(second.refresh_token);
    expect((await refresh(second.refresh_token)).refresh_token).toBe(third.refresh_token);
    await replacedEarlier(first, 55);
    expect((await refresh(first)).refresh_token).toBe(second.refresh_token);
  });

  test('after the window: everything of the connection ends, once, and other connections of the client live on', async () => {
    const [one, other] = [await connect(), await connect()];
    const winner = await refresh(one.refresh_token);
    await replacedEarlier(one.refresh_token, 60);
    const before = await replays();
    const answers = await Promise.all(Array.from({ length: PARALLEL }, (_, turn) => ask(one.refresh_token, turn)));
    expect(answers.map(({ status, json }) => [status, json()['error']])).toEqual(Array(PARALLEL).fill([400, 'invalid_grant']));
    for (const token of [one.access_token, winner.access_token]) expect(await isAlive(token)).toBe(false);
    expect((await ask(winner.refresh_token, 1)).json()).toMatchObject({ error: 'invalid_grant' });
    expect(await replays()).toBe(before + 1);
    expect(await isAlive(other.access_token)).toBe(true);
    await refresh(other.refresh_token);
  });

  test('a family that ends while another server replaces its newest token: nothing of it is alive afterwards', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const first = await connect();
      const { refresh_token: newest } = await refresh(first.refresh_token);
      await replacedEarlier(first.refresh_token, 60);
      const [, ...renewed] = await Promise.all([first.refresh_token, newest, newest, newest].map((token, turn) => ask(token, turn)));
      const given = renewed.filter(({ status }) => status === 200).map(tokensOf);
      for (const { access_token: token, refresh_token: next } of given) {
        expect(await isAlive(token)).toBe(false);
        expect((await ask(next)).status).toBe(400);
      }
    }
  }, 60_000);

  test('a server that is killed takes nothing with it: the other one answers the same successor', async () => {
    const { refresh_token: first } = await connect();
    const second = await refresh(first, 1);
    // in the middle of a storm: what it answered is in the database, what it did not answer never was
    const storm = Promise.allSettled(Array.from({ length: PARALLEL }, () => ask(second.refresh_token, 1)));
    await servers.crash(1);
    const answered = (await storm).flatMap((each) => (each.status === 'fulfilled' ? [tokensOf(each.value)] : []));
    expect((await refresh(first, 0)).refresh_token).toBe(second.refresh_token);
    const third = await refresh(second.refresh_token, 0);
    for (const { refresh_token: token } of answered) expect(token).toBe(third.refresh_token);
    await refresh(third.refresh_token, 0);
  });
});
