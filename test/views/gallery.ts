import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { Eta } from 'eta';
import { samples } from './samples.ts';
import { base, type Sample } from './shapes.ts';

/** The folder of the templates. */
export const VIEWS = join(process.cwd(), 'views');
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
const { resolve } = createRequire(import.meta.url);
const PACKAGE_FILES: Readonly<Record<string, string>> = {
  'inter-latin.woff2': resolve('@fontsource-variable/inter/files/inter-latin-wght-normal.woff2'),
  'inter-latin-ext.woff2': resolve('@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2'),
  'axe.js': resolve('axe-core/axe.min.js'),
  'webauthn.js': join(process.cwd(), 'node_modules/@simplewebauthn/browser/dist/bundle/index.umd.min.js'),
};

const eta = new Eta({ views: VIEWS, cache: true });
const frame = { base, asset: (name: string) => `${base}/assets/${name}`, csrf: 'csrf-token' };

/** What a sample is called in a test's title. */
export function titleOf(sample: Sample): string {
  return sample.variant ? `${sample.template} (${sample.variant})` : sample.template;
}

/** The page of a sample as HTML. */
export function render(sample: Sample): string {
  return eta.render(`/${sample.template}`, { ...frame, ...sample.model });
}

/** An asset as the server sends it: from the views, or from the npm package it comes from. */
export function asset(name: string): Buffer {
  const file = readFileSync(PACKAGE_FILES[name] ?? join(VIEWS, 'assets', name));
  return name.endsWith('.css') ? Buffer.from(file.toString().replaceAll('url("asset:', 'url("')) : file;
}

/** A running gallery: sample `n` at `/<n>`, the assets, an event stream at `…/events` that says once that something changed. */
export interface Gallery {
  readonly port: number;
  /** The forms sent so far. */
  readonly sent: readonly URLSearchParams[];
  close(): Promise<void>;
}

/** Serves `pages` (all samples unless told otherwise) on a free loopback port, under the content security policy of the real server. */
export async function openGallery(pages: readonly Sample[] = samples): Promise<Gallery> {
  const sent: URLSearchParams[] = [];
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://gallery').pathname;
    if (path.endsWith('/events')) {
      return response.writeHead(200, { 'content-type': 'text/event-stream' }).write('event: change\ndata: 1\n\n');
    }
    if (path.startsWith(`${base}/assets/`)) {
      const name = path.slice(`${base}/assets/`.length);
      const headers = { 'content-type': CONTENT_TYPES[extname(name)] ?? '', 'cache-control': 'max-age=600' };
      return response.writeHead(200, headers).end(asset(name));
    }
    if (request.method === 'POST') {
      sent.push(await readForm(request));
      return response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Sent</title>');
    }
    const sample = pages[Number(path.slice(1))];
    if (!sample) return response.writeHead(404).end();
    const headers = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': CONTENT_SECURITY_POLICY };
    const markup = rendered(sample);
    return response.writeHead(markup === undefined ? 500 : 200, headers).end(markup);
  });
  await new Promise<void>((done) => server.listen(0, 'localhost', done));
  return { port: (server.address() as AddressInfo).port, sent, close: () => close(server) };
}

/** Undefined when the template fails: the page then answers 500 instead of never. */
function rendered(sample: Sample): string | undefined {
  try {
    return render(sample);
  } catch (error) {
    console.error(sample.template, error);
    return undefined;
  }
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return new URLSearchParams(Buffer.concat(chunks).toString());
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((done) => server.close(() => done()));
}
