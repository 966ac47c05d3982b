import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type Assets, createAssets } from '../../../src/platform/http/assets.ts';
import { createRenderer } from '../../../src/platform/http/render.ts';
import { at, closeEdges, startEdge } from './edge-client.ts';

let folder: string;
let assets: Assets;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pages-'));
  await mkdir(join(folder, 'assets', 'img'), { recursive: true });
  await mkdir(join(folder, 'layouts'));
  await writeFile(join(folder, 'secret.txt'), 'secret');
  await writeFile(
    join(folder, 'assets', 'a.css'),
    `@font-face { src: url(asset:inter-latin.woff2) } b { background: url("asset:img/x.svg") } ${'i{}'.repeat(500)}`,
  );
  await writeFile(join(folder, 'assets', 'img', 'x.svg'), '<svg/>');
  await writeFile(
    join(folder, 'layouts', 'page.eta'),
    '<link href="<%= it.asset("a.css") %>"><a href="<%= it.base %>/me"><%= it.title %></a><main><%~ it.body %></main>',
  );
  await writeFile(join(folder, 'hello.eta'), '<% layout("/layouts/page", { title: "<t>" }) %><p><%= it.name %></p>');
  assets = await createAssets({ folder: join(folder, 'assets'), basePath: '/a' });
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(closeEdges);

const issuer = new URL('https://issuer.test/a');
const serve = () => startEdge([assets.middleware], { issuer });

describe('assets', () => {
  test('each is served below the hash of its content, for ever, compressed once', async () => {
    const edge = await serve();
    const url = assets.url('webauthn.js');
    expect(url).toMatch(/^\/a\/assets\/[\w-]{16}\/webauthn\.js$/);
    const plain = await edge.ask(url);
    expect(plain.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
      vary: 'accept-encoding',
    });
    for (const [accept, name] of [
      ['gzip, br', 'br'],
      ['gzip', 'gzip'],
    ] as const) {
      const packed = await edge.ask(url, { headers: { 'accept-encoding': accept } });
      expect(packed.headers['content-encoding']).toBe(name);
      expect(Number(packed.headers['content-length'])).toBeLessThan(Number(plain.headers['content-length']) / 2);
      expect(packed.headers.etag).not.toBe(plain.headers.etag);
    }
    expect((await edge.ask(url, { headers: { 'if-none-match': plain.headers.etag } })).status).toBe(304);
  });

  test('the pages’ packages are there', async () => {
    const edge = await serve();
    for (const name of ['webauthn.js', 'inter-latin.woff2', 'inter-latin-ext.woff2'])
      expect((await edge.ask(assets.url(name))).status).toBe(200);
    expect((await edge.ask(assets.url('inter-latin.woff2'), { headers: { 'accept-encoding': 'br' } })).headers).toMatchObject({
      'content-type': 'font/woff2',
    });
  });

  test('a style sheet’s asset: references lead to the hashed files', async () => {
    const edge = await serve();
    const sheet = (await edge.ask(assets.url('a.css'))).body;
    const found = [...sheet.matchAll(/url\("([^"]+)"\)/g)].map(
      ([, path]) => new URL(path ?? '', `https://issuer.test${assets.url('a.css')}`).pathname,
    );
    expect(found).toEqual([assets.url('inter-latin.woff2'), assets.url('img/x.svg')]);
  });

  test('another hash gets the file for this once; another name, method or way up gets nothing', async () => {
    const edge = await serve();
    expect((await edge.ask('/a/assets/AAAAAAAAAAAAAAAA/a.css')).headers['cache-control']).toBe('no-cache');
    const prefix = assets.url('a.css').slice(0, -'a.css'.length);
    for (const path of ['../secret.txt', '..%2fsecret.txt', '%2e%2e/secret.txt', '/etc/passwd', '__proto__', '', 'a.css/'])
      expect((await edge.ask(`${prefix}${path}`)).status).toBe(404);
    expect((await edge.ask(`${prefix}a.css`, { method: 'DELETE' })).status).toBe(404);
    expect((await edge.ask(`${prefix}a.css`, { method: 'HEAD' })).status).toBe(200);
  });

  test('a name that does not exist is a bug, in a template and in a style sheet', async () => {
    expect(() => assets.url('nothing.css')).toThrow('There is no asset nothing.css.');
    const bad = await mkdtemp(join(tmpdir(), 'pages-'));
    await writeFile(join(bad, 'b.css'), 'i{background:url(asset:gone.png)}');
    await expect(createAssets({ folder: bad, basePath: '' })).rejects.toThrow('b.css uses the asset gone.png');
    await rm(bad, { recursive: true });
  });
});

describe('pages', () => {
  test('values are escaped, the layout finds assets and base, nothing is stored', async () => {
    const render = createRenderer({ viewsDir: folder, assets, basePath: '/a', isCached: true });
    const edge = await startEdge(
      [at('/p', (ctx) => render(ctx, 'hello', { name: '<script>"\'&' }, { status: 409 })), at('/q', (ctx) => render(ctx, 'missing', {}))],
      { issuer },
    );
    const page = await edge.ask('/a/p');
    expect(page.body).toBe(
      `<link href="${assets.url('a.css')}"><a href="/a/me">&lt;t&gt;</a><main><p>&lt;script&gt;&quot;&#39;&amp;</p></main>`,
    );
    expect([page.status, page.headers['content-type'], page.headers['cache-control']]).toEqual([
      409,
      'text/html; charset=utf-8',
      'no-store',
    ]);
    expect((await edge.ask('/a/q')).status).toBe(500);
  });

  test('templates are read once when cached, each time when not', async () => {
    const file = join(folder, 'changing.eta');
    for (const isCached of [true, false]) {
      await writeFile(file, 'one');
      const render = createRenderer({ viewsDir: folder, assets, basePath: '', isCached });
      const edge = await startEdge([at('/p', (ctx) => render(ctx, 'changing', {}))]);
      await edge.ask('/p');
      await writeFile(file, 'two');
      expect((await edge.ask('/p')).body).toBe(isCached ? 'one' : 'two');
    }
  });
});
