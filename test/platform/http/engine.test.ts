import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Provider } from 'oidc-provider';
import { at, closeEdges, startEdge } from './edge-client.ts';

afterEach(closeEdges);
// The engine warns of its memory adapter and default lifetimes, which are all this file needs.
beforeAll(() => {
  for (const level of ['info', 'warn'] as const) jest.spyOn(console, level).mockImplementation(() => undefined);
});
const jwk = { ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' };

/** The real engine behind the edge, one public client, interactions answered by a route of ours. */
async function setUp(issuer: URL) {
  const provider = new Provider(issuer.href.replace(/\/$/, ''), {
    jwks: { keys: [jwk] },
    cookies: { keys: ['k'.repeat(32)] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_ctx, { uid }) => `${issuer.pathname.replace(/\/$/, '')}/interaction/${uid}` },
    clients: [
      {
        client_id: 'app',
        token_endpoint_auth_method: 'none',
        redirect_uris: ['https://client.test/cb'],
        grant_types: ['authorization_code'],
        response_types: ['code'],
      },
    ],
  });
  provider.proxy = true;
  const interaction = at('/seen', async (ctx) => {
    ctx.body = (await provider.interactionDetails(ctx.req, ctx.res)).returnTo;
  });
  return startEdge([interaction], { issuer, engine: provider });
}

describe('the engine behind the edge', () => {
  test.each([
    ['https://issuer.test', ''],
    ['https://issuer.test/a', '/a'],
  ])('%s: the metadata speaks of the issuer only', async (address, base) => {
    const edge = await setUp(new URL(address));
    const { body } = await edge.ask(`${base}/.well-known/openid-configuration`, {
      headers: { 'x-forwarded-host': 'evil.test', 'x-forwarded-proto': 'http' },
    });
    const metadata = JSON.parse(body);
    expect(metadata).toMatchObject({ issuer: address, token_endpoint: `${address}/token`, jwks_uri: `${address}/jwks` });
    expect(body).not.toMatch(/evil|http:/);
  });

  test.each([
    ['https://issuer.test', ''],
    ['https://issuer.test/a', '/a'],
  ])('%s: an interaction starts and is found again, its cookies are Secure', async (address, base) => {
    const edge = await setUp(new URL(address));
    const query = new URLSearchParams({
      client_id: 'app',
      response_type: 'code',
      scope: 'openid',
      redirect_uri: 'https://client.test/cb',
      code_challenge: 'a'.repeat(43),
      code_challenge_method: 'S256',
    });
    const start = await edge.ask(`${base}/auth?${query}`);
    expect(start.status).toBe(303);
    expect(start.headers.location).toMatch(new RegExp(`^${base}/interaction/`));
    const cookies = start.headers['set-cookie'] ?? [];
    expect(cookies.length).toBeGreaterThan(0);
    for (const cookie of cookies) expect(cookie).toMatch(/; secure/i);
    const cookie = cookies.map((line) => line.split(';')[0]).join('; ');
    const found = await edge.ask(`${base}/seen`, { headers: { cookie } });
    expect(found.body).toMatch(new RegExp(`^${address}/auth/`));
  });

  test('what the engine does not know is our 404', async () => {
    const reply = await (await setUp(new URL('https://issuer.test'))).ask('/nothing');
    expect([reply.status, reply.headers['content-type']]).toEqual([404, 'application/problem+json']);
  });
});
