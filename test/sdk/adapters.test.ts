import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { calculateJwkThumbprint } from 'jose';
import { createResourceServer } from '../../src/sdk/resource-server.ts';
import { type Application, adapters, mcpGates, onMountedKoa } from './adapters.ts';
import { type LocalIssuer, newKey, resource, startLocalIssuer } from './local-issuer.ts';
import { proofFor } from './requests.ts';

let issuer: LocalIssuer;
const opened: Application[] = [];
beforeAll(async () => {
  issuer = await startLocalIssuer();
});
afterEach(() => Promise.all(opened.splice(0).map((app) => app.close())));
afterAll(() => issuer.close());

const metadataUrl = 'http://127.0.0.1:4999/.well-known/oauth-protected-resource/billing';
const challengeOf = (answer: Response) => answer.headers.get('www-authenticate') ?? '';
const withBearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

describe.each(Object.keys(adapters))('%s', (name) => {
  let app: Application;
  const create = adapters[name] as (typeof adapters)[string];
  const serverWith = (options = {}) =>
    createResourceServer({ issuer: issuer.issuer, resource, scopesSupported: ['invoices:read'], ...options });
  beforeAll(async () => {
    app = await create(serverWith());
  });
  afterAll(() => app.close());

  test('a good token gets in, and the route knows who asks', async () => {
    const answer = await app.fetch('/billing', withBearer(await issuer.token()));
    expect([answer.status, await answer.text()]).toEqual([200, 'usr_1']);
  });

  test('RFC 9728 §5.1 without a token the answer is 401 and says where the metadata is', async () => {
    const answer = await app.fetch('/billing');
    expect(answer.status).toBe(401);
    expect(challengeOf(answer)).toBe(`Bearer resource_metadata="${metadataUrl}"`);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await answer.json()).toMatchObject({ error: 'invalid_token' });
  });

  test('RFC 6750 §3.1 a token for another resource is 401 invalid_token', async () => {
    const answer = await app.fetch('/billing', withBearer(await issuer.token({ aud: 'https://other.test' })));
    expect([answer.status, challengeOf(answer)]).toEqual([401, expect.stringContaining('error="invalid_token"')]);
  });

  test('a scope that a route misses is 403 insufficient_scope with the scope', async () => {
    const answer = await app.fetch('/billing/pay', withBearer(await issuer.token()));
    expect([answer.status, challengeOf(answer)]).toEqual([
      403,
      expect.stringContaining('scope="invoices:pay", error="insufficient_scope"'),
    ]);
    const paid = await app.fetch('/billing/pay', withBearer(await issuer.token({ scope: 'invoices:pay' })));
    expect(paid.status).toBe(200);
  });

  test('a route that breaks stays the framework’s affair, and tells nothing', async () => {
    const answer = await app.fetch('/billing/fail', withBearer(await issuer.token()));
    expect(answer.status).toBe(500);
    expect(challengeOf(answer)).toBe('');
  });

  test('RFC 9728 §3 the metadata is served to any page, and at no other path', async () => {
    const path = '/.well-known/oauth-protected-resource/billing';
    const answer = await app.fetch(path);
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, '*']);
    expect(await answer.json()).toMatchObject({ resource, authorization_servers: [issuer.issuer], scopes_supported: ['invoices:read'] });
    const preflight = await app.fetch(path, { method: 'OPTIONS' });
    expect([preflight.status, await preflight.text()]).toEqual([204, '']);
    const head = await app.fetch(path, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect((await app.fetch(path, { method: 'POST' })).status).toBe(405);
    expect((await app.fetch('/.well-known/oauth-protected-resource')).status).toBe(401);
    expect((await app.fetch('/nowhere')).status).toBe(401);
  });

  test('RFC 9449 a proof is checked for the address that was called, and the nonce comes with the answers', async () => {
    const proven = await create(serverWith({ dpopNonce: {} }));
    opened.push(proven);
    const key = await newKey('holder');
    const token = await issuer.token({ cnf: { jkt: await calculateJwkThumbprint(key.publicJwk) } });
    const ask = async (nonce: string | null) => {
      const proof = await proofFor(token, key, { claims: { nonce: nonce ?? undefined } });
      return proven.fetch('/billing?page=2', { method: 'POST', headers: { authorization: `DPoP ${token}`, dpop: proof } });
    };
    const first = await ask(null);
    expect([first.status, challengeOf(first)]).toEqual([401, expect.stringMatching(/^DPoP .*error="use_dpop_nonce"/)]);
    const second = await ask(first.headers.get('dpop-nonce'));
    expect([second.status, second.headers.get('dpop-nonce')]).toEqual([200, first.headers.get('dpop-nonce')]);
  });
});

test('Koa: further in, a proof is still checked for the address that was called', async () => {
  const app = await onMountedKoa(createResourceServer({ issuer: issuer.issuer, resource }));
  opened.push(app);
  const key = await newKey('holder');
  const token = await issuer.token({ cnf: { jkt: await calculateJwkThumbprint(key.publicJwk) } });
  const headers = { authorization: `DPoP ${token}`, dpop: await proofFor(token, key) };
  expect((await app.fetch('/billing', { method: 'POST', headers })).status).toBe(200);
});

test('Fastify: other errors are answered by the error handler that the application had', async () => {
  const app = await (adapters['Fastify'] as (typeof adapters)[string])(createResourceServer({ issuer: issuer.issuer, resource }));
  opened.push(app);
  expect(await (await app.fetch('/billing/fail', withBearer(await issuer.token()))).text()).toBe('of the application');
});

describe.each(Object.keys(mcpGates))('requireBearerAuth of the official MCP SDK, %s', (version) => {
  let app: Application;
  const create = mcpGates[version] as (typeof mcpGates)[string];
  beforeAll(async () => {
    app = await create(createResourceServer({ issuer: issuer.issuer, resource, requiredScopes: ['invoices:read'] }));
  });
  afterAll(() => app.close());

  test('a good token gets in, and handlers find the authorization', async () => {
    const answer = await app.fetch('/mcp', withBearer(await issuer.token()));
    expect([answer.status, await answer.text()]).toEqual([200, 'usr_1']);
  });

  test('none, an expired and a foreign one are 401 with resource_metadata', async () => {
    for (const init of [
      {},
      withBearer(await issuer.token({ exp: 1 })),
      withBearer(await issuer.token({ aud: 'https://other.test' })),
      withBearer('x'),
    ]) {
      const answer = await app.fetch('/mcp', init);
      expect(answer.status).toBe(401);
      expect(challengeOf(answer)).toMatch(/error="invalid_token".*resource_metadata="http:.*\/billing"/);
    }
  });

  test('too little scope is 403', async () => {
    const answer = await app.fetch('/mcp', withBearer(await issuer.token({ scope: 'other' })));
    expect([answer.status, challengeOf(answer)]).toEqual([403, expect.stringContaining('insufficient_scope')]);
  });

  test('a token bound to a key or certificate is refused: its text proves nothing', async () => {
    for (const cnf of [{ jkt: 'x' }, { 'x5t#S256': 'x' }]) {
      expect((await app.fetch('/mcp', withBearer(await issuer.token({ cnf })))).status).toBe(401);
    }
  });

  test('an issuer that cannot be asked is a 500 of theirs, without a challenge', async () => {
    const gone = await create(createResourceServer({ issuer: 'http://127.0.0.1:1', resource }));
    opened.push(gone);
    const answer = await gone.fetch('/mcp', withBearer(await issuer.token({ iss: 'http://127.0.0.1:1' })));
    expect([answer.status, challengeOf(answer)]).toEqual([500, '']);
  });
});
