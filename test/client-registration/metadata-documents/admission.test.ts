import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { DocumentPolicy } from '../../../src/client-registration/metadata-documents/domain-policy.ts';
import { certificate } from '../../platform/outgoing/certificate.ts';
import { clock, minutes } from '../../support/clock.ts';
import { answer, basic, type RegistrationServer, startRegistrationServer } from '../harness.ts';
import { type DocumentHost, startDocumentHost } from './document-host.ts';

let host: DocumentHost;
let server: RegistrationServer;
let policy: DocumentPolicy = { mode: 'open', domains: [] };
let addresses: readonly (readonly string[])[] = [];
let lookUps = 0;

/** A new name each time, so that nothing is known of it. */
let count = 0;
const path = () => {
  count += 1;
  return `/client-${count}.json`;
};

beforeAll(async () => {
  host = await startDocumentHost({ isTls: true });
  server = await startRegistrationServer([], {
    outgoing: {
      allowLoopback: true,
      trustedCertificates: certificate,
      async resolve() {
        lookUps += 1;
        return addresses[lookUps - 1] ?? ['127.0.0.1'];
      },
    },
    documents: {
      policy: async () => policy,
      onChanged: async () => undefined,
    },
  });
});
afterAll(async () => {
  clock.reset();
  await server.close();
  await host.close();
});
beforeEach(() => {
  policy = { mode: 'open', domains: [] };
  addresses = [];
  lookUps = 0;
  // what one address may bring in a minute is bounded
  clock.advance(minutes(1));
});

const codeOf = (clientId: string) =>
  answer(
    server.token({
      grant_type: 'authorization_code',
      client_id: clientId,
      code: 'unknown',
      code_verifier: 'v'.repeat(43),
      redirect_uri: 'https://desk.example/cb',
    }),
  );
const told = (clientId: string) => server.audited.filter((event) => event.clientId === clientId);
const refusalOf = async (clientId: string) => {
  const { status, body } = await codeOf(clientId);
  expect([status, body['error']]).toEqual([401, 'invalid_client']);
  expect(await server.clients.find(clientId)).toBeUndefined();
  return String(body['error_description']);
};
const authorize = async (clientId: string, more: Record<string, string> = {}) => {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: 'https://desk.example/cb',
    code_challenge: 'c'.repeat(43),
    code_challenge_method: 'S256',
    scope: 'openid',
    ...more,
  });
  const response = await fetch(`${server.issuer}/authorize?${query}`, { redirect: 'manual', headers: { accept: 'text/html' } });
  return { status: response.status, location: response.headers.get('location'), html: await response.text() };
};

describe('a document that holds', () => {
  test('makes a client like any other, told once', async () => {
    const clientId = host.serve(path(), { client_name: 'Notes', scope: 'openid notes:read' });
    // the code is unknown, so the client is not
    expect(await codeOf(clientId)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    const record = await server.clients.get(clientId);
    expect(record).toMatchObject({ kind: 'document', purpose: 'agent', name: 'Notes', scopes: undefined, isManagement: false });
    expect(record.metadata).toMatchObject({ application_type: 'web', token_endpoint_auth_method: 'none' });
    expect(told(clientId)).toEqual([expect.objectContaining({ type: 'client.registered', action: 'metadata_document' })]);
    expect((await server.clients.software.instanceOf(clientId))?.software).toMatchObject({ proof: 'document', name: 'Notes' });
    await codeOf(clientId);
    expect(host.asked.filter((asked) => clientId.endsWith(asked.path))).toHaveLength(1);
  });

  test('sends the browser on to sign in', async () => {
    const { status, location } = await authorize(host.serve(path()));
    expect([status, location]).toEqual([303, expect.stringContaining('/interaction')]);
  });

  test('§4.1 keys are enforced: without an assertion nobody is this client', async () => {
    const key = {
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    };
    const clientId = host.serve(path(), { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key] } });
    expect(await codeOf(clientId)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    expect(await server.clients.get(clientId)).toMatchObject({ kind: 'document' });
  });

  test('ten who come at once ask for it once, and one client is made', async () => {
    const clientId = host.serve(path());
    const answers = await Promise.all(Array.from({ length: 10 }, () => codeOf(clientId)));
    expect(answers.map(({ body }) => body['error'])).toEqual(Array.from({ length: 10 }, () => 'invalid_grant'));
    expect(host.asked.filter((asked) => clientId.endsWith(asked.path))).toHaveLength(1);
    expect(told(clientId)).toHaveLength(1);
  });

  test('a redirect it does not name is refused on a page, with nothing sent there', async () => {
    const page = await authorize(host.serve(path()), { redirect_uri: 'https://evil.example/cb' });
    expect([page.status, page.location]).toEqual([400, null]);
  });
});

describe('a document that does not', () => {
  const respond = (status: number, headers: Record<string, string>, body = '') =>
    host.answer(path(), (_request, response) => {
      response.writeHead(status, headers);
      response.end(body);
    });
  const JSON_TYPE = { 'content-type': 'application/json' };

  test.each([
    ['redirects', () => respond(302, { location: host.serve(path()) }), 'redirect'],
    ['is not there', () => host.at(path()), '404'],
    ['fails', () => respond(500, JSON_TYPE, '{}'), '500'],
    ['is an empty 204', () => respond(204, {}), '204'],
    ['is a page', () => respond(200, { 'content-type': 'text/html' }, '<html>'), 'content type'],
    ['is no JSON', () => respond(200, JSON_TYPE, '{'), 'not JSON'],
    ['lies about its client_id', () => host.serve(path(), { client_id: 'https://claude.ai/oauth/client.json' }), 'client_id'],
    ['is 6 KB', () => host.serve(path(), { padding: 'x'.repeat(6_000) }), '5120 bytes'],
    ['shares a secret', () => host.serve(path(), { client_secret: 'abc' }), 'client_secret'],
    ['redirects to http', () => host.serve(path(), { redirect_uris: ['http://desk.example/cb'] }), 'redirect_uris'],
    ['redirects to a script', () => host.serve(path(), { redirect_uris: ['javascript:alert(1)'] }), 'redirect_uris'],
    ['redirects with a fragment', () => host.serve(path(), { redirect_uris: ['https://desk.example/cb#x'] }), 'redirect_uris'],
    ['redirects to a wildcard', () => host.serve(path(), { redirect_uris: ['https://*.example/cb'] }), 'redirect_uris'],
    ['has 1,000 redirects', () => host.serve(path(), { redirect_uris: Array.from({ length: 1_000 }, () => 'https://a/b') }), 'bytes'],
    ['hides a name', () => host.serve(path(), { client_name: 'Cla\u202Eude' }), 'client_name'],
    ['proves itself by no key', () => host.serve(path(), { token_endpoint_auth_method: 'private_key_jwt' }), 'jwks'],
    ['has its keys on http', () => host.serve(path(), { jwks_uri: 'http://desk.example/jwks' }), 'jwks_uri'],
  ])('%s: 401 invalid_client with a sentence, and nothing is kept', async (_what, make, words) => {
    expect(await refusalOf(make())).toContain(words);
  });

  test('hangs: it is given up, and the sentence says so', async () => {
    const hanging = host.answer(path(), () => undefined);
    expect(await refusalOf(hanging)).toContain('took too long');
  }, 15_000);

  test('and one that drips for ever is bounded in time as a whole', async () => {
    const dripping = host.answer(path(), (_request, response) => {
      response.writeHead(200, JSON_TYPE);
      const timer = setInterval(() => response.write(' '), 200);
      response.on('close', () => clearInterval(timer));
    });
    expect(await refusalOf(dripping)).toContain('took too long');
  }, 15_000);

  test('R23 a flood of addresses that nobody knows is no flood of requests: 30 a minute from one place', async () => {
    const before = host.asked.length;
    const refusals = await Promise.all(Array.from({ length: 60 }, () => refusalOf(host.at(path()))));
    expect(host.asked).toHaveLength(before + 30);
    expect(refusals.filter((words) => words.startsWith('Too many'))).toHaveLength(30);
  });

  test('is never remembered: mended, it holds at once', async () => {
    const where = path();
    const clientId = host.serve(where, { client_id: 'https://other.example/x' });
    await refusalOf(clientId);
    host.serve(where);
    expect((await codeOf(clientId)).body['error']).toBe('invalid_grant');
  });
});

describe('R21 where a name leads', () => {
  const PUBLIC = '93.184.216.34';
  test.each([
    ['169.254.169.254', ['169.254.169.254']],
    ['10.0.0.1', ['10.0.0.1']],
    ['::ffff:127.0.0.1', ['::ffff:127.0.0.1']],
    ['a public and an inner address', [PUBLIC, '10.0.0.1']],
    ['nowhere', []],
  ])('%s: refused before anything connects', async (_what, resolved) => {
    addresses = [resolved];
    const before = host.asked.length;
    expect(await refusalOf(`https://names.example:${host.port}${path()}`)).toContain('address');
    expect(host.asked).toHaveLength(before);
  });

  test('a name that changes its mind is resolved once: what was checked is what is called', async () => {
    // the second answer would lead inside; nobody asks for it
    addresses = [['127.0.0.1'], ['10.0.0.1']];
    const clientId = host.serve(path());
    expect((await codeOf(clientId)).body['error']).toBe('invalid_grant');
    expect(lookUps).toBeLessThanOrEqual(1);
  });

  test('and when it led inside first, a later good answer does not help the one that was refused', async () => {
    addresses = [['10.0.0.1'], ['127.0.0.1']];
    const clientId = host.serve(path()).replace('tls.test', 'rebind.example');
    expect(await refusalOf(clientId)).toContain('address');
    expect(lookUps).toBe(1);
  });
});

describe('the settings', () => {
  afterEach(() => {
    policy = { mode: 'open', domains: [] };
  });
  const discovered = async (name: string) => (await answer(fetch(`${server.issuer}/.well-known/${name}`))).body;

  test('§5 documents are announced as long as they are taken, `none` with them', async () => {
    for (const name of ['openid-configuration', 'oauth-authorization-server']) {
      expect(await discovered(name)).toMatchObject({
        client_id_metadata_document_supported: true,
        token_endpoint_auth_methods_supported: expect.arrayContaining(['none', 'private_key_jwt']),
      });
    }
    policy = { mode: 'off', domains: [] };
    expect(await discovered('oauth-authorization-server')).not.toHaveProperty('client_id_metadata_document_supported');
  });

  test('a list, and a switch, hold at once and for known documents too', async () => {
    const clientId = host.serve(path());
    expect((await codeOf(clientId)).body['error']).toBe('invalid_grant');
    policy = { mode: 'allow_list', domains: ['claude.ai'] };
    expect((await codeOf(clientId)).body).toMatchObject({
      error: 'invalid_client',
      error_description: expect.stringContaining('listed hosts'),
    });
    policy = { mode: 'allow_list', domains: ['tls.test'] };
    expect((await codeOf(clientId)).body['error']).toBe('invalid_grant');
    policy = { mode: 'off', domains: ['tls.test'] };
    expect((await codeOf(clientId)).body['error']).toBe('invalid_client');
  });

  test('a host that is not welcome is not asked', async () => {
    policy = { mode: 'allow_list', domains: ['claude.ai'] };
    const before = host.asked.length;
    await refusalOf(host.serve(path()));
    expect(host.asked).toHaveLength(before);
  });

  test('what an administrator removed stays removed', async () => {
    const clientId = host.serve(path());
    await codeOf(clientId);
    await server.clients.remove(clientId, { kind: 'account', id: 'usr_administrator' });
    expect(await refusalOf(clientId)).toContain('removed');
  });

  test('an administrator’s tool names a document before it comes; one without governance does not', async () => {
    const secret = 'bootstrap-secret-of-more-than-32-characters';
    await server.clients.ensureBootstrapClient({ clientId: 'bootstrap', secret });
    const grant = { grant_type: 'client_credentials', resource: `${server.issuer}/api/v1`, scope: 'admin:write' };
    const approve = async (clientId: string, password: string, body: object) => {
      const token = await answer(server.token(grant, basic(clientId, password)));
      const headers = { authorization: `Bearer ${token.body['access_token']}`, 'content-type': 'application/json' };
      return answer(fetch(`${server.issuer}/api/v1/clients/by-document`, { method: 'POST', headers, body: JSON.stringify(body) }));
    };
    policy = { mode: 'allow_list', domains: ['claude.ai'] };
    const url = host.serve(path());
    expect(await approve('bootstrap', secret, { url, agent_id: 'agt_1' })).toMatchObject({
      status: 201,
      body: { client_id: url, fault: null },
    });
    expect((await codeOf(url)).body['error']).toBe('invalid_grant');
    const unread = await approve('bootstrap', secret, { url: host.at(path()), agent_id: 'agt_1' });
    expect([unread.status, unread.body['fault']]).toEqual([201, expect.stringContaining('404')]);
    expect((await approve('bootstrap', secret, { url: `${url}?x`, agent_id: 'agt_1' })).status).toBe(400);
    const by = { kind: 'account', id: 'usr_administrator' } as const;
    const plain = await server.clients.create(
      {
        client_name: 'Plain',
        purpose: 'management',
        is_management: true,
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['client_credentials'],
      },
      by,
    );
    expect((await approve(plain.record.id, String(plain.secret), { url, agent_id: 'agt_1' })).status).toBe(403);
  });

  test('what it is stands in its document: nobody changes it here', async () => {
    const clientId = host.serve(path());
    await codeOf(clientId);
    const by = { kind: 'account', id: 'usr_administrator' } as const;
    await expect(server.clients.update(clientId, { client_name: 'Mine' }, by)).rejects.toThrow('changes there');
    await server.clients.update(clientId, { status: 'disabled' }, by);
    expect((await codeOf(clientId)).body['error']).toBe('invalid_client');
  });
});
