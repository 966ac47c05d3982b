import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type DocumentHost, startDocumentHost } from '../client-registration/metadata-documents/document-host.ts';
import { freshDatabase } from '../support/database.ts';
import { ADMINISTRATOR, openSeeding } from '../support/seeding.ts';
import { ask, databaseEnvironment, startServerProcess } from '../support/server-process.ts';
import { freePort } from '../support/test-server.ts';
import { startTwoServers, type TwoServers } from '../support/two-servers.ts';

const REDIRECT = 'http://127.0.0.1/callback';
let host: DocumentHost;
let servers: TwoServers;
beforeAll(async () => {
  host = await startDocumentHost({ isTls: false });
  servers = await startTwoServers();
}, 60_000);
afterAll(async () => {
  await servers?.close();
  await host.close();
});

const serve = (path: string, change: object = {}) => host.serve(path, { redirect_uris: [REDIRECT], ...change });
const timesAsked = (path: string) => host.asked.filter((asked) => asked.path === path).length;
/** A code that nobody gave out: a known client is told so (400), an unknown one that it is not known (401). */
const formOf = (clientId: string) => ({
  grant_type: 'authorization_code',
  client_id: clientId,
  code: 'unknown',
  code_verifier: 'v'.repeat(43),
  redirect_uri: REDIRECT,
});
const askBoth = (clientId: string, times: number) =>
  Promise.all(Array.from({ length: times }, (_, number) => servers.ask('/token', { form: formOf(clientId) }, number)));
const eventsOf = async (clientId: string) =>
  (await servers.app.parts.audit.list({ limit: 100 })).events
    .filter(({ event }) => event.clientId === clientId)
    .map(({ event }) => event.type);
/** As if its time were over; the clocks of other processes cannot be moved. */
const makeStale = (clientId: string) =>
  servers.db.rows({
    name: 'test-stale-document',
    text: `UPDATE client_documents SET fresh_until = now() - interval '1 minute', fetched_at = now() - interval '2 minutes' WHERE url = $1`,
    values: [clientId],
  });

test('twenty who come to two servers with a new document make one client, told once, and ask its host at most once a server', async () => {
  const clientId = serve('/new.json');
  const answers = await askBoth(clientId, 20);
  expect(new Set(answers.map((answer) => answer.json()['error']))).toEqual(new Set(['invalid_grant']));
  expect(timesAsked('/new.json')).toBeLessThanOrEqual(2);
  expect(await eventsOf(clientId)).toEqual(['client.registered']);
});

test('what one server read the other knows: it asks nobody', async () => {
  const clientId = serve('/shared.json');
  expect((await servers.ask('/token', { form: formOf(clientId) }, 0)).json()['error']).toBe('invalid_grant');
  host.reachable(false);
  expect((await servers.ask('/token', { form: formOf(clientId) }, 1)).json()['error']).toBe('invalid_grant');
  host.reachable(true);
  expect(timesAsked('/shared.json')).toBe(1);
});

test('a change that both servers see at the same moment is told once, and puts the agent under review once', async () => {
  const clientId = serve('/changing.json');
  await askBoth(clientId, 1);
  const owner = { kind: 'user', id: servers.accountId } as const;
  const agent = await servers.app.parts.agents.create({ displayName: 'Helper', owner, status: 'active', source: 'console' }, ADMINISTRATOR);
  await servers.app.parts.agents.linkClient(agent.id, clientId, ADMINISTRATOR);
  serve('/changing.json', { client_name: 'Somebody Else' });
  await makeStale(clientId);
  await askBoth(clientId, 20);
  expect((await servers.app.parts.agents.get(agent.id)).status).toBe('underReview');
  expect((await eventsOf(clientId)).filter((type) => type === 'client.document_changed')).toHaveLength(1);
});

test('a server that was killed and starts while the host of a document is away still knows its client, for seven days and no longer', async () => {
  const database = await freshDatabase();
  const masterKey = randomBytes(32);
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const env = { ...databaseEnvironment(database.connection, masterKey), BEHALF_ISSUER: issuer };
  let server = await startServerProcess(port, env);
  const errorFor = async (clientId: string) => (await ask({ port, issuer }, '/token', { form: formOf(clientId) })).json()['error'];
  const clientId = serve('/away.json');
  try {
    expect(await errorFor(clientId)).toBe('invalid_grant');
    await server.end('SIGKILL');
    host.reachable(false);
    const seeding = await openSeeding(database.connection, { issuer, masterKey });
    const stale = (days: number) =>
      seeding.db.rows({
        name: 'test-stale-for',
        text: `UPDATE client_documents SET fresh_until = now() - make_interval(days => $1), tried_at = NULL`,
        values: [days],
      });
    await stale(6);
    server = await startServerProcess(port, env);
    expect(await errorFor(clientId)).toBe('invalid_grant');
    await stale(8);
    expect(await errorFor(clientId)).toBe('invalid_client');
    await seeding.close();
  } finally {
    host.reachable(true);
    await server.end('SIGKILL');
    await database.drop();
  }
}, 60_000);
