import type { Context, Middleware } from 'koa';
import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import { failureOf, type Failure } from './failure.ts';
import { isBelow } from './limits.ts';
import { titleOf, writeProblem } from './problem.ts';
import { requestIdOf } from './request-id.ts';

/** Writes a failure in one wire format: sets `ctx.body` and `ctx.type`; status and retry time are set already. */
export type ErrorWriter = (ctx: Context, failure: Failure) => void | Promise<void>;

/** Which wire format the failures below a path have. */
export interface ErrorFormat {
  readonly prefix: string;
  readonly write: ErrorWriter;
}

/** What the page for a failure shows. */
export interface ErrorPage {
  readonly status: number;
  readonly title: string;
  readonly message: string;
  readonly requestId: string;
}

/** Renders the page for a failure into `ctx`. */
export type RenderError = (ctx: Context, page: ErrorPage) => void | Promise<void>;

/** Failures as pages; when the page itself fails, as plain text. */
export function pageErrors(renderError: RenderError, log: Pick<Logger, 'error'>): ErrorWriter {
  return async (ctx, failure) => {
    const { status, message, requestId } = failure;
    const title = titleOf(failure.code);
    try {
      await renderError(ctx, { status, title, message, requestId });
    } catch (error) {
      log.error({ requestId, err: error }, 'the error page failed');
      ctx.body = `${title}\n\n${message}\n\nRequest ${requestId}\n`;
      ctx.type = 'text/plain; charset=utf-8';
    }
    ctx.status = status;
  };
}

/** What a route may have said about the answer it did not give. */
const STALE_HEADERS = ['etag', 'last-modified', 'content-encoding', 'content-disposition', 'content-length', 'location', 'vary'];

/** What the caller is told about `error`; what nobody foresaw, and a database out of reach, is told to the log. */
export function reportFailure(ctx: Context, error: unknown, log: Pick<Logger, 'error' | 'warn'>): Failure {
  const failure = failureOf(error, requestIdOf(ctx));
  if (failure.code === 'internal') log.error({ requestId: failure.requestId, err: error }, 'unexpected error');
  if (failure.code === 'unavailable')
    log.warn({ requestId: failure.requestId, reason: error instanceof Error ? error.name : 'unknown' }, 'unavailable');
  return failure;
}

function isPageWanted(ctx: Context): boolean {
  return ctx.get('accept').includes('text/html') && ctx.accepts('json', 'html') === 'html';
}

/** The same path in and outside the issuer's own, so that formats hold for both. */
function innerPathOf(ctx: Context, basePath: string): string {
  return basePath !== '' && ctx.path.startsWith(`${basePath}/`) ? ctx.path.slice(basePath.length) : ctx.path;
}

/** What the boundary needs: `formats` by path, the first that fits counts; `page` for browsers elsewhere; problem+json for all others. */
export interface ErrorBoundaryDeps {
  readonly basePath: string;
  readonly formats: readonly ErrorFormat[];
  readonly page: ErrorWriter;
  readonly log: Pick<Logger, 'error' | 'warn'>;
}

/** Turns whatever is thrown further in into an answer of the right format; unknown errors are told to the log only. */
export function errorBoundary(deps: ErrorBoundaryDeps): Middleware {
  const { basePath, formats, page, log } = deps;
  return async (ctx, next) => {
    try {
      await next();
      // "No answer" is a failure like any other, with the format of its path.
      if (ctx.status === 404 && (ctx.body === null || ctx.body === undefined) && ctx.respond !== false)
        throw new AppError('not_found', 'Nothing here.');
    } catch (error) {
      const failure = reportFailure(ctx, error, log);
      if (ctx.headerSent) {
        ctx.res.destroy();
        return;
      }
      for (const name of STALE_HEADERS) ctx.remove(name);
      ctx.status = failure.status;
      ctx.set('cache-control', 'no-store');
      if (failure.details.retryAfterSeconds !== undefined) ctx.set('retry-after', String(Math.ceil(failure.details.retryAfterSeconds)));
      // The rest of a body that is too large is not worth reading.
      if (failure.status === 413) ctx.set('connection', 'close');
      const path = innerPathOf(ctx, basePath);
      const format = formats.find((candidate) => isBelow(path, candidate.prefix));
      const write = format?.write ?? (isPageWanted(ctx) ? page : writeProblem);
      await write(ctx, failure);
      ctx.status = failure.status;
    }
  };
}
