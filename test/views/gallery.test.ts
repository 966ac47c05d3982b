import { readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from '../support/browser.ts';
import { asset, type Gallery, openGallery, render, titleOf, VIEWS } from './gallery.ts';
import { samples } from './samples.ts';
import { base, type Sample } from './shapes.ts';

const KILOBYTES = 1024;

function templates(): readonly string[] {
  return readdirSync(VIEWS, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.eta') && !/^(layouts|partials)\//.test(name))
    .map((name) => name.replace(/\.eta$/, ''));
}

/** Bytes of the first visit; the passkey library comes only when somebody presses its button. */
function weight(html: string): number {
  const names = [...html.matchAll(/\/assets\/([\w.-]+)"/g)].map(([, name]) => name ?? '').filter((name) => name !== 'webauthn.js');
  const files = [...new Set(names)].map((name) => (name.endsWith('.woff2') ? asset(name) : gzipSync(asset(name))));
  return files.reduce((sum, file) => sum + file.length, gzipSync(html).length);
}

describe('every page, as markup', () => {
  test('each page template has a sample', () => {
    expect([...new Set(samples.map((sample) => sample.template))].sort()).toEqual([...templates()].sort());
  });

  test.each(samples.map((sample) => [titleOf(sample), sample] as const))('%s', (_title, sample) => {
    const html = render(sample);
    expect(html).not.toMatch(/\sstyle=|<style|<script(?![^>]*\ssrc=)|\son\w+=|undefined|\[object|NaN/);
    expect(html.match(/<h1[ >]/g)).toHaveLength(1);
    for (const form of html.match(/<form[^>]*method="post"[\s\S]*?<\/form>/g) ?? [])
      expect(form).toContain('name="csrf" value="csrf-token"');
    for (const form of html.match(/<form(?![^>]*method="post")[^>]*>/g) ?? []) expect(form).toContain('method="get"');
    for (const [, href] of html.matchAll(/\s(?:href|src|action)="(\/[^"]*)"/g)) expect(href).toMatch(/^\/tenant(\/|$)/);
    expect(weight(html)).toBeLessThan(100 * KILOBYTES);
  });

  test('what foreign software says of itself stays text', () => {
    const hostile = '"><img src=x onerror=alert(1)>';
    const sample = samples.find((each) => each.template === 'approvals/approval') as Sample;
    expect(render({ ...sample, model: { ...sample.model, quote: hostile, heading: hostile, exact: hostile } })).not.toContain('<img');
  });

  test('sign-in, consent and approval keep the field names that scripts rely on', () => {
    const page = (template: string): string => render(samples.find((each) => each.template === template) as Sample);
    for (const field of ['name="email"', 'name="password"']) expect(page('sign-in/login')).toContain(field);
    for (const field of [
      'name="scope" value="invoices:read"',
      'name="detail" value="0"',
      'name="decision" value="allow"',
      'name="decision" value="deny"',
    ]) {
      expect(page('sign-in/consent')).toContain(field);
    }
    for (const field of ['name="decision" value="approve"', 'name="decision" value="deny"'])
      expect(page('approvals/approval')).toContain(field);
  });
});

interface AxeViolation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

async function violations(page: Page, rules: readonly string[] = []): Promise<readonly string[]> {
  const options = { resultTypes: ['violations'], preload: false, ...(rules.length ? { runOnly: rules } : {}) };
  const run = `axe.run(document, ${JSON.stringify(options)}).then((result) => result.violations)`;
  const found = (await page.evaluate(run)) as readonly AxeViolation[];
  return found.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary}`));
}

describe.each([
  { device: 'phone', width: 360, height: 740 },
  { device: 'desktop', width: 1280, height: 860 },
])('every page, on a $device', ({ width, height }) => {
  let browser: Browser;
  let gallery: Gallery;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    browser = await openBrowser();
    gallery = await openGallery();
    page = await browser.newPage({ viewport: { width, height }, hasTouch: width < 500 });
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
  });

  afterAll(async () => {
    await browser.close();
    await gallery.close();
  });

  test.each(samples.map((sample, index) => [titleOf(sample), index] as const))('%s', async (_title, index) => {
    complaints.length = 0;
    await page.emulateMedia({ colorScheme: 'light' });
    expect((await page.goto(`http://localhost:${gallery.port}/${index}`))?.status()).toBe(200);
    expect(complaints).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    await page.addScriptTag({ url: `${base}/assets/axe.js` });
    expect(await violations(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await violations(page, ['color-contrast'])).toEqual([]);
  });
});
