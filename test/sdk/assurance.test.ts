import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  AccessRefused,
  type Assurance,
  createResourceServer,
  requireAssurance,
  type ResourceServer,
} from '../../src/sdk/resource-server.ts';
import { type LocalIssuer, now, resource, startLocalIssuer } from './local-issuer.ts';
import { bearer, refusalOf } from './requests.ts';

let issuer: LocalIssuer;
let server: ResourceServer;
beforeAll(async () => {
  issuer = await startLocalIssuer();
  server = createResourceServer({ issuer: issuer.issuer, resource, requiredScopes: ['invoices:read'] });
});
afterAll(() => issuer.close());

async function refusalFor(claims: Record<string, unknown>, needed: Assurance): Promise<AccessRefused | undefined> {
  const authorization = await server.verify(bearer(await issuer.token(claims)));
  try {
    requireAssurance(authorization, needed);
    return undefined;
  } catch (error) {
    if (error instanceof AccessRefused) return error;
    throw error;
  }
}

describe('RFC 9470 step-up', () => {
  const enough: [Record<string, unknown>, Assurance][] = [
    [{ acr: 'phr' }, { acrValues: ['phr'] }],
    [{ acr: 'mfa' }, { acrValues: ['phr', 'mfa'] }],
    [{ auth_time: now() - 200 }, { maxAgeSeconds: 300 }],
    [
      { acr: 'phr', auth_time: now() },
      { acrValues: ['phr'], maxAgeSeconds: 60 },
    ],
    [{}, {}],
  ];
  test.each(enough)('the sign-in %p is enough for %p', async (claims, needed) => {
    expect(await refusalFor(claims, needed)).toBeUndefined();
  });

  const lacking: [Record<string, unknown>, Assurance][] = [
    [{ acr: 'pwd' }, { acrValues: ['phr', 'mfa'] }],
    [{}, { acrValues: ['phr'] }],
    [{ acr: 'phr' }, { acrValues: [] }],
    [{ auth_time: now() - 400 }, { maxAgeSeconds: 300 }],
    [{}, { maxAgeSeconds: 300 }],
    [
      { acr: 'phr', auth_time: now() - 400 },
      { acrValues: ['phr'], maxAgeSeconds: 300 },
    ],
    [
      { acr: 'pwd', auth_time: now() },
      { acrValues: ['phr'], maxAgeSeconds: 300 },
    ],
  ];
  test.each(lacking)('the sign-in %p is not enough for %p: 401', async (claims, needed) => {
    expect(await refusalFor(claims, needed)).toMatchObject({ code: 'insufficient_user_authentication', status: 401 });
  });

  test('§3 the challenge says how to sign in, and keeps the scopes', async () => {
    const { status, headers, body } = server.challenge(await refusalFor({}, { acrValues: ['phr', 'mfa'], maxAgeSeconds: 0 }));
    expect(status).toBe(401);
    expect(headers['www-authenticate']).toMatch(
      /scope="invoices:read", error="insufficient_user_authentication", .*acr_values="phr mfa", max_age="0"$/,
    );
    expect(JSON.parse(body)).toMatchObject({ error: 'insufficient_user_authentication' });
  });

  test('a clock of the caller decides what is recent', async () => {
    const signedIn = now();
    const authorization = await server.verify(bearer(await issuer.token({ auth_time: signedIn })));
    const demandedAfter = (age: number) => () =>
      requireAssurance(authorization, { maxAgeSeconds: 60 }, { now: () => new Date((signedIn + age) * 1000) });
    expect(demandedAfter(60)).not.toThrow();
    expect(demandedAfter(61)).toThrow(AccessRefused);
  });

  test.each([{ acr: 7 }, { acr: '' }, { auth_time: 'now' }, { auth_time: -1 }])('a token with %p is refused', async (claims) => {
    expect((await refusalOf(server, bearer(await issuer.token(claims)))).code).toBe('invalid_token');
  });
});
