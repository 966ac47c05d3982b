import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Examination, Walk } from '../../src/operations/connection/walk.ts';
import { createLogger } from '../../src/platform/log.ts';
import { createOutgoing } from '../../src/platform/outgoing/dispatcher.ts';
import { createInhabitedServer, type InhabitedServer } from '../support/inhabited-server.ts';
import { startProtectedMcpServer } from '../support/mcp-server.ts';
import { walkOf } from './walking.ts';
import { type Bends, challenge, sendJson, startBentServer } from './bent-server.ts';

let server: InhabitedServer;
let walk: Walk;
const outgoing = createOutgoing({ allowLoopback: true, log: createLogger('silent') });
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  server = await createInhabitedServer();
  walk = walkOf(server, outgoing);
});
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});
afterAll(async () => {
  await outgoing.close();
  await server.close();
});

/** Everything it found of one check, as `state: words`. */
const said = ({ findings }: Examination, check: string) =>
  findings.filter((each) => each.check === check).map(({ state, words }) => `${state}: ${words}`);
const states = (examination: Examination) => Object.fromEntries(examination.findings.map(({ check, state }) => [check, state]));

/** A server that is bent in one way and registered here, examined under its own address. */
async function examined(bends: Bends, isRegistered: 'registered' | 'unknown' = 'registered') {
  const bent = await startBentServer(server.issuer, bends);
  open.push(bent);
  if (isRegistered === 'registered') await server.resource(bent.resource, ['invoices:read', 'invoices:pay']);
  return { bent, result: await walk.examine(bent.resource) };
}

describe('an MCP server that does it right', () => {
  test('built with the SDK, registered, is found fine at every step; what was not tried is said', async () => {
    const mcp = await startProtectedMcpServer({ issuer: server.issuer, scopesSupported: ['invoices:read', 'invoices:pay'] });
    open.push(mcp);
    await server.resource(mcp.resource, ['invoices:read', 'invoices:pay']);
    const result = await walk.examine(mcp.resource);
    expect(result).toMatchObject({ kind: 'mcp_server', subject: mcp.resource });
    expect(result.findings.map(({ check, state }) => `${check} ${state}`)).toEqual([
      'address ok',
      'challenge ok',
      'resource metadata ok',
      'server metadata ok',
      'resource server ok',
      'scopes ok',
      expect.stringMatching(/^registration (ok|warning)$/),
      'authorize not_tried',
      'token not_tried',
      'call ok',
      'call not_tried',
    ]);
    expect(mcp.calls).toEqual([]);
  });

  test('says how many tokens are alive for it', async () => {
    const { bent } = await examined({});
    const software = await server.register({
      client_name: 'Worker',
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_basic',
    });
    const body = new URLSearchParams({ grant_type: 'client_credentials', resource: bent.resource, scope: 'invoices:read' });
    const authorization = `Basic ${Buffer.from(`${software.clientId}:${software.clientSecret}`).toString('base64')}`;
    expect((await fetch(`${server.issuer}/token`, { method: 'POST', body, headers: { authorization } })).status).toBe(200);
    expect(said(await walk.examine(bent.resource), 'token')).toEqual(['ok: 1 live token is for it.']);
  });
});

/** One bend, the check that finds it, and what is said. */
const WRONG: readonly (readonly [string, Bends, string, RegExp])[] = [
  [
    'answers without a token',
    { call: (_q, response) => sendJson(response, {}) },
    'challenge',
    /failed: .*200 without any token: it is not protected/,
  ],
  ['has no challenge', { call: (_q, response) => response.writeHead(401).end() }, 'challenge', /failed: .*401 without a challenge/],
  [
    'challenges without an address',
    { call: (q, response) => challenge(q, response, 'realm="x"') },
    'challenge',
    /warning: .*does not say where/,
  ],
  ['is at another path', { call: (_q, response) => response.writeHead(404).end() }, 'challenge', /failed: .*no MCP server is there/],
  ['does not know its host', { call: (_q, response) => response.writeHead(421).end() }, 'challenge', /failed: .*421/],
  [
    'has no metadata',
    { metadata: (_q, response) => response.writeHead(404).end() },
    'resource metadata',
    /failed: The address that the challenge names answers 404/,
  ],
  [
    'redirects its metadata',
    { metadata: (_q, response) => response.writeHead(302, { location: '/elsewhere' }).end() },
    'resource metadata',
    /failed: .*redirect/,
  ],
  [
    'serves a page for its metadata',
    { metadata: (_q, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<title>secret of the other side</title>') },
    'resource metadata',
    /failed: .*not application\/json/,
  ],
  [
    'serves no object',
    { metadata: (_q, response) => sendJson(response, ['secret of the other side']) },
    'resource metadata',
    /failed: .*not a JSON object/,
  ],
  [
    'names another host',
    { document: (right) => ({ ...right, resource: 'https://secret-of-the-other-side.test/mcp' }) },
    'resource metadata',
    /failed: .*another resource.*http and https/,
  ],
  [
    'names itself with a slash',
    { document: (right, { resource }) => ({ ...right, resource: `${resource}/` }) },
    'resource metadata',
    /failed: .*slash at the end/,
  ],
  [
    'names another issuer',
    { document: (right) => ({ ...right, authorization_servers: ['https://secret-of-the-other-side.test'] }) },
    'resource metadata',
    /failed: .*another authorization server, not this one/,
  ],
  [
    'names the issuer with a slash',
    { document: ({ authorization_servers: named, ...right }) => ({ ...right, authorization_servers: [`${String(named)}/`] }) },
    'resource metadata',
    /failed: .*letter by letter/,
  ],
  [
    'names no issuer',
    { document: (right) => ({ ...right, authorization_servers: [] }) },
    'resource metadata',
    /failed: .*names no authorization server/,
  ],
  ['asks for a scope nobody knows', { scopes: ['secret-of-the-other-side'] }, 'scopes', /failed: 1 of 1 .*invoices:read, invoices:pay/],
  ['asks for one of two', { scopes: ['invoices:read', 'secret-of-the-other-side'] }, 'scopes', /warning: 1 of 2/],
  [
    'takes every token',
    { call: (q, response) => (q.headers.authorization === undefined ? challenge(q, response, 'realm="x"') : sendJson(response, {})) },
    'call',
    /failed: It answers 200 to a token that nobody signed/,
  ],
  [
    'does not say that the token is wrong',
    {
      call: (_q, response, { metadata }) => response.writeHead(401, { 'www-authenticate': `Bearer resource_metadata="${metadata}"` }).end(),
    },
    'call',
    /warning: .*without saying that the token/,
  ],
];

describe('an MCP server that', () => {
  test.each(WRONG)('%s', async (_title, bends, check, words) => {
    const { result } = await examined(bends);
    expect(said(result, check).join('\n')).toMatch(words);
    const told = result.findings.filter(({ state }) => state === 'failed' || state === 'warning');
    for (const { next } of told) expect(next).toMatch(/\.$/);
    expect(JSON.stringify(result)).not.toMatch(/secret.of.the.other.side/);
  });

  test('is not registered, or under another spelling, is told so, and which one is', async () => {
    const { bent, result } = await examined({}, 'unknown');
    expect(states(result)).toMatchObject({ 'resource server': 'failed', authorize: 'failed', 'resource metadata': 'ok' });
    await server.resource(`${bent.resource}/`, []);
    expect(said(await walk.examine(bent.resource), 'resource server')).toEqual([expect.stringContaining(`${bent.resource}/ is`)]);
  });

  test('serves its document at the well-known address alone is read there, as clients do', async () => {
    const { bent, result } = await examined({ call: (q, response) => challenge(q, response, 'realm="x"') });
    expect(states(result)).toMatchObject({ challenge: 'warning', 'resource metadata': 'ok' });
    expect(bent.asked).toContain('GET /.well-known/oauth-protected-resource/mcp');
  });
});

describe('where the doctor does not go', () => {
  test('R21: inner addresses, in the question and in the challenge', async () => {
    for (const inner of ['https://10.0.0.7/mcp', 'https://169.254.169.254/latest', 'http://192.168.1.1/mcp'])
      expect(said(await walk.examine(inner), 'challenge')).toEqual([
        expect.stringMatching(/^failed: The server (leads to an inner|is not one)/),
      ]);
    const { result } = await examined({
      call: (q, response) => challenge(q, response, 'resource_metadata="https://169.254.169.254/secret-of-the-other-side"'),
    });
    expect(said(result, 'resource metadata')).toEqual([expect.stringMatching(/failed: .*inner address/)]);
    expect(JSON.stringify(result)).not.toContain('169.254');
  });

  test('a server that never answers costs ten seconds at most, and every step is still told', async () => {
    const began = performance.now();
    const { result } = await examined({ call: () => undefined, metadata: () => undefined });
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(said(result, 'challenge')).toEqual([expect.stringContaining('three seconds')]);
    expect(states(result)).toMatchObject({ 'resource metadata': 'not_tried', 'server metadata': 'ok' });
  }, 20_000);

  test('a port nobody listens on', async () => {
    const { bent, result } = await examined({});
    expect(result.kind).toBe('mcp_server');
    await bent.close();
    expect(said(await walk.examine(bent.resource), 'challenge')).toEqual(['failed: The server could not be reached.']);
  });

  test.each([
    ['nothing', '  '],
    ['user information', 'https://user:pass@mcp.example/'],
    ['too long', `https://${'a'.repeat(2_000)}.example`],
    ['no address', 'https://['],
    ['two words', 'two words'],
  ])('what is no subject is refused: %s', async (_title, text) => {
    await expect(walk.examine(text)).rejects.toMatchObject({ code: 'invalid_input' });
  });
});
