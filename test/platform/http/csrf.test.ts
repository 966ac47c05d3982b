import { afterEach, describe, expect, test } from '@jest/globals';
import { randomIds } from '../../../src/platform/ids.ts';
import { readForm } from '../../../src/platform/http/body.ts';
import { createCsrf } from '../../../src/platform/http/csrf.ts';
import { at, closeEdges, form, startEdge } from './edge-client.ts';

afterEach(closeEdges);

/** A server with one form; the header x-session plays the browser session. */
async function setUp(issuer = new URL('https://issuer.test'), key = Buffer.alloc(32, 1)) {
  const csrf = createCsrf({ key, issuer, ids: randomIds, bindingOf: (ctx) => ctx.get('x-session') || undefined });
  const page = at('/form', async (ctx) => {
    if (ctx.method === 'POST') csrf.check(ctx, await readForm(ctx));
    ctx.body = ctx.method === 'POST' ? 'done' : `${csrf.token(ctx)} ${csrf.token(ctx)}`;
  });
  const edge = await startEdge([page], { issuer });
  const load = async (headers: object = {}) => {
    const reply = await edge.ask('/form', { headers: { ...headers } });
    const setCookie = reply.headers['set-cookie']?.[0] ?? '';
    const [token = '', second] = reply.body.split(' ');
    return { token, second, setCookie, cookie: setCookie.split(';')[0] ?? '' };
  };
  const send = async (token: string | undefined, headers: object) => {
    const body = token === undefined ? '' : `csrf=${token}`;
    return (await edge.ask('/form', { method: 'POST', headers: { ...form, ...headers }, body })).status;
  };
  return { load, send };
}

describe('R22 the guard of forms, before a session and in one', () => {
  test('a page’s token and its cookie pass; a second page of the same browser keeps the cookie', async () => {
    const { load, send } = await setUp();
    const { token, second, cookie, setCookie } = await load();
    expect(setCookie).toMatch(/^__Host-behalf_csrf=[\w-]{27}; path=\/; samesite=lax; secure; httponly$/i);
    expect(second).toBe(token);
    expect(await send(token, { cookie, origin: 'https://issuer.test', 'sec-fetch-site': 'same-origin' })).toBe(200);
    expect(await send(token, { cookie })).toBe(200);
    expect(await send(undefined, { cookie, 'x-csrf-token': token })).toBe(200);
    expect(await load({ cookie })).toMatchObject({ token, setCookie: '' });
  });

  test('without cookie, without token, with another browser’s token or a changed one: 403', async () => {
    const { load, send } = await setUp();
    const [mine, other] = [await load(), await load()];
    expect(await send(mine.token, {})).toBe(403);
    expect(await send(undefined, { cookie: mine.cookie })).toBe(403);
    expect(await send('', { cookie: mine.cookie })).toBe(403);
    expect(await send(other.token, { cookie: mine.cookie })).toBe(403);
    expect(await send(`${mine.token}A`, { cookie: mine.cookie })).toBe(403);
    expect(await send(mine.token, { cookie: '__Host-behalf_csrf=x' })).toBe(403);
  });

  test('a token is worth nothing after sign-in, in another session, or under another key', async () => {
    const { load, send } = await setUp();
    const before = await load();
    expect(await send(before.token, { cookie: before.cookie, 'x-session': 's1' })).toBe(403);
    const inside = await load({ cookie: before.cookie, 'x-session': 's1' });
    expect(await send(inside.token, { cookie: before.cookie, 'x-session': 's1' })).toBe(200);
    expect(await send(inside.token, { cookie: before.cookie, 'x-session': 's2' })).toBe(403);
    const elsewhere = await setUp(undefined, Buffer.alloc(32, 2));
    expect(await elsewhere.send(before.token, { cookie: before.cookie })).toBe(403);
  });

  test.each([
    [{ origin: 'https://evil.test' }, 403],
    [{ origin: 'http://issuer.test' }, 403],
    [{ origin: 'null' }, 403],
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ 'sec-fetch-site': 'same-site' }, 403],
    [{ origin: 'null', 'sec-fetch-site': 'cross-site' }, 403],
    [{ origin: 'null', 'sec-fetch-site': 'same-origin' }, 200],
    [{ 'sec-fetch-site': 'none' }, 200],
  ])('a request from %j is %i although its token is right', async (headers, status) => {
    const { load, send } = await setUp();
    const { token, cookie } = await load();
    expect(await send(token, { cookie, ...headers })).toBe(status);
  });

  test('on http the cookie has neither the prefix nor Secure', async () => {
    const { load, send } = await setUp(new URL('http://localhost:3000'));
    const { token, cookie, setCookie } = await load();
    expect(setCookie).toMatch(/^behalf_csrf=[\w-]+; path=\/; samesite=lax; httponly$/i);
    expect(await send(token, { cookie, origin: 'http://localhost:3000' })).toBe(200);
  });
});
