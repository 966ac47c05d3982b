import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import express from 'express';
import { z } from 'zod';
import {
  authorizationOf,
  createMemoryCallCounter,
  createResourceServer,
  type FetchListener,
  protectMcp,
  protectMcpFetch,
  type ResourceServerOptions,
  type ToolRules,
} from '../../src/sdk/resource-server.ts';
import { type ProtectedMcpServer, startProtectedMcpServer } from '../support/mcp-server.ts';
import { type LocalIssuer, now, resource, startLocalIssuer } from './local-issuer.ts';

let issuer: LocalIssuer;
let node: ProtectedMcpServer | undefined;
const listening: Server[] = [];
const scopesForTool = { read_invoices: ['invoices:read'], pay_invoice: ['invoices:pay'] };
const scope = 'invoices:read invoices:pay';
beforeAll(async () => {
  issuer = await startLocalIssuer();
});
afterEach(async () => {
  await node?.close();
  node = undefined;
  for (const http of listening.splice(0)) {
    http.closeAllConnections();
    http.close();
  }
});
afterAll(() => issuer.close());

/** The invoices server on MCP's SDK v2, behind the adapter for fetch handlers; `paid` tells what got through. */
function version2(rules: ToolRules = {}, options: Partial<ResourceServerOptions> = {}) {
  const paid: number[] = [];
  const handler = createMcpHandler(() => {
    const mcp = new McpServer({ name: 'invoices', version: '1.0.0' });
    mcp.registerTool('read_invoices', { description: 'Lists open invoices' }, ({ http }) => ({
      content: [{ type: 'text', text: `invoices of ${authorizationOf(http?.authInfo).subject}` }],
    }));
    mcp.registerTool('pay_invoice', { description: 'Pays', inputSchema: z.object({ amount: z.number() }) }, ({ amount }) => {
      paid.push(amount);
      return { content: [{ type: 'text', text: `paid ${amount}` }] };
    });
    return mcp;
  });
  const server = createResourceServer({ issuer: issuer.issuer, resource, ...options });
  return { paid, listener: protectMcpFetch(server, { scopesForTool, ...rules }, handler.fetch) };
}

const message = (name: unknown, given: unknown, id = 1) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: given },
});
const pay = (amount: number, id = 1) => message('pay_invoice', { invoice: 'INV-1', amount }, id);

function requestOf(body: unknown, token: string): [string, RequestInit] {
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', authorization: `Bearer ${token}` };
  return [resource, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) }];
}

async function post(listener: FetchListener, body: unknown, token: string) {
  const answer = await listener(new Request(...requestOf(body, token)));
  const text = await answer.text();
  const { error } = answer.status === 200 ? { error: undefined } : (JSON.parse(text) as { error: string });
  return { status: answer.status, error, text, challenge: answer.headers.get('www-authenticate') ?? '' };
}

const limited = { type: 'mcp_tool_call', tools: ['pay_invoice'], arguments: { amount: { max: 1240 } } };
const tokenWith = (...details: unknown[]) => issuer.token({ scope, authorization_details: details });
const outside = { status: 403, error: 'insufficient_authorization' };

describe('the official MCP client v2 and server v2', () => {
  test('a call that a detail allows gets its result, one outside is refused before the tool runs', async () => {
    const { paid, listener } = version2();
    const token = await tokenWith(limited);
    const client = new Client({ name: 'test', version: '1.0.0' });
    const send = (url: string | URL, init?: RequestInit) => listener(new Request(url, init));
    const requestInit = { headers: { authorization: `Bearer ${token}` } };
    await client.connect(new StreamableHTTPClientTransport(new URL(resource), { requestInit, fetch: send }));
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['read_invoices', 'pay_invoice']);
    const result = await client.callTool({ name: 'pay_invoice', arguments: { amount: 1240 } });
    expect(result.content).toEqual([{ type: 'text', text: 'paid 1240' }]);
    await expect(client.callTool({ name: 'pay_invoice', arguments: { amount: 1241 } })).rejects.toThrow();
    expect(paid).toEqual([1240]);
    await client.close();
  });
});

describe('scopes per tool over fetch', () => {
  test('a missing one is 403 with all that the call needs; the token’s subject reaches the tool', async () => {
    const { listener } = version2();
    const reader = await issuer.token();
    expect((await post(listener, message('read_invoices', {}), reader)).text).toContain('invoices of usr_1');
    const refused = await post(listener, pay(5), reader);
    expect(refused).toMatchObject({ status: 403, error: 'insufficient_scope' });
    expect(refused.challenge).toContain('scope="invoices:pay"');
    expect(await post(listener, message('unlisted', {}), reader)).toMatchObject(outside);
  });

  test('no JSON, none at all and too much of it are 400', async () => {
    const { listener } = version2();
    const token = await issuer.token();
    for (const body of ['{', '', `"${'x'.repeat(5 * 1024 * 1024)}"`]) {
      expect(await post(listener, body, token)).toMatchObject({ status: 400, error: 'invalid_request' });
    }
  });

  test('more than 100 calls in a batch are 400', async () => {
    const batch = (count: number) => Array.from({ length: count }, (_, id) => message('read_invoices', {}, id));
    const token = await issuer.token();
    expect(await post(version2().listener, batch(101), token)).toMatchObject({ status: 400, error: 'invalid_request' });
    expect((await post(version2().listener, batch(100), token)).status).toBe(200);
  });
});

describe('authorization details of type mcp_tool_call', () => {
  test('bind every call of a token that carries any, unless the tool never needs one', async () => {
    const token = await tokenWith(limited);
    expect((await post(version2().listener, pay(1240), token)).status).toBe(200);
    expect(await post(version2().listener, pay(1240.01), token)).toMatchObject(outside);
    expect(await post(version2().listener, message('read_invoices', {}), token)).toMatchObject(outside);
    const relaxed = version2({ detailForTool: { read_invoices: 'never' } });
    expect((await post(relaxed.listener, message('read_invoices', {}), token)).status).toBe(200);
    expect(await post(relaxed.listener, pay(1241), token)).toMatchObject(outside);
  });

  test('are not asked for from a token without any, unless the tool requires one', async () => {
    const token = await issuer.token({ scope, authorization_details: [{ type: 'other' }] });
    expect((await post(version2().listener, pay(9_999), token)).status).toBe(200);
    const strict = version2({ detailForTool: { pay_invoice: 'required' } });
    expect(await post(strict.listener, pay(1), token)).toMatchObject(outside);
    expect((await post(strict.listener, message('read_invoices', {}), token)).status).toBe(200);
  });

  test('never stand in for a scope', async () => {
    const token = await issuer.token({ authorization_details: [limited] });
    expect(await post(version2().listener, pay(5), token)).toMatchObject({ status: 403, error: 'insufficient_scope' });
  });

  test('one of several is enough; a batch needs each of its calls allowed', async () => {
    const { paid, listener } = version2();
    const token = await tokenWith(limited, { ...limited, arguments: { invoice: { equals: 'INV-1' }, amount: { max: 5_000 } } });
    expect((await post(listener, pay(5_000), token)).status).toBe(200);
    expect(await post(listener, [pay(1), pay(5_001, 2)], token)).toMatchObject(outside);
    expect(paid).toEqual([5_000]);
  });

  test('arguments that are no object satisfy no limit', async () => {
    const token = await tokenWith(limited);
    for (const given of [undefined, null, [1], 'amount']) {
      expect(await post(version2().listener, message('pay_invoice', given), token)).toMatchObject(outside);
    }
  });

  test('hold on node:http and MCP’s SDK v1 alike', async () => {
    node = await startProtectedMcpServer({
      issuer: issuer.issuer,
      scopesSupported: [],
      rules: { detailForTool: { pay_invoice: 'required' } },
    });
    const token = await issuer.token({ aud: node.resource, scope, authorization_details: [limited] });
    const statuses = [];
    for (const amount of [1240, 1241]) {
      const [, init] = requestOf(pay(amount), token);
      statuses.push((await fetch(node.url, init)).status);
    }
    expect(statuses).toEqual([200, 403]);
    expect(node.calls).toHaveLength(1);
  });
});

test('a body that a parser left as text or bytes is read all the same', async () => {
  const through: unknown[] = [];
  const server = createResourceServer({ issuer: issuer.issuer, resource });
  const listener = protectMcp(server, { scopesForTool }, ({ body }, response) => {
    through.push(body);
    response.end();
  });
  for (const parser of [express.text({ type: '*/*' }), express.raw({ type: '*/*' }), express.json()]) {
    const http = createServer(express().use(parser).use(listener));
    listening.push(http);
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    const [, refused] = requestOf(pay(5), await issuer.token());
    const [, served] = requestOf(pay(5), await issuer.token({ scope }));
    expect([(await fetch(address, refused)).status, (await fetch(address, served)).status]).toEqual([403, 200]);
  }
  expect(through).toEqual([pay(5), pay(5), pay(5)]);
});

describe('max_calls', () => {
  test('of ten calls at once over two servers that share a counter, as many get through as are allowed', async () => {
    const callCounter = createMemoryCallCounter();
    const servers = [1, 2].map(() => version2({}, { callCounter }));
    const token = await tokenWith({ ...limited, max_calls: 3 });
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, id) => post(servers[id % 2]?.listener as FetchListener, pay(id), token)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
    expect(answers.find(({ status }) => status !== 200)).toMatchObject(outside);
    expect(servers.flatMap(({ paid }) => paid)).toHaveLength(3);
  });

  test('is counted for each token and each detail; the next detail that allows the call takes over', async () => {
    const { paid, listener } = version2();
    const once = { ...limited, max_calls: 1 };
    const two = await tokenWith(once, { ...once, arguments: { amount: { max: 10 } } });
    const statuses = [];
    for (const amount of [5, 6, 7]) statuses.push((await post(listener, pay(amount), two)).status);
    expect(statuses).toEqual([200, 200, 403]);
    const other = await issuer.token({ jti: 'tok_2', scope, authorization_details: [once] });
    expect((await post(listener, pay(8), other)).status).toBe(200);
    expect(paid).toEqual([5, 6, 8]);
  });

  test.each([0, -1, '3', null, 1.5])('of %p lets at most what it says through', async (most) => {
    const { paid, listener } = version2();
    const token = await tokenWith({ ...limited, max_calls: most });
    for (let call = 0; call < 3; call += 1) await post(listener, pay(1), token);
    expect(paid).toHaveLength(most === 1.5 ? 1 : 0);
  });

  test('a counter that fails, or gives no count, refuses with 503', async () => {
    const token = await tokenWith({ ...limited, max_calls: 1 });
    for (const add of [() => Promise.reject(new Error('away')), () => 'OK' as unknown as number, () => 0]) {
      expect((await post(version2({}, { callCounter: { add } }).listener, pay(1), token)).status).toBe(503);
    }
  });

  test('the memory forgets what has expired and keeps within its bound', async () => {
    const clock = { at: new Date(), now: () => clock.at };
    const counter = createMemoryCallCounter({ capacity: 2, clock });
    const soon = new Date(clock.at.getTime() + 1_000);
    expect([await counter.add('a', soon), await counter.add('a', soon), await counter.add('b', soon)]).toEqual([1, 2, 1]);
    expect(() => counter.add('c', soon)).toThrow('too many');
    clock.at = soon;
    expect([await counter.add('a', new Date(soon.getTime() + 1)), await counter.add('c', soon)]).toEqual([1, 1]);
  });
});

describe('approvals and sign-ins', () => {
  test('R27 an approval of one use pays once over fetch too', async () => {
    const { paid, listener } = version2();
    const approval = { id: 'apr_9', approved_until: now() + 60, max_uses: 1 };
    const token = await issuer.token({ scope, approval, authorization_details: [limited] });
    const answers = await Promise.all([1, 2, 3].map((amount) => post(listener, pay(amount), token)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401]);
    expect(paid).toHaveLength(1);
  });

  test('RFC 9470 a tool may need a stronger sign-in: 401 says which', async () => {
    const { listener } = version2({ assuranceForTool: { pay_invoice: { acrValues: ['phr'], maxAgeSeconds: 300 } } });
    const weak = await issuer.token({ scope, acr: 'pwd', auth_time: now() });
    const refused = await post(listener, pay(1), weak);
    expect(refused).toMatchObject({ status: 401, error: 'insufficient_user_authentication' });
    expect(refused.challenge).toContain('acr_values="phr", max_age="300"');
    expect((await post(listener, message('read_invoices', {}), weak)).status).toBe(200);
    expect((await post(listener, pay(1), await issuer.token({ scope, acr: 'phr', auth_time: now() }))).status).toBe(200);
  });
});
