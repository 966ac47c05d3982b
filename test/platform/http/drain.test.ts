import http from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createEventStreams, type EventStream } from '../../../src/platform/http/event-stream.ts';
import { at, closeEdges, startEdge } from './edge-client.ts';

afterEach(closeEdges);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Listening {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: () => string;
  ended: Promise<void>;
  leave: () => void;
}

function listen(port: number, headers: http.OutgoingHttpHeaders = {}): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const request = http.get(
      { host: '127.0.0.1', port, path: '/events', headers: { host: 'issuer.test', ...headers }, agent: false },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString('utf8');
        });
        const ended = new Promise<void>((done) => {
          response.on('close', () => done());
        });
        response.on('error', () => undefined);
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: () => text, ended, leave: () => request.destroy() });
      },
    );
    request.on('error', reject);
  });
}

describe('event streams', () => {
  const setUp = async () => {
    const eventStreams = createEventStreams({ heartbeatSeconds: 0.05, maxPerSession: 2, maxTotal: 3 });
    const streams: EventStream[] = [];
    const events = at('/events', (ctx) => {
      streams.push(eventStreams.open(ctx, { sessionId: ctx.get('x-session') }));
    });
    const edge = await startEdge([events], { eventStreams });
    return { edge, eventStreams, streams, port: edge.server.address.port };
  };

  test('WHATWG HTML §9.2: id, event and every line of data; no field can be smuggled in; a heartbeat keeps it alive', async () => {
    const { streams, port } = await setUp();
    const reader = await listen(port, { 'x-session': 'a', 'last-event-id': '41' });
    expect(reader.headers).toMatchObject({ 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' });
    expect(streams[0]?.lastEventId).toBe('41');
    streams[0]?.send({ id: '42\nevent: x', event: 'approval\r\ndata: y', data: 'one\ntwo\r\nthree' });
    await pause(150);
    expect(reader.text()).toContain('id: 42event: x\nevent: approvaldata: y\ndata: one\ndata: two\ndata: three\n\n');
    expect(reader.text()).toContain(': still here\n\n');
    reader.leave();
  });

  test('a session has so many, the server so many; one that leaves makes room', async () => {
    const { eventStreams, streams, edge, port } = await setUp();
    const first = await listen(port, { 'x-session': 'a' });
    await listen(port, { 'x-session': 'a' });
    expect((await listen(port, { 'x-session': 'a' })).status).toBe(429);
    expect((await listen(port, { 'x-session': 'b' })).status).toBe(200);
    expect((await listen(port, { 'x-session': 'c' })).status).toBe(429);
    const ended = new Promise<void>((resolve) => {
      streams[0]?.onEnd(resolve);
    });
    first.leave();
    await ended;
    expect(eventStreams.count).toBe(2);
    expect(streams[0]?.send({ data: 'x' })).toBe(false);
    expect((await listen(port, { 'x-session': 'a' })).status).toBe(200);
    expect(edge.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('a reader that does not read is cut off', async () => {
    const { streams, port } = await setUp();
    const request = http.get(
      { host: '127.0.0.1', port, path: '/events', headers: { host: 'issuer.test', 'x-session': 'a' }, agent: false },
      (response) => response.pause(),
    );
    request.on('error', () => undefined);
    while (streams.length === 0) await pause(5);
    let sent = 0;
    for (; sent < 2000 && streams[0]?.send({ data: 'x'.repeat(16 * 1024) }); sent += 1) await new Promise(setImmediate);
    expect(sent).toBeLessThan(2000);
    request.destroy();
  });
});

describe('the drain', () => {
  test('ends event streams, finishes what is in flight, closes idle keep-alive, accepts nothing new', async () => {
    const eventStreams = createEventStreams({ heartbeatSeconds: 30, maxPerSession: 2, maxTotal: 3 });
    const events = at('/events', (ctx) => {
      eventStreams.open(ctx, { sessionId: 'a' });
    });
    const slow = at('/slow', async (ctx) => {
      await pause(300);
      ctx.body = 'done';
    });
    const edge = await startEdge([events, slow], { eventStreams });
    const { port } = edge.server.address;
    const agent = new http.Agent({ keepAlive: true });
    await new Promise<void>((resolve) => {
      http.get({ host: '127.0.0.1', port, path: '/healthz', agent }, (response) => {
        response.resume().on('end', resolve);
      });
    });
    const reader = await listen(port);
    // No `Connection: close`: this caller would stay.
    const inFlight = edge.raw('GET /slow HTTP/1.1\r\nHost: issuer.test\r\n\r\n');
    await pause(50);
    const startedAt = performance.now();
    const order: string[] = [];
    const drained = edge.server.drain({ graceMs: 5000 });
    await Promise.all([reader.ended.then(() => order.push('stream')), inFlight.then(() => order.push('request'))]);
    expect(order).toEqual(['stream', 'request']);
    await expect(edge.ask('/healthz')).rejects.toThrow('ECONNREFUSED');
    expect(await inFlight).toMatch(/200 OK[\s\S]*done$/);
    await Promise.all([drained, edge.server.drain({ graceMs: 1 })]);
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    agent.destroy();
  });

  test('what does not finish in time is cut off', async () => {
    const edge = await startEdge([at('/never', () => new Promise<void>(() => undefined))]);
    const hanging = edge.ask('/never');
    const outcome = expect(hanging).rejects.toThrow();
    await pause(50);
    const startedAt = performance.now();
    await edge.server.drain({ graceMs: 200 });
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    await outcome;
  });

  test('a server that drains is not ready', async () => {
    const edge = await startEdge([]);
    edge.app.health.markDraining();
    expect(await edge.ask('/readyz')).toMatchObject({ status: 503, body: '{"status":"draining"}' });
    expect((await edge.ask('/healthz')).status).toBe(200);
  });
});
