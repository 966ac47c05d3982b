import { afterEach, describe, expect, test } from '@jest/globals';
import type { Middleware } from 'koa';
import { z } from 'zod';
import { AppError } from '../../../src/platform/errors.ts';
import { parseWith, readForm, readJson } from '../../../src/platform/http/body.ts';
import { at, closeEdges, form, json, startEdge } from './edge-client.ts';

afterEach(closeEdges);
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

async function post(route: Middleware, headers: object, body: string) {
  const edge = await startEdge([at('/api/v1/x', route)]);
  const reply = await edge.ask('/api/v1/x', { method: 'POST', headers: { ...headers }, body });
  return { status: reply.status, body: JSON.parse(reply.body) };
}
const jsonRoute: Middleware = async (ctx) => {
  ctx.body = { read: await readJson(ctx, { types: ['application/scim+json'] }) };
};
const formRoute: Middleware = async (ctx) => {
  ctx.body = { read: await readForm(ctx, { repeatable: ['scope'] }) };
};

describe('forms', () => {
  test('repeatable parameters are lists, all others single; names are not interpreted', async () => {
    expect(await post(formRoute, form, 'email=a%40b&scope=x&a.b%5Bc%5D=1&__proto__=z')).toEqual({
      status: 200,
      body: { read: JSON.parse('{"scope":["x"],"email":"a@b","a.b[c]":"1","__proto__":"z"}') },
    });
    expect(await post(formRoute, form, 'scope=x&scope=y')).toMatchObject({ body: { read: { scope: ['x', 'y'] } } });
    expect(await post(formRoute, form, '')).toMatchObject({ status: 200, body: { read: { scope: [] } } });
  });

  test('RFC 6749 §3.2: a parameter sent twice is refused', async () => {
    expect(await post(formRoute, form, 'email=a&email=b')).toMatchObject({ status: 400, body: { code: 'invalid_input', member: 'email' } });
  });

  test.each([
    [json, '{}', 415],
    [{ 'content-type': 'multipart/form-data; boundary=x' }, 'x', 415],
    [{}, 'a=b', 415],
    [{ 'content-type': `${form['content-type']}; charset=x-none` }, 'a=b', 415],
    [form, Array.from({ length: 1001 }, (_, i) => `p${i}=1`).join('&'), 413],
  ])('%j %s is %i', async (headers, body, status) => {
    expect((await post(formRoute, headers, body)).status).toBe(status);
  });
});

describe('JSON', () => {
  test.each(['application/json', 'application/json; charset=utf-8', 'application/merge-patch+json', 'application/scim+json'])(
    '%s is read',
    async (type) => {
      expect(await post(jsonRoute, { 'content-type': type }, '{"a":[1]}')).toEqual({ status: 200, body: { read: { a: [1] } } });
    },
  );

  test.each([
    [form, '{}', 415],
    [{ 'content-type': 'text/plain' }, '{}', 415],
    [json, '', 400],
    [json, '  ', 400],
    [json, '{', 400],
    [json, '"x"', 400],
    [json, '1', 400],
    [json, '{"__proto__":{"isAdmin":true}}', 400],
    [json, nested(20), 200],
    [json, nested(21), 400],
    [json, nested(100_000), 400],
  ])('%j %.30s is %i', async (headers, body, status) => {
    const reply = await post(jsonRoute, headers, body);
    expect(reply.status).toBe(status);
    if (status === 400) expect(reply.body.code).toBe('invalid_input');
  });

  test('a refusal repeats nothing of the body', async () => {
    expect(JSON.stringify((await post(jsonRoute, json, '{"password": hunter2')).body)).not.toContain('hunter2');
  });
});

test.each([
  [form, formRoute, 'a'],
  [json, jsonRoute, '['],
  [form, formRoute, '%61'],
])('a body of %j without a declared length is counted while it comes', async (headers, route, text) => {
  const edge = await startEdge([at('/f', route)]);
  const chunk = `${(text.length * 8192).toString(16)}\r\n${text.repeat(8192)}\r\n`;
  const chunks = chunk.repeat(Math.ceil(72 / (text.length * 8)));
  const answer = await edge.raw(
    `POST /f HTTP/1.1\r\nHost: issuer.test\r\nContent-Type: ${headers['content-type']}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${chunks}0\r\n\r\n`,
  );
  expect(answer).toContain('HTTP/1.1 413');
});

describe('parseWith', () => {
  const schema = z.strictObject({ name: z.string().max(5), list: z.array(z.object({ 'a/b': z.number() })).optional() });
  const memberOf = (value: unknown): unknown => {
    try {
      return parseWith(schema, value);
    } catch (error) {
      return error instanceof AppError ? [error.code, error.details.member] : error;
    }
  };
  test('gives the schema’s output or names the member as a JSON Pointer (RFC 6901)', () => {
    expect(memberOf({ name: 'x' })).toEqual({ name: 'x' });
    expect(memberOf({ name: 1 })).toEqual(['invalid_input', '/name']);
    expect(memberOf({ name: 'x', list: [{ 'a/b': 1 }, { 'a/b': 'hunter2' }] })).toEqual(['invalid_input', '/list/1/a~1b']);
    expect(memberOf('x')).toEqual(['invalid_input', '']);
    expect(() => parseWith(schema, { name: 'x', hunter2: 1 })).toThrow('/hunter2: is not known here');
  });
});
