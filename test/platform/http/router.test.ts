import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import Koa from 'koa';
import { routesOf } from '../../../src/platform/http/router.ts';
import type { Routes, Web } from '../../../src/platform/http/web.ts';

const web = {} as Web;
const parts: Routes[] = [
  (router) =>
    router.get(['/console/agents/:id', '/'], (ctx) => {
      ctx.body = 'ours';
    }),
  (router) => router.post('/introspect', (_ctx, next) => next()),
];
let server: Server;

beforeAll(async () => {
  const koa = new Koa();
  koa.use(routesOf(parts, web));
  koa.use((ctx) => {
    ctx.body = 'passed on';
  });
  server = createServer(koa.callback());
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
});
afterAll(() => {
  server.close();
});

async function answerTo(path: string): Promise<string> {
  const { port } = server.address() as AddressInfo;
  return (await fetch(`http://localhost:${port}${path}`)).text();
}

test.each(['/', '/console/agents/agt_1', '/Console/Agents/agt_1', '/console/agents/agt_1/'])('answers %s', async (path) => {
  expect(await answerTo(path)).toBe('ours');
});

test.each(['/token', '/console', '/consoles/agents/x', '//console/agents/x', '/introspect'])('passes %s on', async (path) => {
  expect(await answerTo(path)).toBe('passed on');
});

test('a route whose place could be any stops the start', () => {
  expect(() => routesOf([(router) => router.get('/:anything', () => undefined)], web)).toThrow('begins with a parameter');
});
