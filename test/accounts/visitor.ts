import { fileURLToPath } from 'node:url';
import Router from '@koa/router';
import type { Account, Accounts } from '../../src/accounts/index.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createAssets } from '../../src/platform/http/assets.ts';
import { createCsrf } from '../../src/platform/http/csrf.ts';
import { createPages } from '../../src/platform/http/pages.ts';
import { createRenderer } from '../../src/platform/http/render.ts';
import type { PageGuard, PageNeed, Web } from '../../src/platform/http/web.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { type Edge, startEdge } from '../platform/http/edge-client.ts';

const VIEWS = fileURLToPath(new URL('../../views', import.meta.url));

/** A page as it came back. */
export interface Page {
  readonly status: number;
  readonly location: string | undefined;
  readonly html: string;
  /** The page's HTML with entities resolved. */
  readonly text: string;
}

/** A browser without script: keeps cookies, sends forms with the CSRF token of the page it saw last. */
export interface Visitor {
  open(path: string, headers?: Readonly<Record<string, string>>): Promise<Page>;
  send(path: string, fields: Readonly<Record<string, string>>): Promise<Page>;
  readonly cookies: ReadonlyMap<string, string>;
}

/** What guards of pages were asked for, by the door that stands in for sign-in. */
export interface Door {
  /** Who is signed in; undefined: nobody. */
  account: Account | undefined;
  readonly needs: (PageNeed | undefined)[];
}

function decodeEntities(html: string): string {
  return html.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

function guardOf(door: Door): PageGuard {
  return {
    async session(ctx, need) {
      door.needs.push(need);
      const { account } = door;
      if (account === undefined || (need?.roles !== undefined && !need.roles.includes(account.role))) {
        ctx.status = account === undefined ? 401 : 403;
        ctx.body = 'closed';
        return undefined;
      }
      const { id: accountId, name, email, role } = account;
      return { accountId, sessionUid: 'session-1', name, email, role, authTime: systemClock.now(), acr: 'phr', amr: [] };
    },
  };
}

/** The routes of a capability behind the real edge, pages and CSRF guard. */
export async function startPages(
  { capability }: Pick<Accounts, 'capability'>,
  door: Door,
  issuer: URL,
): Promise<{ edge: Edge; visitor: () => Visitor }> {
  const assets = await createAssets({ folder: `${VIEWS}/assets`, basePath: '' });
  const render = createRenderer({ viewsDir: VIEWS, assets, basePath: '', isCached: true });
  const csrf = createCsrf({ key: randomIds.bytes(32), issuer, ids: randomIds, bindingOf: () => undefined });
  const pages = createPages({ render, csrf, basePath: '', isSecure: false, waitingFor: async () => 0 });
  const router = new Router();
  capability.routes?.(router, { pages, guard: guardOf(door) } as Web);
  const edge = await startEdge([router.routes()], { issuer, trustedProxies: ['127.0.0.1'] });
  return { edge, visitor: () => createVisitor(edge) };
}

function createVisitor(edge: Edge): Visitor {
  const cookies = new Map<string, string>();
  let csrfToken = '';
  const ask = async (path: string, options: { method?: string; headers?: Record<string, string>; body?: string }): Promise<Page> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const reply = await edge.ask(path, { ...options, headers: { accept: 'text/html', cookie, ...options.headers } });
    for (const line of reply.headers['set-cookie'] ?? []) {
      const [pair = ''] = line.split(';');
      cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
    }
    csrfToken = /name="csrf" value="([^"]*)"/.exec(reply.body)?.[1] ?? csrfToken;
    return { status: reply.status, location: reply.headers.location, html: reply.body, text: decodeEntities(reply.body) };
  };
  return {
    cookies,
    open: (path, headers = {}) => ask(path, { headers }),
    send: (path, fields) =>
      ask(path, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ csrf: csrfToken, ...fields }).toString(),
      }),
  };
}
