import { Eta } from 'eta';
import type { Context } from 'koa';
import type { Assets } from './assets.ts';
import { requestIdOf } from './request-id.ts';

/** Renders `template` (a path below the views folder, without extension) with `model` into the answer; 200 unless `status` says otherwise. */
export type Render = (ctx: Context, template: string, model: object, options?: { status?: number }) => void;

/** What the renderer needs; `isCached` false reads templates anew each time. */
export interface RendererDeps {
  readonly viewsDir: string;
  readonly assets: Pick<Assets, 'url'>;
  /** The issuer's path, without a slash at its end: links in templates start with it. */
  readonly basePath: string;
  readonly isCached: boolean;
}

/**
 * A renderer of Eta templates: every value printed with `<%= %>` is escaped, layouts by `<% layout('/layouts/page') %>`. Besides the
 * model a template (and its layout) finds `it.asset(name)`, `it.base` and `it.requestId`. Pages are never stored by caches.
 * Throws what Eta throws when a template is missing or faulty: that is a bug and becomes a 500.
 */
export function createRenderer({ viewsDir, assets, basePath, isCached }: RendererDeps): Render {
  const eta = new Eta({ views: viewsDir, cache: isCached, cacheFilepaths: isCached, autoEscape: true });
  return (ctx, template, model, options = {}) => {
    const html = eta.render(template.startsWith('/') ? template : `/${template}`, {
      asset: assets.url,
      base: basePath,
      requestId: requestIdOf(ctx),
      ...model,
    });
    ctx.status = options.status ?? 200;
    ctx.set('cache-control', 'no-store');
    ctx.body = html;
    ctx.type = 'text/html; charset=utf-8';
  };
}
