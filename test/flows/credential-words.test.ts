import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { calculateJwkThumbprint } from 'jose';
import { credentialLines } from '../../src/credential-words.ts';
import { proofKey } from '../support/seeding.ts';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const BY = { kind: 'system', id: 'command-line' } as never;
let server: TestServer;

beforeAll(async () => {
  server = await createTestServer();
});

afterAll(() => server.close());

test('clients of an agent are told apart by the thumbprints of their keys (RFC 7638) and the age of their secrets', async () => {
  const { clients } = server.app.parts;
  const { publicJwk } = proofKey();
  const add = async (rest: object) =>
    (await clients.create({ purpose: 'agent', grant_types: ['client_credentials'], ...rest } as never, BY)).record;
  const keyed = await add({ client_name: 'In CI', token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [publicJwk] } });
  const secret = await add({ client_name: 'Old', token_endpoint_auth_method: 'client_secret_basic' });
  const now = new Date(keyed.createdAt.getTime() + 12 * 86_400_000 + 60_000);
  const lines = await credentialLines([keyed.id, 'cli_nobody', secret.id], { clients, now });
  const thumbprint = (await calculateJwkThumbprint(publicJwk)).slice(0, 16);
  expect(lines.map(({ name, detail }) => [name, detail])).toEqual([
    ['In CI', `its own key ${thumbprint}…, 12 days old`],
    ['Old', 'a secret, 12 days old'],
  ]);
});
