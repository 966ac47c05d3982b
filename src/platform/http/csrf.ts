import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Context } from 'koa';
import { AppError } from '../errors.ts';
import type { Ids } from '../ids.ts';
import { edgeState } from './edge-state.ts';

/** The name of the hidden field that carries the token. */
export const CSRF_FIELD = 'csrf';
/** The request header for scripts, instead of the field. */
export const CSRF_HEADER = 'x-csrf-token';

const NONCE = /^[A-Za-z0-9_-]{22,64}$/;

/** Guards forms against being sent by another site, before and after sign-in (R22). */
export interface Csrf {
  /** The token for this page's forms; sets the cookie it belongs to when the browser has none yet. */
  token(ctx: Context): string;
  /** Throws `forbidden` unless the request comes from our own pages and carries the token of its cookie (and session). */
  check(ctx: Context, form: Readonly<Record<string, unknown>>): void;
}

/** What the guard needs. `key` is 32 secret bytes of its own; `bindingOf` names the browser session, if there is one. */
export interface CsrfDeps {
  readonly key: Uint8Array;
  readonly issuer: URL;
  readonly ids: Pick<Ids, 'secret'>;
  readonly bindingOf: (ctx: Context) => string | undefined;
}

function refused(): AppError {
  return new AppError('forbidden', 'This form has expired or was sent from another site. Open the page again and retry.');
}

/**
 * Where the request was born, as far as the browser tells. A page with `no-referrer` sends `Origin: null` from its own forms, so
 * null counts only together with Sec-Fetch-Site.
 */
function isFromElsewhere(ctx: Context, issuer: URL): boolean {
  const site = ctx.get('sec-fetch-site');
  if (site !== '' && site !== 'same-origin' && site !== 'none') return true;
  const origin = ctx.get('origin');
  if (origin === '' || origin === issuer.origin) return false;
  return !(origin === 'null' && site === 'same-origin');
}

function isSame(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

/**
 * A signed double-submit token: HMAC-SHA256 over the browser's nonce cookie and its session. The cookie is `__Host-` when https, so
 * no sibling host can plant it; a token made before sign-in is worth nothing afterwards.
 */
export function createCsrf(deps: CsrfDeps): Csrf {
  const isSecure = deps.issuer.protocol === 'https:';
  const cookieName = isSecure ? '__Host-behalf_csrf' : 'behalf_csrf';
  const nonceOf = (ctx: Context): string | undefined => {
    const nonce = ctx.cookies.get(cookieName, { signed: false });
    return nonce !== undefined && NONCE.test(nonce) ? nonce : undefined;
  };
  const freshNonce = (ctx: Context): string => {
    const nonce = deps.ids.secret(20);
    ctx.cookies.set(cookieName, nonce, { signed: false, httpOnly: true, sameSite: 'lax', secure: isSecure, path: '/', overwrite: true });
    return nonce;
  };
  const sign = (ctx: Context, nonce: string): string => {
    const binding = deps.bindingOf(ctx);
    return createHmac('sha256', deps.key)
      .update(JSON.stringify(['csrf', nonce, binding ?? null]))
      .digest('base64url');
  };

  return {
    token: (ctx) => {
      // Two forms on one page share the nonce that the first of them set.
      const state = edgeState(ctx);
      state.csrfNonce ??= nonceOf(ctx) ?? freshNonce(ctx);
      return sign(ctx, state.csrfNonce);
    },
    check: (ctx, form) => {
      const nonce = nonceOf(ctx);
      const given = form[CSRF_FIELD] ?? ctx.get(CSRF_HEADER);
      if (nonce === undefined || typeof given !== 'string' || isFromElsewhere(ctx, deps.issuer)) throw refused();
      if (!isSame(given, sign(ctx, nonce))) throw refused();
    },
  };
}
