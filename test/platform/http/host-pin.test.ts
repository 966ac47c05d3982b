import { afterEach, describe, expect, test } from '@jest/globals';
import { parseTrustedProxies } from '../../../src/platform/http/trusted-proxies.ts';
import { at, closeEdges, mountPathOf, startEdge } from './edge-client.ts';

afterEach(closeEdges);
const whoami = at('/who', (ctx) => {
  ctx.body = { href: ctx.href, host: ctx.host, secure: ctx.secure, ip: ctx.ip, headers: ctx.headers, url: ctx.URL.href };
});

describe('R20 host and scheme are the issuer’s', () => {
  test.each(['evil.test', 'issuer.test:8443', 'issuer.test.evil.test', 'user@issuer.test'])(
    'Host %s is 421 (RFC 9110 §15.5.20)',
    async (host) => {
      const edge = await startEdge([whoami]);
      const reply = await edge.ask('/who', { headers: { host } });
      expect(reply.status).toBe(421);
      expect(reply.headers['content-type']).toContain('application/problem+json');
    },
  );

  test.each(['ISSUER.test', 'issuer.test:443'])('Host %s is the issuer', async (host) => {
    const edge = await startEdge([whoami]);
    expect((await edge.ask('/who', { headers: { host } })).status).toBe(200);
  });

  test('the request speaks of the issuer although it came in over http', async () => {
    const edge = await startEdge([whoami]);
    const who = JSON.parse((await edge.ask('/who?a=1')).body);
    expect(who).toMatchObject({
      href: 'https://issuer.test/who?a=1',
      host: 'issuer.test',
      secure: true,
      url: 'https://issuer.test/who?a=1',
      ip: '127.0.0.1',
    });
  });

  test('an absolute-form target of another host is 421, of ours a path (RFC 9112 §3.2.2)', async () => {
    const edge = await startEdge([whoami]);
    const foreign = await edge.raw('GET http://evil.test/who HTTP/1.1\r\nHost: issuer.test\r\nConnection: close\r\n\r\n');
    expect(foreign).toContain('421');
    const ours = await edge.raw('GET http://issuer.test/who HTTP/1.1\r\nHost: issuer.test\r\nConnection: close\r\n\r\n');
    expect(ours).toContain('"href":"https://issuer.test/who"');
  });

  const hearsay = {
    forwarded: 'for=9.9.9.9;host=evil.test',
    'x-forwarded-host': 'evil.test',
    'x-forwarded-proto': 'http',
    'x-forwarded-for': '9.9.9.9',
    'x-forwarded-prefix': '/evil',
    'x-real-ip': '9.9.9.9',
    'x-client-cert': 'c',
    'ssl-client-verify': 'SUCCESS',
    ssl_client_cert: 'c',
    'x-forwarded-client-cert': 'c',
    'client-cert': 'c',
    'client-cert-chain': 'c',
    'x-ssl-client-s-dn': 'c',
    'x-request-id': 'chosen-by-a-stranger',
  };

  test('a stranger’s word about host, scheme, address, certificate and request id is dropped', async () => {
    const edge = await startEdge([whoami]);
    const reply = await edge.ask('/who', { headers: hearsay });
    const who = JSON.parse(reply.body);
    expect(who).toMatchObject({ href: 'https://issuer.test/who', ip: '127.0.0.1' });
    expect(reply.headers['x-request-id']).toMatch(/^req_[0-9a-f]{32}$/);
    const left = Object.keys(who.headers).filter((name) => /cert|ssl|prefix|real|^forwarded$/.test(name));
    expect(left).toEqual([]);
    expect(who.headers).toMatchObject({
      host: 'issuer.test',
      'x-forwarded-host': 'issuer.test',
      'x-forwarded-proto': 'https',
      'x-forwarded-for': '127.0.0.1',
    });
  });

  test('a trusted proxy is believed: address, certificate and request id; its host must still be ours', async () => {
    const edge = await startEdge([whoami], { trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'] });
    const headers = {
      host: 'inner:3000',
      'x-forwarded-host': 'issuer.test',
      'x-forwarded-for': '6.6.6.6, 203.0.113.9, 10.1.2.3',
      'x-client-cert': 'c',
      'x-request-id': 'from-the-gateway-1',
    };
    const reply = await edge.ask('/who', { headers });
    const who = JSON.parse(reply.body);
    expect(who).toMatchObject({ href: 'https://issuer.test/who', ip: '203.0.113.9' });
    expect(who.headers).toMatchObject({ 'x-client-cert': 'c', 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' });
    expect(reply.headers['x-request-id']).toBe('from-the-gateway-1');
    expect((await edge.ask('/who', { headers: { host: 'issuer.test', 'x-forwarded-host': 'evil.test' } })).status).toBe(421);
    expect((await edge.ask('/who', { headers: { ...headers, 'x-request-id': 'a b"c' } })).headers['x-request-id']).toMatch(/^req_/);
  });

  test('trusted proxies: ranges of both families, mapped peers, nothing for an unknown peer, a clear error', () => {
    const proxies = parseTrustedProxies(['10.0.0.0/8', '192.0.2.7', 'fd00::/8']);
    expect(['10.9.9.9', '::ffff:10.9.9.9', '192.0.2.7', 'fd00::1'].every((peer) => proxies.includes(peer))).toBe(true);
    expect(['11.0.0.1', '192.0.2.8', '::1', '', undefined, 'x'].some((peer) => proxies.includes(peer))).toBe(false);
    expect(() => parseTrustedProxies(['10.0.0.0/40'])).toThrow('"10.0.0.0/40" is neither');
  });
});

describe('an issuer with a path', () => {
  const issuer = new URL('https://issuer.test/a/b');
  const metadata = at('/.well-known/openid-configuration', (ctx) => {
    ctx.body = mountPathOf(ctx);
  });
  const oauth = at('/.well-known/oauth-authorization-server', (ctx) => {
    ctx.body = mountPathOf(ctx);
  });

  test.each([
    '/.well-known/oauth-authorization-server/a/b',
    '/.well-known/openid-configuration/a/b',
    '/a/b/.well-known/openid-configuration',
  ])('%s finds the metadata (RFC 8414 §3.1, §5)', async (path) => {
    const edge = await startEdge([metadata, oauth], { issuer });
    expect(await edge.ask(path)).toMatchObject({ status: 200, body: '/a/b' });
  });

  test('routes and engine live below the path, the engine knows its mount path, nothing lives outside', async () => {
    const edge = await startEdge([whoami], { issuer });
    expect((await edge.ask('/a/b/who')).status).toBe(200);
    expect(JSON.parse((await edge.ask('/a/b/engine')).body)).toMatchObject({ mountPath: '/a/b', href: 'https://issuer.test/a/b/engine' });
    for (const path of ['/who', '/a/bwho', '/a', '/.well-known/openid-configuration', '/.well-known/x/y/a/b'])
      expect((await edge.ask(path)).status).toBe(404);
  });
});
