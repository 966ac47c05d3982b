import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Context, Middleware } from 'koa';
import { AppError } from '../errors.ts';
import { nameRoute } from './access-log.ts';
import { packageFiles } from './package-files.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.txt': 'text/plain; charset=utf-8',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
};
const IS_PACKED = /^(image\/(png|webp)|font\/woff2)/;
const NEVER_CHANGES = 'public, max-age=31536000, immutable';
const STYLE_REFERENCE = /url\(\s*["']?asset:([^"')\s]+)["']?\s*\)/g;

const PREFERRED = ['br', 'gzip'] as const;
type Encoding = (typeof PREFERRED)[number] | 'identity';

interface Asset {
  readonly hash: string;
  readonly type: string;
  readonly bodies: Readonly<Partial<Record<Encoding, Buffer>>>;
}

/** Everything a page loads: known by name at start, served under the hash of its content. */
export interface Assets {
  /** `<base path>/assets/<hash>/<name>`. Throws `Error` for a name that does not exist: a wrong name in a template is a bug. */
  url(name: string): string;
  /** Answers `/assets/…`; nothing is looked up on disk. */
  readonly middleware: Middleware;
}

/** What is served: every file of `folder` (subfolders become part of the name) and the package files. */
export interface AssetSource {
  readonly folder: string;
  /** The issuer's path, without a slash at its end. */
  readonly basePath: string;
}

async function listFiles(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && TYPES[extname(entry.name)] !== undefined)
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(files.map((file) => [file.slice(folder.length).replaceAll('\\', '/').replace(/^\/+/, ''), file]));
}

async function compress(type: string, content: Buffer): Promise<Asset['bodies']> {
  if (IS_PACKED.test(type) || content.length < 600) return { identity: content };
  const [br, gz] = await Promise.all([
    promisify(brotliCompress)(content, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: content.length },
    }),
    promisify(gzip)(content, { level: 9 }),
  ]);
  return { br, gzip: gz, identity: content };
}

async function toAsset(name: string, content: Buffer): Promise<Asset> {
  const type = TYPES[extname(name)] ?? 'application/octet-stream';
  const hash = createHash('sha256').update(content).digest('base64url').slice(0, 16);
  return { hash, type, bodies: await compress(type, content) };
}

/** `url(asset:name)` in a style sheet becomes the hashed address, so that the sheet's own hash changes with what it uses. */
function linkStyles(name: string, sheet: Buffer, others: ReadonlyMap<string, Asset>): Buffer {
  const up = '../'.repeat(name.split('/').length);
  return Buffer.from(
    sheet.toString('utf8').replaceAll(STYLE_REFERENCE, (_all, used: string) => {
      const asset = others.get(used);
      if (asset === undefined) throw new Error(`${name} uses the asset ${used}, which does not exist.`);
      return `url("${up}${asset.hash}/${used}")`;
    }),
  );
}

async function load(source: AssetSource): Promise<Map<string, Asset>> {
  const files = new Map([...packageFiles(), ...(await listFiles(source.folder))]);
  const assets = new Map<string, Asset>();
  const add = async (names: readonly string[], content: (name: string, raw: Buffer) => Buffer): Promise<void> => {
    const made = await Promise.all(names.map(async (name) => toAsset(name, content(name, await readFile(files.get(name) ?? '')))));
    for (const [index, asset] of made.entries()) assets.set(names[index] ?? '', asset);
  };
  const isSheet = (name: string): boolean => name.endsWith('.css');
  await add(
    [...files.keys()].filter((name) => !isSheet(name)),
    (_name, raw) => raw,
  );
  await add([...files.keys()].filter(isSheet), (name, raw) => linkStyles(name, raw, assets));
  return assets;
}

function send(ctx: Context, asset: Asset, isCurrent: boolean): void {
  // Ours is the order: browsers name gzip before br without preferring it.
  const encoding =
    PREFERRED.find((candidate) => asset.bodies[candidate] !== undefined && ctx.acceptsEncodings(candidate) === candidate) ?? 'identity';
  ctx.status = 200;
  ctx.set({ vary: 'accept-encoding', etag: `"${asset.hash}-${encoding}"`, 'cross-origin-resource-policy': 'same-origin' });
  // A page of another version of this server may ask for another hash: it gets what we have, for this once.
  ctx.set('cache-control', isCurrent ? NEVER_CHANGES : 'no-cache');
  if (ctx.fresh) {
    ctx.status = 304;
    return;
  }
  if (encoding !== 'identity') ctx.set('content-encoding', encoding);
  ctx.body = asset.bodies[encoding];
  ctx.set('content-type', asset.type);
}

/** Reads, links and compresses all assets once. Throws `Error` when a file is missing or a style sheet names an unknown one. */
export async function createAssets(source: AssetSource): Promise<Assets> {
  const assets = await load(source);
  return {
    url: (name) => {
      const asset = assets.get(name);
      if (asset === undefined) throw new Error(`There is no asset ${name}.`);
      return `${source.basePath}/assets/${asset.hash}/${name}`;
    },
    middleware: (ctx, next) => {
      if (!ctx.path.startsWith('/assets/')) return next();
      nameRoute(ctx, '/assets');
      const [hash = '', ...rest] = ctx.path.slice('/assets/'.length).split('/');
      const asset = assets.get(rest.join('/'));
      const isRead = ctx.method === 'GET' || ctx.method === 'HEAD';
      if (asset === undefined || !isRead) throw new AppError('not_found', 'Nothing here.');
      return send(ctx, asset, asset.hash === hash);
    },
  };
}
