import { createServer, type Server } from 'node:http';
import { readdirSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import { extname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Eta } from 'eta';
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from '../support/browser.ts';
import { samples } from './samples.ts';
import { base, type Sample } from './shapes.ts';

const VIEWS = join(process.cwd(), 'views');
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
const FONT = createRequire(import.meta.url).resolve('@fontsource-variable/inter/files/inter-latin-wght-normal.woff2');
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const KILOBYTES = 1024;

const eta = new Eta({ views: VIEWS, cache: true });
const frame = { base, asset: (name: string) => `${base}/assets/${name}`, csrf: 'csrf-token' };

function title(sample: Sample): string {
  return sample.variant ? `${sample.template} (${sample.variant})` : sample.template;
}

function render(sample: Sample): string {
  return eta.render(`/${sample.template}`, { ...frame, ...sample.model });
}

function asset(name: string): Buffer {
  if (name === 'inter-latin.woff2') return readFileSync(FONT);
  const file = readFileSync(join(VIEWS, 'assets', name));
  return name.endsWith('.css') ? Buffer.from(file.toString().replaceAll('url("asset:', 'url("')) : file;
}

/** Serves sample `n` at `/<n>` and the assets, under the policy the real server sends. */
function serveGallery(): Server {
  return createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://gallery').pathname;
    if (path.endsWith('/events')) return response.writeHead(204).end();
    if (path.startsWith(`${base}/assets/`)) {
      const name = path.slice(`${base}/assets/`.length);
      return response.writeHead(200, { 'content-type': CONTENT_TYPES[extname(name)] ?? '' }).end(asset(name));
    }
    const sample = samples[Number(path.slice(1))];
    if (!sample) return response.writeHead(404).end();
    return response
      .writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': CONTENT_SECURITY_POLICY })
      .end(render(sample));
  });
}

function templates(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.eta') && !/^(layouts|partials)\//.test(name))
    .map((name) => relative('.', name).replace(/\.eta$/, ''));
}

describe('every page, as markup', () => {
  test('each page template has a sample', () => {
    expect([...new Set(samples.map((sample) => sample.template))].sort()).toEqual([...templates(VIEWS)].sort());
  });

  test.each(samples.map((sample) => [title(sample), sample] as const))('%s', (_title, sample) => {
    const html = render(sample);
    expect(html).not.toMatch(/\sstyle=|<style|<script(?![^>]*\ssrc=)|\son\w+=|undefined|\[object|NaN/);
    expect(html.match(/<h1[ >]/g)).toHaveLength(1);
    for (const form of html.match(/<form[^>]*method="post"[\s\S]*?<\/form>/g) ?? [])
      expect(form).toContain('name="csrf" value="csrf-token"');
    for (const form of html.match(/<form(?![^>]*method="post")[^>]*>/g) ?? []) expect(form).toContain('method="get"');
    for (const [, href] of html.matchAll(/\s(?:href|src|action)="(\/[^"]*)"/g)) expect(href).toMatch(/^\/tenant(\/|$)/);
    const used = [...html.matchAll(/\/assets\/([\w.-]+)"/g)].map(([, name]) => name as string);
    const weight = [...new Set(used)].filter((name) => existing(name)).reduce((sum, name) => sum + compressed(name), gzipSync(html).length);
    expect(weight).toBeLessThan(100 * KILOBYTES);
  });

  test('what foreign software says of itself stays text', () => {
    const hostile = '"><img src=x onerror=alert(1)>';
    const sample = samples.find((each) => each.template === 'approvals/approval') as Sample;
    expect(render({ ...sample, model: { ...sample.model, quote: hostile, heading: hostile, exact: hostile } })).not.toContain('<img');
  });
});

/** The passkey library is served by others and loaded only when somebody presses the button. */
function existing(name: string): boolean {
  return name !== 'webauthn.js';
}

function compressed(name: string): number {
  return name.endsWith('.woff2') ? asset(name).length : gzipSync(asset(name)).length;
}

interface AxeViolation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

describe.each([
  { device: 'phone', width: 360, height: 740 },
  { device: 'desktop', width: 1280, height: 860 },
])('every page, on a $device', ({ width, height }) => {
  let browser: Browser;
  let server: Server;
  let page: Page;
  let origin: string;
  const complaints: string[] = [];

  beforeAll(async () => {
    browser = await openBrowser();
    server = serveGallery();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    page = await browser.newPage({ viewport: { width, height }, hasTouch: width < 500 });
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
  });

  afterAll(async () => {
    await browser.close();
    await new Promise((resolve) => server.close(resolve));
  });

  test.each(samples.map((sample, index) => [title(sample), index] as const))('%s', async (_title, index) => {
    complaints.length = 0;
    await page.emulateMedia({ colorScheme: 'light' });
    await page.goto(`${origin}/${index}`);
    expect(complaints).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    await page.evaluate(AXE);
    expect(await violations(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await violations(page, 'color-contrast')).toEqual([]);
  });
});

async function violations(page: Page, rule?: string): Promise<readonly string[]> {
  const options = rule === undefined ? {} : { runOnly: [rule] };
  const found = (await page.evaluate(
    `axe.run(document, ${JSON.stringify(options)}).then((result) => result.violations)`,
  )) as readonly AxeViolation[];
  return found.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary}`));
}
