import { createServer, type RequestListener } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { authenticate, createResourceServer, protect, type ResourceServer, requireScope } from '../../src/sdk/resource-server.ts';
import { type LocalIssuer, resource, startLocalIssuer } from './local-issuer.ts';

let issuer: LocalIssuer;
let server: ResourceServer;
const closers: (() => void)[] = [];
beforeAll(async () => {
  issuer = await startLocalIssuer();
  server = createResourceServer({ issuer: issuer.issuer, resource });
});
afterEach(() => {
  for (const close of closers.splice(0)) close();
});
afterAll(() => issuer.close());

async function listen(listener: RequestListener): Promise<{ port: number; url: string }> {
  const http = createServer(listener);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    http.closeAllConnections();
    http.close();
  });
  const { port } = http.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}` };
}

test('protect serves the metadata to anybody, on its path alone', async () => {
  const { url } = await listen(protect(server, (_, response) => void response.end('in')));
  const answer = await fetch(`${url}/.well-known/oauth-protected-resource/billing`);
  expect(answer.headers.get('access-control-allow-origin')).toBe('*');
  expect(await answer.json()).toEqual(server.protectedResourceMetadata());
  const preflight = await fetch(`${url}/.well-known/oauth-protected-resource/billing`, { method: 'OPTIONS' });
  expect([preflight.status, preflight.headers.get('access-control-allow-headers')]).toEqual([204, '*']);
  expect((await fetch(`${url}/.well-known/oauth-protected-resource/billing`, { method: 'POST' })).status).toBe(405);
  expect((await fetch(`${url}/.well-known/oauth-protected-resource`)).status).toBe(401);
});

test('RFC 3986 §6.2.3: a slash after a bare host says nothing, one after a path does', () => {
  const resourceOf = (given: string) =>
    createResourceServer({ issuer: issuer.issuer, resource: given }).protectedResourceMetadata()['resource'];
  expect(['https://mcp.test/', 'https://mcp.test', 'https://mcp.test/mcp/', 'https://mcp.test/?a=/'].map(resourceOf)).toEqual([
    'https://mcp.test',
    'https://mcp.test',
    'https://mcp.test/mcp/',
    'https://mcp.test/?a=/',
  ]);
});

test('protect lets a verified request in and answers what the handler refuses', async () => {
  const { url } = await listen(
    protect(server, (request, response, authorization) => {
      if (request.url === '/fail') throw new Error('secret cause');
      requireScope(authorization, request.url === '/pay' ? 'invoices:pay' : 'invoices:read');
      response.end(authorization.subject);
    }),
  );
  const headers = { authorization: `Bearer ${await issuer.token()}` };
  expect(await (await fetch(`${url}/billing`, { headers })).text()).toBe('usr_1');
  const refused = await fetch(`${url}/pay`, { headers });
  expect(refused.status).toBe(403);
  expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer .*scope="invoices:pay", error="insufficient_scope"/);
  const failed = await fetch(`${url}/fail`, { headers });
  expect(failed.status).toBe(500);
  expect(await failed.text()).not.toMatch(/secret/);
  expect((await fetch(`${url}/billing`)).status).toBe(401);
});

test('two Authorization headers on the wire are refused, though node hides the second', async () => {
  const { port } = await listen(protect(server, (_, response) => void response.end('in')));
  const header = `Authorization: Bearer ${await issuer.token()}\r\n`;
  const answer = await new Promise<string>((resolve) => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(`GET /billing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${header}${header}\r\n`),
    );
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('close', () => resolve(text));
  });
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(answer).toMatch(/WWW-Authenticate: Bearer .*error="invalid_request"/i);
});

test('authenticate is a middleware: it adds the authorization and calls on, or answers', async () => {
  const middleware = authenticate(server);
  const { url } = await listen((request, response) => {
    void middleware(request, response, () => response.end((request as { authorization?: { client: string } }).authorization?.client));
  });
  expect(await (await fetch(`${url}/billing`, { headers: { authorization: `Bearer ${await issuer.token()}` } })).text()).toBe('cli_1');
  expect((await fetch(`${url}/billing`)).status).toBe(401);
  expect((await fetch(`${url}${server.metadataPath}`)).status).toBe(200);
});

test('a handler that fails after it began to answer is cut off', async () => {
  const { url } = await listen(
    protect(server, (_, response) => {
      response.writeHead(200, { 'content-length': '10' }).write('half');
      throw new Error('late');
    }),
  );
  const headers = { authorization: `Bearer ${await issuer.token()}` };
  await expect(fetch(`${url}/billing`, { headers }).then((answer) => answer.text())).rejects.toThrow();
});
