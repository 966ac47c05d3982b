import type Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import { AppError } from '../platform/errors.ts';
import type { ApiCaller, Web } from '../platform/http/web.ts';
import { METADATA_PATH, metadataOf, PATHS } from './metadata.ts';
import type { SearchService } from './search/service.ts';
import type { SearchKind } from './search/search-request.ts';
import type { AccessService } from './service.ts';

/** What the routes stand on. */
export interface AccessRoutesDeps {
  readonly service: AccessService;
  readonly searches: SearchService;
  /** Without a slash at its end. */
  readonly issuer: string;
}

const MOST_REQUEST_ID = 1_024;

/** Answers with the caller's own name for the request (AuthZEN 1.0 §10.1.3); our log keeps ours. */
const echoRequestId: Middleware = (ctx, next) => {
  const given = ctx.get('x-request-id');
  if (given !== '' && given.length <= MOST_REQUEST_ID) ctx.set('x-request-id', given);
  ctx.set('cache-control', 'no-store');
  return next();
};

/** The body of a request; every other type is a malformed request here (AuthZEN 1.0 §10.1: 400). */
async function bodyOf(ctx: Context, web: Web): Promise<unknown> {
  if (ctx.is('application/json') !== 'application/json') throw new AppError('invalid_input', 'Send a JSON body as application/json.');
  return web.readJson(ctx);
}

/** `/access/v1` and the metadata of the policy decision point. */
export function accessRoutes({ service, searches, issuer }: AccessRoutesDeps): (router: Router, web: Web) => void {
  return (router, web) => {
    const metadata = metadataOf(issuer);
    const answer = (path: string, scope: string, act: (caller: ApiCaller, body: unknown) => Promise<unknown>) =>
      router.post(path, echoRequestId, async (ctx) => {
        const caller = await web.api.caller(ctx, { resource: 'access', scope });
        ctx.body = await act(caller, await bodyOf(ctx, web));
      });
    const search = (path: string, kind: SearchKind) => answer(path, 'access:search', (caller, body) => searches.search(kind, caller, body));
    answer(PATHS.evaluation, 'access:evaluate', service.evaluate);
    answer(PATHS.evaluations, 'access:evaluate', service.evaluateAll);
    search(PATHS.subjects, 'subject');
    search(PATHS.resources, 'resource');
    search(PATHS.actions, 'action');
    router.get(METADATA_PATH, (ctx) => {
      ctx.body = metadata;
    });
  };
}
