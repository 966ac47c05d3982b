import { afterEach, describe, expect, test } from '@jest/globals';
import Router from '@koa/router';
import { AppError } from '../../../src/platform/errors.ts';
import { isDatabaseUnavailable } from '../../../src/platform/db/availability.ts';
import { allowFormAction, hideReferrer, keepOpener } from '../../../src/platform/http/security-headers.ts';
import { at, closeEdges, form, startEdge } from './edge-client.ts';

afterEach(closeEdges);
const html = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const fails = (error: unknown) =>
  at('/api/v1/x', () => {
    throw error;
  });

describe('failures', () => {
  test('RFC 9457: a refusal becomes problem+json with its member, decision and request', async () => {
    const edge = await startEdge([fails(new AppError('forbidden', 'Not yours.', { member: '/owner', decisionId: 'dec_1' }))]);
    const reply = await edge.ask('/api/v1/x');
    expect(reply.status).toBe(403);
    expect(reply.headers['content-type']).toBe('application/problem+json');
    expect(reply.headers['cache-control']).toBe('no-store');
    const instance = `urn:behalf:request:${reply.headers['x-request-id']}`;
    expect(JSON.parse(reply.body)).toEqual({
      type: 'urn:behalf:problem:forbidden',
      title: 'Not allowed',
      status: 403,
      detail: 'Not yours.',
      instance,
      code: 'forbidden',
      member: '/owner',
      decision_id: 'dec_1',
    });
  });

  test('an unknown error is 500 with an id; what happened stands in the log only', async () => {
    const edge = await startEdge([fails(new Error('password=hunter2'))]);
    const reply = await edge.ask('/api/v1/x');
    expect(reply.status).toBe(500);
    expect(reply.body).toContain(String(reply.headers['x-request-id']));
    expect(reply.body).not.toMatch(/hunter2|Error|server\.ts/);
    const line = edge.lines.find(({ level }) => level === 'error');
    expect(line?.fields).toMatchObject({ requestId: reply.headers['x-request-id'], err: { message: 'password=hunter2' } });
  });

  test('a database out of reach is 503 with Retry-After', async () => {
    const edge = await startEdge([fails(new Error('query', { cause: Object.assign(new Error('x'), { code: '57P01' }) }))]);
    const reply = await edge.ask('/api/v1/x');
    expect([reply.status, reply.headers['retry-after']]).toEqual([503, '5']);
    expect(JSON.parse(reply.body).code).toBe('unavailable');
  });

  test.each([
    [{ code: '08006' }, true],
    [{ code: '57P03' }, true],
    [{ code: 'ECONNREFUSED' }, true],
    [{ code: 'ENOENT', syscall: 'connect' }, true],
    [{ message: 'Connection terminated unexpectedly' }, true],
    [{ meta: { driverAdapterError: { cause: { originalCode: '57P02' } } } }, true],
    [{ code: 'ENOENT', syscall: 'open' }, false],
    [{ code: '23505' }, false],
    [{ code: '57014' }, true],
    ['x', false],
    [undefined, false],
  ])('is the database away: %j → %s', (error, expected) => {
    expect(isDatabaseUnavailable(error)).toBe(expected);
  });

  test('429 tells when; stale headers of the route are gone', async () => {
    const route = at('/api/v1/x', (ctx) => {
      ctx.set({ etag: '"1"', 'cache-control': 'public, max-age=60', location: '/y' });
      throw new AppError('too_many_requests', 'Slower.', { retryAfterSeconds: 6.2 });
    });
    const { status, headers } = await (await startEdge([route])).ask('/api/v1/x');
    expect([status, headers['retry-after'], headers.etag, headers.location, headers['cache-control']]).toEqual([
      429,
      '7',
      undefined,
      undefined,
      'no-store',
    ]);
  });

  test('the format follows the path, then what the browser asks for', async () => {
    const scim = {
      prefix: '/scim',
      write: (ctx: { type: string; body: unknown }) => {
        ctx.type = 'application/scim+json';
        ctx.body = '{"scim":1}';
      },
    };
    const edge = await startEdge([], { errorFormats: [scim] });
    expect((await edge.ask('/scim/v2/Agents', { headers: html })).body).toBe('{"scim":1}');
    expect((await edge.ask('/scimx')).headers['content-type']).toContain('problem+json');
    const page = await edge.ask('/nothing', { headers: html });
    expect([page.status, page.headers['content-type'], page.body]).toEqual([
      404,
      'text/html; charset=utf-8',
      '<h1>Not found</h1>Nothing here.',
    ]);
    expect((await edge.ask('/nothing', { headers: { accept: 'application/json' } })).headers['content-type']).toContain('problem+json');
    expect((await edge.ask('/nothing', { headers: { accept: '*/*' } })).headers['content-type']).toContain('problem+json');
  });

  test('an error page that fails is plain text', async () => {
    const edge = await startEdge([], {
      renderError: () => {
        throw new Error('template');
      },
    });
    const reply = await edge.ask('/nothing', { headers: html });
    expect([reply.status, reply.headers['content-type']]).toEqual([404, 'text/plain; charset=utf-8']);
    expect(reply.body).toContain('Nothing here.');
  });
});

describe('headers', () => {
  test('every answer has them, refusals and 421 included; HSTS only with https', async () => {
    const edge = await startEdge([]);
    for (const reply of [await edge.ask('/x'), await edge.ask('/x', { headers: { host: 'evil' } })]) {
      expect(reply.headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'same-origin',
        'cross-origin-opener-policy': 'same-origin',
        'strict-transport-security': 'max-age=31536000',
      });
      expect(reply.headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
      expect(reply.headers['content-security-policy']).toContain("form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
    }
    const plain = await startEdge([], { issuer: new URL('http://localhost:1') });
    expect((await plain.ask('/x')).headers['strict-transport-security']).toBeUndefined();
  });

  test('a page may name where its form ends, hide its address and keep its opener', async () => {
    const target = ['https://client.test/cb?x=1', 'https://client.test', 'http://127.0.0.1:7777/cb', 'cursor://cb', 'http://[::1]:9/cb'];
    const edge = await startEdge([
      at('/p', (ctx) => {
        for (const url of target) allowFormAction(ctx, url);
        hideReferrer(ctx);
        keepOpener(ctx);
        ctx.body = 'ok';
      }),
    ]);
    const { headers } = await edge.ask('/p');
    expect(headers['content-security-policy']).toMatch(
      /form-action 'self' http: cursor: http:\/\/127\.0\.0\.1:7777 https:\/\/client\.test;/,
    );
    expect([headers['referrer-policy'], headers['cross-origin-opener-policy']]).toEqual(['no-referrer', undefined]);
  });

  test.each(['javascript:alert(1)', 'data:text/html,x', "https://a;script-src'unsafe-inline'.test/", 'https://*.test', 'nonsense'])(
    'form-action refuses %s',
    async (target) => {
      const edge = await startEdge([
        at('/p', (ctx) => {
          allowFormAction(ctx, target);
          ctx.body = 'ok';
        }),
      ]);
      const reply = await edge.ask('/p');
      expect(reply.status).toBe(500);
      expect(reply.headers['content-security-policy']).toContain("form-action 'self';");
    },
  );
});

describe('limits', () => {
  const sink = [
    at('/f', (ctx) => {
      ctx.body = 'ok';
    }),
    at('/api/v1/x', (ctx) => {
      ctx.body = 'ok';
    }),
  ];
  test('64 KB elsewhere, 1 MB below /api, 8 KB of address, no compressed bodies', async () => {
    const edge = await startEdge(sink);
    const post = (path: string, size: number, more = {}) =>
      edge.ask(path, { method: 'POST', headers: { ...form, ...more, 'content-length': size }, body: 'a'.repeat(size) }).then(
        ({ status }) => status,
        () => 413,
      );
    expect(await post('/f', 64 * 1024)).toBe(200);
    expect(await post('/f', 64 * 1024 + 1)).toBe(413);
    expect(await post('/api/v1/x', 1024 * 1024)).toBe(200);
    expect(await post('/api/v1/x', 1024 * 1024 + 1)).toBe(413);
    expect(await post('/f', 5, { 'content-encoding': 'gzip' })).toBe(415);
    expect((await edge.ask(`/f?${'a'.repeat(8189)}`)).status).toBe(200);
    expect((await edge.ask(`/f?${'a'.repeat(8190)}`)).status).toBe(414);
  });

  test('a declared body that is too large is not read: the connection ends', async () => {
    const edge = await startEdge(sink);
    const answer = await edge.raw('POST /f HTTP/1.1\r\nHost: issuer.test\r\nContent-Length: 99999999\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 413 [\s\S]*connection: close/i);
  });
});

describe('R19 the access log', () => {
  test('has method, route, status and time; no path of a link, no query, no body', async () => {
    const router = new Router();
    router.post('/invitation/:secret', (ctx) => {
      ctx.status = 204;
    });
    const edge = await startEdge([router.routes()]);
    const reply = await edge.ask('/invitation/s3cret?code=c0de', { method: 'POST', headers: form, body: 'password=hunter2' });
    await edge.ask('/unknown-s3cret');
    await edge.ask('/engine');
    const requests = edge.lines.filter(({ message }) => message === 'request').map(({ fields }) => fields);
    expect(requests[0]).toEqual({
      requestId: reply.headers['x-request-id'],
      method: 'POST',
      route: '/invitation/:secret',
      status: 204,
      ms: expect.any(Number),
    });
    expect(requests[1]).toMatchObject({ route: '(none)', status: 404 });
    expect(JSON.stringify(edge.lines)).not.toMatch(/s3cret|c0de|hunter2/);
  });
});

describe('health', () => {
  test('answers under any Host; readiness names what failed, not why', async () => {
    const readiness = { database: () => Promise.reject(new Error('no route to 10.0.0.7')), keys: () => Promise.resolve() };
    const edge = await startEdge([], { readiness });
    expect(await edge.ask('/healthz', { headers: { host: '10.0.0.1:3000' } })).toMatchObject({ status: 200, body: '{"status":"ok"}' });
    const ready = await edge.ask('/readyz', { headers: { host: '10.0.0.1:3000' } });
    expect([ready.status, ready.body]).toEqual([503, '{"status":"unavailable","checks":{"database":"failed","keys":"ok"}}']);
    const below = await startEdge([], { issuer: new URL('https://issuer.test/a'), readiness: {} });
    expect((await below.ask('/a/readyz')).status).toBe(200);
  });

  test('callers at the same time share one run of the checks', async () => {
    let runs = 0;
    const edge = await startEdge([], {
      readiness: {
        database: async () => {
          runs += 1;
          await new Promise((resolve) => setTimeout(resolve, 100));
        },
      },
    });
    await Promise.all(Array.from({ length: 10 }, () => edge.ask('/readyz')));
    expect(runs).toBe(1);
  });
});
