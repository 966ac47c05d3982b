import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import parse from 'co-body';
import { decodeProtectedHeader } from 'jose';
import type { Context, Middleware } from 'koa';
import { ROUTES } from '../oidc/index.ts';
import { bodyLimitOf } from '../platform/http/limits.ts';
import type { Routes } from '../platform/http/web.ts';
import type { PresentedTokens } from './presented-token.ts';

/** Whether the engine would take the value for a JWT and refuse it: everything else stays as it was sent. */
function isStructured(value: string): boolean {
  if (value.includes('.')) return true;
  try {
    decodeProtectedHeader(value);
    return true;
  } catch {
    return false;
  }
}

/** What the engine and koa read of a request, with another body. The engine counts and parses it like any other. */
function withBody(request: IncomingMessage, body: string): IncomingMessage {
  const { method, url, socket, httpVersion, httpVersionMajor, httpVersionMinor, rawHeaders } = request;
  const bytes = Buffer.from(body);
  const { 'transfer-encoding': _chunked, ...headers } = { ...request.headers, 'content-length': String(bytes.length) };
  const parts = { method, url, socket, httpVersion, httpVersionMajor, httpVersionMinor, rawHeaders, headers };
  return Object.assign(Readable.from([bytes], { objectMode: false }), parts) as unknown as IncomingMessage;
}

/**
 * The form with the token replaced by `handleFor(token)` if it is a JWT. A form that is not sound (a parameter sent twice, no
 * token) stays as it is: the engine refuses it in its own words.
 */
export function withHandle(form: string, handleFor: (jwt: string) => string): string {
  const parameters = new URLSearchParams(form);
  const [token, ...others] = parameters.getAll('token');
  if (token === undefined || others.length > 0 || !isStructured(token)) return form;
  const hints = parameters.getAll('token_type_hint');
  parameters.set('token', handleFor(token));
  // a JWT is never a refresh token: says so, and saves the search (RFC 7662 §2.1)
  if (hints.length < 2) parameters.set('token_type_hint', 'access_token');
  return parameters.toString();
}

function isPlainForm(ctx: Context): boolean {
  return ctx.is('application/x-www-form-urlencoded') !== false && /^(utf-?8)?$/i.test(ctx.request.charset);
}

/** Reads the form before the engine does and hands it a handle in place of a JWT, which the engine would not look up. */
function presentTokens(presented: PresentedTokens): Middleware {
  return async (ctx, next) => {
    if (!isPlainForm(ctx)) return next();
    let form: string;
    try {
      form = await parse.text(ctx.req, { limit: bodyLimitOf(ctx), encoding: 'utf-8' });
    } catch (error) {
      const isTooLarge = error instanceof Error && 'status' in error && error.status === 413;
      ctx.status = isTooLarge ? 413 : 400;
      ctx.set({ 'cache-control': 'no-store', connection: 'close' });
      ctx.body = { error: 'invalid_request', error_description: isTooLarge ? 'the body is too large' : 'the body cannot be read' };
      return;
    }
    const request = withBody(
      ctx.req,
      withHandle(form, (jwt) => presented.present(ctx, jwt)),
    );
    Object.assign(ctx, { req: request });
    Object.assign(ctx.request, { req: request });
    await next();
  };
}

/** In front of the engine's introspection and revocation endpoints. */
export function revocationRoutes(presented: PresentedTokens): Routes {
  return (router) => {
    router.post([ROUTES.introspection, ROUTES.revocation], presentTokens(presented));
  };
}
