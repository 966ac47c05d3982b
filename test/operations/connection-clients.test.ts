import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readChallenges, tokenChallengeOf } from '../../src/operations/connection/challenge.ts';
import type { Look } from '../../src/operations/connection/probes.ts';
import { judgeOwnMetadata, judgeReach, judgeWays, metadataAddresses, waysIn } from '../../src/operations/connection/this-server.ts';
import type { Examination, Walk } from '../../src/operations/connection/walk.ts';
import { createLogger } from '../../src/platform/log.ts';
import { createOutgoing } from '../../src/platform/outgoing/dispatcher.ts';
import { createInhabitedServer, type InhabitedServer, type RegisteredSoftware } from '../support/inhabited-server.ts';
import { walkOf } from './walking.ts';

const SYSTEM = { kind: 'system', id: 'command-line' } as const;
const ADMINISTRATOR = { ...SYSTEM, party: 'administrator' } as const;
let server: InhabitedServer;
let walk: Walk;
const outgoing = createOutgoing({ allowLoopback: true, log: createLogger('silent') });

beforeAll(async () => {
  server = await createInhabitedServer();
  walk = walkOf(server, outgoing);
});
afterAll(async () => {
  await outgoing.close();
  await server.close();
});

const of = ({ findings }: Examination, check: string) => findings.filter((each) => each.check === check);
const stateOf = async (text: string, check: string) => of(await walk.examine(text), check)[0]?.state;

async function askForToken({ clientId, clientSecret }: RegisteredSoftware, resource: string): Promise<number> {
  const authorization = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`;
  const body = new URLSearchParams({ grant_type: 'client_credentials', resource, scope: 'read' });
  return (await fetch(`${server.issuer}/token`, { method: 'POST', body, headers: { authorization } })).status;
}

describe('a client', () => {
  test('nobody knows is told to register again', async () => {
    const result = await walk.examine('cli_0000');
    expect(result.kind).toBe('client');
    expect(of(result, 'registration')[0]).toMatchObject({ state: 'failed', next: expect.stringContaining('register again') });
    expect(of(result, 'call')[0]?.state).toBe('not_tried');
  });

  test('of an active agent is fine; disabled it is not', async () => {
    const software = await server.register({
      client_name: 'Notes',
      redirect_uris: ['http://127.0.0.1/cb'],
      token_endpoint_auth_method: 'none',
    });
    const result = await walk.examine(` ${software.clientId} `);
    expect(result.findings.map(({ check, state }) => `${check} ${state}`)).toEqual([
      'server metadata ok',
      'registration ok',
      'redirect addresses ok',
      'authorize ok',
      'token not_tried',
      'call not_tried',
    ]);
    await server.app.parts.clients.disable(software.clientId, SYSTEM);
    expect(await stateOf(software.clientId, 'registration')).toBe('failed');
    expect(await stateOf(software.clientId, 'authorize')).toBe('failed');
  });

  test('of a suspended agent is refused, in the words of the rule and with what would lift it', async () => {
    const software = await server.register({
      client_name: 'Stopped',
      redirect_uris: ['http://127.0.0.1/cb'],
      token_endpoint_auth_method: 'none',
    });
    await server.app.parts.agents.setStatus(software.agentId, 'suspended', { by: ADMINISTRATOR, reason: 'a test' });
    expect(of(await walk.examine(software.clientId), 'authorize')[0]).toMatchObject({
      state: 'failed',
      words: expect.stringContaining('suspended'),
      next: expect.stringContaining('administrator'),
    });
  });

  test('that was refused is shown the decision, until it gets a token', async () => {
    const resource = await server.resource('https://reports.acme.test', ['read']);
    const software = await server.register({
      client_name: 'Worker',
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_basic',
    });
    await server.app.parts.agents.setStatus(software.agentId, 'underReview', { by: ADMINISTRATOR, reason: 'a test' });
    expect(await askForToken(software, resource)).toBe(400);
    const [refused] = of(await walk.examine(software.clientId), 'token');
    expect(refused).toMatchObject({
      state: 'warning',
      decisionId: expect.stringMatching(/^dec_/),
      words: expect.stringContaining(`${resource} with read`),
    });
    await server.app.parts.agents.setStatus(software.agentId, 'active', { by: ADMINISTRATOR, reason: 'a test' });
    expect(await askForToken(software, resource)).toBe(200);
    expect(await stateOf(software.clientId, 'token')).toBe('ok');
  });

  test('bound to a resource that is gone is told which', async () => {
    const { record } = await server.app.parts.clients.create(
      {
        client_name: 'Bound',
        purpose: 'service',
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['client_credentials'],
        resources: ['https://gone.acme.test'],
      },
      SYSTEM,
    );
    expect(of(await walk.examine(record.id), 'resources')[0]).toMatchObject({
      state: 'failed',
      words: expect.stringContaining('https://gone.acme.test'),
    });
  });
});

test('a client that is registered for a scope nobody knows is told which', async () => {
  const resource = await server.resource('https://scopes.acme.test', ['read']);
  const { record } = await server.app.parts.clients.create(
    {
      client_name: 'Scoped',
      purpose: 'service',
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['client_credentials'],
      resources: [resource],
      scope: 'read raed',
    },
    SYSTEM,
  );
  expect(of(await walk.examine(record.id), 'scopes')[0]).toMatchObject({ state: 'warning', words: expect.stringContaining('raed,') });
});

/** A site with documents at /<name>.json. */
async function site(documents: (origin: string) => Readonly<Record<string, unknown>>) {
  const listener = createServer((request, response) => {
    const name = (request.url ?? '').replace(/^\/|\.json.*$/g, '');
    const document = documents(`http://${request.headers.host}`)[name];
    if (name === 'redirects') return response.writeHead(301, { location: '/right.json' }).end();
    if (name === 'page') return response.writeHead(200, { 'content-type': 'text/html' }).end('<title>x</title>');
    if (document === undefined) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  return { origin, close: () => void listener.close() };
}

describe('a client ID metadata document', () => {
  const right = (id: string, more: object = {}) => ({ client_id: id, redirect_uris: ['http://127.0.0.1/cb'], ...more });
  let documents: Awaited<ReturnType<typeof site>>;
  beforeAll(async () => {
    documents = await site((origin) => {
      const at = (name: string, more: object = {}) => ({ [name]: right(`${origin}/${name}.json`, more) });
      return {
        ...at('right'),
        ...at('large', { client_name: 'x'.repeat(6_000) }),
        ...at('secret', { client_secret: 'x' }),
        ...at('shared', { token_endpoint_auth_method: 'client_secret_post' }),
        ...at('keyless', { token_endpoint_auth_method: 'private_key_jwt' }),
        ...at('script', { redirect_uris: ['javascript:alert(1)'] }),
        ...at('nowhere', { redirect_uris: [] }),
        other: right('https://secret-of-the-other-side.test/x.json'),
        unnamed: right(`${origin}/unnamed`),
      };
    });
  });
  afterAll(() => documents.close());

  test('that is right is fine, and whether this server takes such clients is said', async () => {
    const result = await walk.examine(`${documents.origin}/right.json`);
    expect([result.kind, of(result, 'metadata document').map(({ state }) => state)]).toEqual(['metadata_document', ['ok']]);
    const metadata = (await (await fetch(`${server.issuer}/.well-known/oauth-authorization-server`)).json()) as Record<string, unknown>;
    const isTaken = metadata['client_id_metadata_document_supported'] === true;
    expect(of(result, 'registration')[0]?.state).toBe(isTaken ? 'ok' : 'failed');
  });

  test('is recognised by what it holds where its name does not say it', async () => {
    expect((await walk.examine(`${documents.origin}/unnamed`)).kind).toBe('metadata_document');
  });

  test.each([
    ['missing', /404/],
    ['redirects', /redirect/],
    ['page', /not application\/json/],
    ['large', /5,120/],
    ['secret', /holds a client secret/],
    ['shared', /shared secret/],
    ['keyless', /names none/],
    ['script', /redirect address/],
    ['nowhere', /redirect address is missing/],
    ['other', /not its own address/],
    ['right.json?x=1', /query/],
    ['right.json#x', /fragment/],
    ['./right', /dot segments/],
  ])('%s is found wrong', async (name, words) => {
    const result = await walk.examine(`${documents.origin}/${name.includes('.json') ? name : `${name}.json`}`);
    expect(
      of(result, 'metadata document')
        .map(({ words: said }) => said)
        .join('\n'),
    ).toMatch(words);
    expect(JSON.stringify(result)).not.toContain('secret-of-the-other-side');
  });
});

describe('this server, read from outside', () => {
  const ISSUER = 'https://auth.acme.test/tenant';
  const good = { issuer: ISSUER, code_challenge_methods_supported: ['S256'], token_endpoint_auth_methods_supported: ['none'] };
  const look = (object: object, status = 200): Look => ({
    ok: true,
    seen: { status, isJson: true, object: object as Record<string, unknown>, bytes: 1, challenge: undefined },
  });

  test('RFC 8414 §3.1: all three forms of an issuer with a path are looked at', () => {
    expect(metadataAddresses(ISSUER)).toEqual([
      'https://auth.acme.test/.well-known/oauth-authorization-server/tenant',
      'https://auth.acme.test/.well-known/openid-configuration/tenant',
      'https://auth.acme.test/tenant/.well-known/openid-configuration',
    ]);
    expect(judgeOwnMetadata([look(good), look(good), look(good)], ISSUER).findings.map(({ state }) => state)).toEqual(['ok']);
  });

  test.each([
    ['another issuer', look({ ...good, issuer: `${ISSUER}/` }), 'failed', /another issuer/],
    ['no S256', look({ issuer: ISSUER }), 'failed', /S256/],
    ['another Host', look({}, 421), 'failed', /421/],
    ['a path that is not passed through', look({}, 404), 'failed', /404/],
    ['an inner address', { ok: false, reason: 'address' } as Look, 'warning', /inner/],
  ])('%s', (_title, wrong, state, words) => {
    const [finding] = judgeOwnMetadata([look(good), wrong, look(good)], ISSUER).findings;
    expect([finding?.state, finding?.words]).toEqual([state, expect.stringMatching(words)]);
  });

  test('a server on this machine alone is no use to clients of a public MCP server', () => {
    expect(judgeReach(new URL('https://mcp.test/'), 'http://localhost:3000').map(({ state }) => state)).toEqual(['warning']);
    expect(judgeReach(new URL('http://127.0.0.1:1/mcp'), 'http://localhost:3000')).toEqual([]);
    expect(judgeReach(new URL('https://mcp.test/'), ISSUER)).toEqual([]);
  });

  test('which ways are open is read from the metadata and from what registration answers', () => {
    const open = { ...good, registration_endpoint: 'x', client_id_metadata_document_supported: true };
    expect(waysIn(open, look({}, 400))).toEqual({ documents: true, dynamic: 'open' });
    expect(waysIn({ ...open, token_endpoint_auth_methods_supported: [] }, look({}, 401))).toEqual({
      documents: false,
      dynamic: 'with a token',
    });
    expect(waysIn(good, undefined)).toEqual({ documents: false, dynamic: 'closed' });
    expect(judgeWays({ documents: false, dynamic: 'closed' })).toMatchObject({
      state: 'warning',
      next: expect.stringContaining('/console/clients'),
    });
    expect(judgeWays({ documents: true, dynamic: 'open' }).state).toBe('ok');
  });
});

describe('RFC 9110 §11.6.1: challenges', () => {
  test('are read one by one, quoted or not, whatever stands beside them', () => {
    const header =
      'Basic realm="a, b", Bearer error="invalid_token", scope="read write", resource_metadata="https://m.test/x\\"y", DPoP algs=ES256';
    expect(readChallenges(header).map(({ scheme }) => scheme)).toEqual(['basic', 'bearer', 'dpop']);
    expect(tokenChallengeOf(header)).toEqual({ error: 'invalid_token', scopes: ['read', 'write'], resourceMetadata: 'https://m.test/x"y' });
    for (const none of [undefined, '', 'Basic realm="x"', '"', '=,=', 'Negotiate YII=']) expect(tokenChallengeOf(none)).toBeUndefined();
  });

  test('of any length are read in time', () => {
    const began = performance.now();
    tokenChallengeOf(`Bearer x="${'\\"'.repeat(50_000)}`);
    tokenChallengeOf(`Bearer ${', '.repeat(50_000)}`);
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});
