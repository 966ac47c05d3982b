import type { Context, Middleware } from 'koa';
import { AppError } from '../errors.ts';
import { edgeState } from './edge-state.ts';
import { EdgeError } from './failure.ts';

const URL_BYTES = 8 * 1024;
const FORM_BYTES = 64 * 1024;

/** The largest body below a path, in bytes; the first prefix that fits counts. */
export interface BodyLimit {
  readonly prefix: string;
  readonly bytes: number;
}

/** JSON interfaces take 1 MB; everything else is a form and takes 64 KB. */
export const JSON_LIMITS: readonly BodyLimit[] = ['/scim', '/api', '/access'].map((prefix) => ({ prefix, bytes: 1024 * 1024 }));

/** Whether `path` is `prefix` or lies below it. */
export function isBelow(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

/** How many bytes the body of this request may have; whoever reads it counts them (body.ts, the engine's own parser). */
export function bodyLimitOf(ctx: Context): number {
  return edgeState(ctx).bodyLimit ?? FORM_BYTES;
}

/**
 * Bounds the request: address ≤ 8 KB (414), declared body ≤ the limit of its path (413), no compressed bodies (415). A body
 * without a declared length is counted by its reader against `bodyLimitOf`.
 */
export function requestLimits(limits: readonly BodyLimit[]): Middleware {
  return (ctx, next) => {
    if (Buffer.byteLength(ctx.originalUrl) > URL_BYTES) throw new EdgeError(414, 'too_large', 'The address is longer than 8 KB.');
    const bytes = limits.find((limit) => isBelow(ctx.path, limit.prefix))?.bytes ?? FORM_BYTES;
    edgeState(ctx).bodyLimit = bytes;
    const declared = Number(ctx.req.headers['content-length'] ?? 0);
    if (declared > bytes) throw new AppError('too_large', `The body is larger than ${bytes} bytes.`);
    const encoding = ctx.req.headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity') throw new AppError('unsupported_media_type', 'Send the body without Content-Encoding.');
    return next();
  };
}
