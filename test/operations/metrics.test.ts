import http from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const token = 'a-metrics-token-of-at-least-32-characters';
const bootstrapClient = { clientId: 'bootstrap', secret: 'a-bootstrap-secret-of-32-characters' };
let server: TestServer;
let closed: TestServer;

beforeAll(async () => {
  [server, closed] = await Promise.all([
    createTestServer({ metrics: { token, port: undefined }, bootstrapClient }),
    createTestServer({ metrics: { token: undefined, port: 0 } }),
  ]);
});
afterAll(() => Promise.all([server.close(), closed.close()]));

const read = (issuer: string, bearer?: string) =>
  fetch(`${issuer}/metrics`, bearer === undefined ? {} : { headers: { authorization: `Bearer ${bearer}` } });

describe('/metrics', () => {
  test('opens to its token only; for everybody else there is nothing', async () => {
    for (const wrong of [undefined, '', `${token}x`, token.toUpperCase()]) expect((await read(server.issuer, wrong)).status).toBe(404);
    expect((await read(closed.issuer, token)).status).toBe(404);
    const answer = await read(server.issuer, token);
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(answer.headers.get('content-type')).toContain('text/plain; version=0.0.4');
  });

  test('tells of the process, the pool, requests by what answered and tokens, and repeats no word of a caller', async () => {
    await fetch(`${server.issuer}/a-secret-path?code=a-secret-code`);
    const refused = await fetch(`${server.issuer}/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'a-secret-grant' }) });
    expect(refused.status).toBeGreaterThanOrEqual(400);
    const { clientId, secret } = bootstrapClient;
    const issued = await fetch(`${server.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', resource: `${server.issuer}/scim/v2`, scope: 'scim:read' }),
    });
    expect(issued.status).toBe(200);
    const text = await (await read(server.issuer, token)).text();
    for (const line of [
      /^process_resident_memory_bytes \d{7,}/m,
      /^nodejs_eventloop_lag_p99_seconds \d/m,
      /^behalf_database_connections [1-9]/m,
      /^behalf_database_waiting 0/m,
      /^behalf_http_requests_total\{route="\/token",status="4xx"\} 1/m,
      /^behalf_http_request_seconds_count\{route="\/token"\} 2/m,
      /^behalf_tokens_refused_total\{error="invalid_(request|client)"\} 1/m,
      /^behalf_tokens_issued_total\{grant_type="client_credentials"\} 1/m,
    ])
      expect(text).toMatch(line);
    expect(text).not.toContain('a-secret');
  });

  test('on a loopback port of its own it needs no token, and answers nothing under a foreign name', async () => {
    const listener = await closed.app.metrics?.listen(0);
    const ask = (path: string, host: string) =>
      new Promise<number>((resolve, reject) => {
        const request = http.get({ host: '127.0.0.1', port: listener?.port, path, headers: { host } }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        request.on('error', reject);
      });
    expect(await ask('/metrics', `localhost:${listener?.port}`)).toBe(200);
    expect(await ask('/metrics', 'rebound.example')).toBe(404);
    expect(await ask('/console', 'localhost')).toBe(404);
    await listener?.close();
  });

  test('is off unless asked for', async () => {
    const plain = await createTestServer();
    expect(plain.app.metrics).toBeUndefined();
    await plain.close();
  });
});
