import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createOutgoing, type Outgoing, type OutgoingDeps } from '../../../src/platform/outgoing/dispatcher.ts';
import { OutgoingError } from '../../../src/platform/outgoing/outgoing-error.ts';
import { certificate, privateKey } from './certificate.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const lines: unknown[] = [];
const write = (...args: unknown[]) => void lines.push(args);
const log = { debug: write, warn: write } as unknown as OutgoingDeps['log'];

function outgoing(deps: Partial<OutgoingDeps> = {}): Outgoing {
  const made = createOutgoing({ allowLoopback: true, log, ...deps });
  closing.push(() => void made.close());
  return made;
}

interface Site {
  port: number;
  url: (path?: string) => string;
  hits: () => number;
  sockets: () => number;
}

async function site(answer: http.RequestListener, host = '127.0.0.1', isTls = false): Promise<Site> {
  let hits = 0;
  let sockets = 0;
  const count: http.RequestListener = (request, response) => {
    hits += 1;
    answer(request, response);
  };
  const server = isTls ? https.createServer({ key: privateKey, cert: certificate }, count) : http.createServer(count);
  server.on('connection', () => {
    sockets += 1;
  });
  await new Promise<void>((resolve) => {
    server.listen(0, host, resolve);
  });
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const name = host.includes(':') ? `[${host}]` : host;
  return { port, url: (path = '/') => `http://${name}:${port}${path}`, hits: () => hits, sockets: () => sockets };
}

const ok: http.RequestListener = (_request, response) => {
  response.end('inner secret');
};

async function reasonOf(running: Promise<unknown>): Promise<string> {
  try {
    await running;
    return 'answered';
  } catch (error) {
    if (!(error instanceof OutgoingError)) return String(error);
    expect(error.cause).toBeUndefined();
    expect(`${error.message} ${error.stack}`).not.toMatch(/127\.0|::1|secret|ECONN/);
    return error.reason;
  }
}

describe('R21 where a request may go', () => {
  test.each([
    'http://93.184.216.34/',
    'http://example.test/',
    'ftp://127.0.0.1/',
    'file:///etc/passwd',
    'data:text/plain,x',
    'https://user@example.test/',
    'https://user:pw@example.test/',
    'http://127.0.0.1@example.test/',
    '//x',
    '',
  ])('%s is no address to call', async (url) => {
    expect(await reasonOf(outgoing().fetch(url))).toBe('url');
  });

  test.each([
    '127.0.0.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '017700000001',
    '127.1',
    'localhost',
    'LOCALHOST',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b:1::7f00:1]',
    '[2002:7f00:1::]',
    '[2001:0:7f00:1::]',
    '[fe80::1]',
    '[fc00::1]',
    '[fd12::1]',
    '[fec0::1]',
    '[ff02::1]',
    '[::]',
    '[2001:db8::1]',
    '[100::1]',
    '[4000::1]',
    '0.0.0.0',
    '0',
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '192.0.0.8',
    '192.0.2.1',
    '198.18.0.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
  ])('https://%s is refused before anything connects', async (host) => {
    const inner = await site(ok);
    expect(await reasonOf(outgoing({ allowLoopback: false }).fetch(`https://${host}:${inner.port}/`))).toBe('address');
    expect(inner.sockets()).toBe(0);
  });

  test('without the development flag http goes nowhere', async () => {
    const inner = await site(ok);
    expect(await reasonOf(outgoing({ allowLoopback: false }).fetch(inner.url()))).toBe('url');
    expect(inner.sockets()).toBe(0);
  });

  test('with it http reaches loopback in each of its forms, and nothing else inside', async () => {
    const inner = await site(ok);
    const inner6 = await site(ok, '::1');
    const out = outgoing();
    for (const url of [
      inner.url(),
      `http://2130706433:${inner.port}/`,
      `http://127.1:${inner.port}/`,
      inner6.url(),
      `http://localhost:${inner.port}/`,
    ])
      expect((await out.fetch(url)).status).toBe(200);
    for (const url of [`https://10.0.0.1:${inner.port}/`, `https://[::ffff:127.0.0.1]:${inner.port}/`, 'https://169.254.169.254/'])
      expect(await reasonOf(out.fetch(url))).toBe('address');
    const misled = outgoing({ resolve: async () => ['93.184.216.34'] });
    expect(await reasonOf(misled.fetch('http://localhost/'))).toBe('address');
  });

  test.each([
    [['93.184.216.34', '127.0.0.1']],
    [['127.0.0.1', '93.184.216.34']],
    [['2606:2800:220:1::1', '::ffff:10.0.0.1']],
    [['fe80::1%eth0']],
    [['not an address']],
    [[]],
  ])('a name that leads to %j is refused as a whole', async (addresses) => {
    const out = outgoing({ allowLoopback: false, resolve: async () => addresses });
    expect(await reasonOf(out.fetch('https://rebinding.test/'))).toBe('address');
  });

  test('the dispatcher alone guards addresses too', async () => {
    const inner = await site(ok);
    const { dispatcher } = outgoing({ allowLoopback: false });
    await expect(dispatcher.request({ origin: inner.url('').replace(/\/$/, ''), path: '/', method: 'GET' })).rejects.toThrow(
      'address this server may not call',
    );
    expect(inner.sockets()).toBe(0);
  });
});

describe('R21 the pinned connection', () => {
  const resolved: string[] = [];
  const resolve = async (hostname: string) => {
    resolved.push(hostname);
    return ['127.0.0.1'];
  };

  test('the name is resolved once, the certificate is checked against it', async () => {
    const seen: unknown[] = [];
    const inner = await site(
      (request, response) => {
        seen.push([request.headers.host, (request.socket as { servername?: unknown }).servername]);
        response.end('ok');
      },
      '127.0.0.1',
      true,
    );
    resolved.length = 0;
    const out = outgoing({ resolve, trustedCertificates: certificate });
    expect((await out.fetch(`https://tls.test:${inner.port}/`)).status).toBe(200);
    expect(resolved).toEqual(['tls.test']);
    expect(seen).toEqual([[`tls.test:${inner.port}`, 'tls.test']]);
    expect(await reasonOf(out.fetch(`https://other.test:${inner.port}/`))).toBe('connection');
    expect(await reasonOf(out.fetch(`https://127.0.0.1:${inner.port}/`))).toBe('connection');
    expect(inner.hits()).toBe(1);
  });

  test('a certificate nobody vouches for is refused', async () => {
    const inner = await site(ok, '127.0.0.1', true);
    expect(await reasonOf(outgoing({ resolve }).fetch(`https://tls.test:${inner.port}/`))).toBe('connection');
    expect(inner.hits()).toBe(0);
  });

  test('an address that does not answer gives way to the next checked one', async () => {
    const inner = await site(ok, '127.0.0.1', true);
    const out = outgoing({ resolve: async () => ['127.0.0.99', '127.0.0.1'], trustedCertificates: certificate });
    expect((await out.fetch(`https://tls.test:${inner.port}/`)).status).toBe(200);
  });

  test('a caller’s Host, cookies and hop-by-hop headers do not go out', async () => {
    let seen: http.IncomingHttpHeaders = {};
    const inner = await site((request, response) => {
      seen = request.headers;
      response.setHeader('set-cookie', 'a=b');
      response.end('ok');
    });
    const { headers } = await outgoing().fetch(inner.url(), {
      method: 'POST',
      headers: { Host: 'evil.test', Cookie: 'a=b', 'Content-Length': '99', 'X-Mine': '1' },
      body: 'abc',
    });
    expect(seen).toMatchObject({ host: `127.0.0.1:${inner.port}`, 'content-length': '3', 'x-mine': '1' });
    expect(seen.cookie).toBeUndefined();
    expect(headers.has('set-cookie')).toBe(false);
  });
});

describe('R21 what may come back', () => {
  test.each([301, 302, 303, 307, 308])('a redirect (%i) is an error and is not followed', async (status) => {
    const target = await site(ok);
    const inner = await site((_request, response) => {
      response.writeHead(status, { location: target.url() }).end();
    });
    expect(await reasonOf(outgoing().fetch(inner.url()))).toBe('redirect');
    expect(await reasonOf(outgoing().engineFetch(inner.url(), { redirect: 'follow' }))).toBe('redirect');
    expect(target.hits()).toBe(0);
  });

  test('any other status is an answer', async () => {
    const inner = await site((_request, response) => {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('no');
    });
    const answer = await outgoing().fetch(inner.url());
    expect([answer.status, Buffer.from(answer.body).toString(), answer.headers.get('content-type')]).toEqual([404, 'no', 'text/plain']);
  });

  test('a body is bounded, declared or not', async () => {
    const inner = await site((request, response) => {
      if (request.url === '/declared') response.setHeader('content-length', 2000);
      response.write('a'.repeat(1000));
      response.end('b'.repeat(request.url === '/fits' ? 0 : 1000));
    });
    const out = outgoing();
    expect((await out.fetch(inner.url('/fits'), { maxBytes: 1000 })).body.byteLength).toBe(1000);
    expect(await reasonOf(out.fetch(inner.url('/declared'), { maxBytes: 1000 }))).toBe('too_large');
    expect(await reasonOf(out.fetch(inner.url('/chunked'), { maxBytes: 1000 }))).toBe('too_large');
  });

  test('an endless body is left, not read to the end', async () => {
    let isLeft = false;
    const inner = await site((_request, response) => {
      const timer = setInterval(() => response.write('a'.repeat(1000)), 1);
      response.on('close', () => {
        clearInterval(timer);
        isLeft = true;
      });
    });
    expect(await reasonOf(outgoing().fetch(inner.url(), { maxBytes: 5000 }))).toBe('too_large');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(isLeft).toBe(true);
  });

  test('bytes are counted after decompression: a gzip bomb of 50 KB', async () => {
    const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024));
    expect(bomb.byteLength).toBeLessThan(64 * 1024);
    const inner = await site((request, response) => {
      response.setHeader('content-encoding', request.url === '/twice' ? 'gzip, gzip' : 'gzip');
      response.end(request.url === '/twice' ? gzipSync(bomb) : bomb);
    });
    expect(await reasonOf(outgoing().fetch(inner.url()))).toBe('too_large');
    expect(await reasonOf(outgoing().fetch(inner.url('/twice')))).toBe('too_large');
  });

  test('an honest gzip answer is read', async () => {
    const inner = await site((_request, response) => {
      response.setHeader('content-encoding', 'gzip');
      response.end(gzipSync('{"keys":[]}'));
    });
    const answer = await outgoing().engineFetch(inner.url());
    expect(await answer.json()).toEqual({ keys: [] });
    expect(answer.headers.has('content-encoding')).toBe(false);
  });

  test('the time limit covers silence, a slow drip and headers that never end', async () => {
    const inner = await site((request, response) => {
      if (request.url === '/silent') return;
      const timer = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(timer));
    });
    const startedAt = performance.now();
    for (const path of ['/silent', '/drip']) expect(await reasonOf(outgoing().fetch(inner.url(path), { timeoutMs: 200 }))).toBe('timeout');
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  test('a resolver that never answers is a timeout', async () => {
    const out = outgoing({ resolve: () => new Promise(() => undefined) });
    expect(await reasonOf(out.fetch('https://slow.test/', { timeoutMs: 100 }))).toBe('timeout');
  });

  test('large headers are refused', async () => {
    const inner = await site((_request, response) => {
      response.setHeader('x-large', 'a'.repeat(17 * 1024));
      response.end();
    });
    expect(await reasonOf(outgoing().fetch(inner.url()))).toBe('connection');
  });

  test('nobody listens: an error without address', async () => {
    const inner = await site(ok);
    for (const close of closing.splice(0)) close();
    expect(await reasonOf(outgoing().fetch(inner.url()))).toBe('connection');
  });

  test('so many at once, and so many connections to one host', async () => {
    const inner = await site((_request, response) => {
      setTimeout(() => response.end('ok'), 40);
    });
    const out = outgoing();
    const reasons = await Promise.all(Array.from({ length: 140 }, () => reasonOf(out.fetch(inner.url()))));
    expect(reasons.filter((reason) => reason === 'busy')).toHaveLength(12);
    expect(reasons.filter((reason) => reason === 'answered')).toHaveLength(128);
    expect(inner.sockets()).toBeLessThanOrEqual(8);
    expect((await out.fetch(inner.url())).status).toBe(200);
  });
});

describe('the engine’s fetch', () => {
  test('takes the engine’s options, foreign dispatcher included, and gives a Response', async () => {
    let seen: unknown;
    const inner = await site((request, response) => {
      seen = [request.method, request.headers.accept, request.headers['user-agent']];
      response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'max-age=60' }).end('{"a":1}');
    });
    const options = {
      method: 'GET',
      headers: new Headers({ accept: 'application/json', 'user-agent': '' }),
      redirect: 'manual',
      signal: AbortSignal.timeout(2500),
      dispatcher: {},
    } as RequestInit;
    const answer = await outgoing().engineFetch(inner.url(), options);
    expect(answer).toBeInstanceOf(Response);
    expect([answer.status, answer.headers.get('cache-control'), await answer.json()]).toEqual([200, 'max-age=60', { a: 1 }]);
    expect(seen).toEqual(['GET', 'application/json', '']);
  });

  test('sends forms and text, refuses streams, answers 204 without a body, heeds the caller’s signal', async () => {
    const inner = await site((request, response) => {
      if (request.url === '/silent') return;
      request
        .on('data', () => undefined)
        .on('end', () => {
          response.writeHead(request.headers['content-type']?.startsWith('application/x-www-form') ? 204 : 400).end();
        });
    });
    const out = outgoing();
    const answer = await out.engineFetch(inner.url(), { method: 'POST', body: new URLSearchParams({ logout_token: 'x' }) });
    expect([answer.status, answer.body]).toEqual([204, null]);
    await expect(out.engineFetch(inner.url(), { method: 'POST', body: new ReadableStream() })).rejects.toThrow(
      'only text, bytes and forms',
    );
    expect(await reasonOf(out.engineFetch(inner.url('/silent'), { signal: AbortSignal.timeout(50) }))).toBe('timeout');
  });

  test('R19: the log has hosts and reasons; no path, query, header or body', () => {
    expect(lines.length).toBeGreaterThan(0);
    expect(JSON.stringify(lines)).not.toMatch(/secret|logout_token|\/silent|pw@/);
  });
});
