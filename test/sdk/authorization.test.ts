import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  AccessRefused,
  createMemorySingleUseStore,
  createResourceServer,
  requireActor,
  requireDetail,
  requireScope,
} from '../../src/sdk/resource-server.ts';
import { type LocalIssuer, now, resource, startLocalIssuer } from './local-issuer.ts';
import { bearer, refusalOf, requestWith } from './requests.ts';

let issuer: LocalIssuer;
beforeAll(async () => {
  issuer = await startLocalIssuer();
});
afterAll(() => issuer.close());

function approved(maxUses: number | undefined, approvedUntil = new Date((now() + 60) * 1000)) {
  const approval = {
    id: 'apr_1',
    approvedAt: undefined,
    approvedUntil,
    detailsHash: undefined,
    approvedBy: undefined,
    by: 'subject' as const,
    maxUses,
  };
  return { issuer: 'https://auth.test', approval };
}

describe('what a token allows', () => {
  test('RFC 6750 §3.1 a missing scope is 403 with all scopes the act needs', () => {
    expect(() => requireScope({ scopes: ['a', 'b'] }, 'a', 'b')).not.toThrow();
    try {
      requireScope({ scopes: ['a'] }, 'a', 'b');
      throw new Error('not refused');
    } catch (error) {
      expect(error).toMatchObject({ code: 'insufficient_scope', status: 403, scopes: ['a', 'b'] });
    }
  });

  test('RFC 9396 §2 a detail of the type that is enough is returned, none is 403', () => {
    const authorization = {
      authorizationDetails: [
        { type: 'payment', amount: 5 },
        { type: 'payment', amount: 50 },
        { type: 'other', amount: 500 },
      ],
    };
    expect(requireDetail(authorization, 'payment', (detail) => Number(detail['amount']) >= 20)).toEqual({ type: 'payment', amount: 50 });
    expect(() => requireDetail(authorization, 'payment', (detail) => Number(detail['amount']) >= 100)).toThrow(AccessRefused);
  });

  describe('Actor Profile', () => {
    const actor = (subject: string) => ({ issuer: 'https://auth.test', subject, profile: 'ai_agent' });
    const [newest, first] = [actor('agt_2'), actor('agt_1')];
    const person = { issuer: 'https://auth.test', subject: 'usr_1', subjectProfile: 'user' };
    const refused = expect.objectContaining({ code: 'actor_unauthorized', status: 403 });

    test('the newest actor is judged, never an earlier one; none is 403 actor_unauthorized', () => {
      const isFirst = ({ subject }: { subject: string }) => subject === 'agt_1';
      expect(() => requireActor({ ...person, actors: [newest, first], agent: newest }, isFirst)).toThrow(refused);
      expect(requireActor({ ...person, actors: [first], agent: first }, isFirst)).toBe(first);
      expect(requireActor({ ...person, actors: [], agent: first }, isFirst)).toBe(first);
      expect(() => requireActor({ ...person, actors: [], agent: undefined }, () => true)).toThrow(refused);
    });

    test('the actor is judged together with whom it acts for', () => {
      const authorization = { ...person, actors: [first], agent: first };
      const pairs = new Set(['agt_1 for usr_1', 'agt_2 for usr_2']);
      const isPair = (party: { subject: string }, subject: { subject: string }) => pairs.has(`${party.subject} for ${subject.subject}`);
      expect(requireActor(authorization, isPair)).toBe(first);
      expect(() => requireActor({ ...authorization, subject: 'usr_2' }, isPair)).toThrow(refused);
      requireActor(authorization, (_, subject) => {
        expect(subject).toEqual({ issuer: 'https://auth.test', subject: 'usr_1', profile: 'user' });
        return true;
      });
    });
  });

  test('requiredScopes hold for every request and stand in every challenge', async () => {
    const server = createResourceServer({ issuer: issuer.issuer, resource, requiredScopes: ['mcp'] });
    const refusal = await refusalOf(server, bearer(await issuer.token()));
    expect(refusal).toMatchObject({ code: 'insufficient_scope', status: 403 });
    expect(server.challenge(refusal).headers['www-authenticate']).toContain('scope="mcp"');
    expect(server.challenge(await refusalOf(server, requestWith([]))).headers['www-authenticate']).toContain('scope="mcp"');
    await expect(server.verify(bearer(await issuer.token({ scope: 'mcp' })))).resolves.toBeDefined();
  });
});

describe('R27 approvals are used as often as approved', () => {
  test('max_uses 1: one of ten parallel uses over two servers that share a store', async () => {
    const maxUsesStore = createMemorySingleUseStore();
    const servers = [1, 2].map(() => createResourceServer({ issuer: 'https://auth.test', resource, maxUsesStore }));
    const uses = servers.flatMap((server) => Array.from({ length: 5 }, () => server.useOnce(approved(1))));
    const outcomes = await Promise.allSettled(uses);
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
    await expect(servers[0]?.useOnce(approved(1))).rejects.toMatchObject({ code: 'invalid_token', status: 401 });
  });

  test('max_uses 3 is three; no bound and no approval are free', async () => {
    const server = createResourceServer({ issuer: 'https://auth.test', resource });
    for (let use = 0; use < 3; use += 1) await server.useOnce(approved(3));
    await expect(server.useOnce(approved(3))).rejects.toMatchObject({ code: 'invalid_token' });
    await server.useOnce(approved(undefined));
    await server.useOnce({ issuer: 'https://auth.test', approval: undefined });
  });

  test('the use is remembered until the approval ends, not until the token does', async () => {
    const taken: Date[] = [];
    const maxUsesStore = { take: (_: string, expiresAt: Date) => taken.push(expiresAt) > 0 };
    const until = new Date((now() + 3600) * 1000);
    await createResourceServer({ issuer: 'https://auth.test', resource, maxUsesStore }).useOnce(approved(1, until));
    expect(taken).toEqual([until]);
  });

  test('a store that fails, or answers anything but true, refuses', async () => {
    const failing = createResourceServer({
      issuer: 'https://auth.test',
      resource,
      maxUsesStore: { take: () => Promise.reject(new Error('away')) },
    });
    await expect(failing.useOnce(approved(1))).rejects.toMatchObject({ status: 503 });
    const vague = { take: () => 'OK' as unknown as boolean };
    await expect(
      createResourceServer({ issuer: 'https://auth.test', resource, maxUsesStore: vague }).useOnce(approved(1)),
    ).rejects.toMatchObject({ status: 401 });
  });

  test('the memory forgets what has expired and keeps within its bound', async () => {
    const clock = { at: new Date(), now: () => clock.at };
    const store = createMemorySingleUseStore({ capacity: 2, clock });
    const soon = new Date(clock.at.getTime() + 1_000);
    expect([await store.take('a', soon), await store.take('a', soon), await store.take('b', soon)]).toEqual([true, false, true]);
    expect(() => store.take('c', soon)).toThrow(AccessRefused);
    clock.at = new Date(clock.at.getTime() + 1_000);
    expect([await store.take('a', new Date(clock.at.getTime() + 1)), await store.take('c', soon)]).toEqual([true, true]);
  });
});

describe('RFC 9728 metadata and challenges', () => {
  test.each([
    ['https://mcp.test', '/.well-known/oauth-protected-resource'],
    ['https://mcp.test/', '/.well-known/oauth-protected-resource'],
    ['https://mcp.test/billing', '/.well-known/oauth-protected-resource/billing'],
    ['https://mcp.test/a/b/', '/.well-known/oauth-protected-resource/a/b/'],
    ['https://mcp.test/a?k=1', '/.well-known/oauth-protected-resource/a?k=1'],
  ])('§3.1 the document of %s is at %s', (value, path) => {
    expect(createResourceServer({ issuer: 'https://auth.test', resource: value }).metadataPath).toBe(path);
  });

  test('§2 the document', () => {
    const options = {
      issuer: 'https://auth.test',
      resource,
      scopesSupported: ['a'],
      authorizationDetailsTypes: ['payment'],
      resourceName: 'Billing',
    };
    expect(createResourceServer(options).protectedResourceMetadata()).toEqual({
      resource,
      authorization_servers: ['https://auth.test'],
      bearer_methods_supported: ['header'],
      scopes_supported: ['a'],
      resource_name: 'Billing',
      authorization_details_types_supported: ['payment'],
      dpop_signing_alg_values_supported: ['ES256', 'EdDSA', 'Ed25519', 'RS256', 'PS256'],
    });
  });

  test('§5.1 the challenge names the document and cannot be broken out of', () => {
    const server = createResourceServer({ issuer: 'https://auth.test', resource: 'https://mcp.test/billing' });
    const hostile = new AccessRefused('insufficient_scope', 'a "quoted\\" line\r\nSet-Cookie: x', { scopes: ['a"', 'b'] });
    const { status, headers, body } = server.challenge(hostile);
    expect(status).toBe(403);
    expect(headers['www-authenticate']).toBe(
      'Bearer resource_metadata="https://mcp.test/.well-known/oauth-protected-resource/billing", scope="a  b", error="insufficient_scope", error_description="a  quoted   line  Set-Cookie: x"',
    );
    expect(JSON.parse(body)).toMatchObject({ error: 'insufficient_scope' });
    expect(headers['cache-control']).toBe('no-store');
  });

  test('an unknown error is a 500 that says nothing, an unreachable issuer a 503 without challenge', () => {
    const server = createResourceServer({ issuer: 'https://auth.test', resource });
    expect(JSON.stringify(server.challenge(new Error('database password')))).not.toMatch(/password/);
    expect(server.challenge(new Error('x')).status).toBe(500);
    expect(server.challenge(new AccessRefused('temporarily_unavailable', 'x')).headers['www-authenticate']).toBeUndefined();
  });
});
