import type { Context } from 'koa';
import { z } from 'zod';
import type { Clock } from '../platform/clock.ts';
import { AppError } from '../platform/errors.ts';
import { parseWith } from '../platform/http/body.ts';
import { managementApi } from '../platform/http/operation.ts';
import { pageBody } from '../platform/http/paging.ts';
import type { Routes } from '../platform/http/web.ts';
import type { DetailWriter } from './lineage/present.ts';
import { chainOf, fallsView, type Names, namedIn, presentToken, shortened, tokenRow, type ViewContext } from './present.ts';
import type { LiveTokensQuery, TokenService } from './service.ts';
import type { KnownToken } from './token-record.ts';
import { listedTokenBody, tokenBody } from './wire.ts';

/** What the routes call. */
export interface TokenRoutesDeps {
  readonly service: TokenService;
  readonly clock: Clock;
  readonly basePath: string;
  readonly details: DetailWriter;
  /** Names of people, agents, services and resources, for pages; ids without a name may be left out. */
  readonly namesOf: (ids: readonly string[]) => Promise<Names>;
}

const id = z.string().min(1).max(512);
const query = z.strictObject({
  client: id.optional(),
  agent: id.optional(),
  account: id.optional(),
  resource: z.string().min(1).max(2_000).optional(),
  /** Those made from this token directly. */
  parent: id.optional(),
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
const PAGE_SIZE = 25;
const VIEWERS = ['admin', 'auditor'] as const;

function filterOf({ client, agent, account, resource, parent, cursor, limit }: z.output<typeof query>): LiveTokensQuery {
  return {
    limit,
    ...(client === undefined ? {} : { clientId: client }),
    ...(agent === undefined ? {} : { agentId: agent }),
    ...(account === undefined ? {} : { accountId: account }),
    ...(resource === undefined ? {} : { resource }),
    ...(parent === undefined ? {} : { parentJti: parent }),
    ...(cursor === undefined ? {} : { cursor }),
  };
}

function jtiOf(ctx: { params: Readonly<Record<string, string | undefined>> }): string {
  return ctx.params['jti'] ?? '';
}

/** The address of another page of the same list. */
function hrefOf(ctx: Context, cursor: string): string {
  const address = new URLSearchParams(ctx.querystring);
  address.set('cursor', cursor);
  return `?${address}`;
}

/** `/api/v1/tokens`: list (filters `client`, `agent`, `account`, `resource`, `parent`), read, end. */
export function apiRoutes({ service }: TokenRoutesDeps): Routes {
  return (router, web) => {
    const api = managementApi(router, web);
    const list = { summary: 'List the tokens that are alive', scope: 'admin:read', query, answer: pageBody(listedTokenBody) } as const;
    api.get('/api/v1/tokens', list, async ({ query: wanted }) => {
      const { tokens, nextCursor } = await service.live(filterOf(wanted));
      return { items: tokens.map((token) => ({ ...presentToken(token), children: token.childCount })), next_cursor: nextCursor };
    });
    api.get('/api/v1/tokens/:jti', { summary: 'Read a token', scope: 'admin:read', answer: tokenBody }, async ({ ctx }) =>
      presentToken(await service.get(jtiOf(ctx))),
    );
    const end = { summary: 'End a token and all that was made from it', scope: 'admin:write' } as const;
    api.delete('/api/v1/tokens/:jti', end, async ({ ctx, caller }) => {
      const token = await service.get(jtiOf(ctx));
      const by =
        caller.accountId === undefined
          ? ({ kind: 'client', id: caller.clientId } as const)
          : ({ kind: 'account', id: caller.accountId } as const);
      await service.end({ by: 'jti', jti: token.jti }, { cause: 'ended over the management interface', by });
    });
  };
}

/** `/console/tokens`: the live tokens, and the page that says what falls before one is ended. */
export function consoleRoutes({ service, clock, basePath, namesOf }: TokenRoutesDeps): Routes {
  const contextFor = async (tokens: readonly KnownToken[], mayEnd: boolean): Promise<ViewContext> => ({
    names: await namesOf(namedIn(tokens)),
    now: clock.now(),
    basePath,
    mayEnd,
  });
  return (router, web) => {
    router.get('/console/tokens', async (ctx) => {
      const session = await web.guard.session(ctx, { roles: VIEWERS });
      if (session === undefined) return;
      const { limit: _limit, ...filter } = filterOf(parseWith(query, { ...ctx.query }));
      const [page, count] = await Promise.all([service.live({ ...filter, limit: PAGE_SIZE }), service.countLive(filter)]);
      const context = await contextFor(page.tokens, session.role === 'admin');
      const filteredBy = filter.agentId ?? filter.clientId ?? filter.accountId ?? filter.resource ?? filter.parentJti;
      const names = filteredBy === undefined ? context.names : await namesOf([filteredBy]);
      const model = {
        heading: count === 1 ? '1 token is alive' : `${count} tokens are alive`,
        words: 'Each can be ended at once, with everything that was made from it.',
        tokens: page.tokens.map((token) => tokenRow(token, context)),
        ...(filteredBy === undefined
          ? {}
          : {
              filteredBy:
                filter.parentJti === undefined ? `of ${names.get(filteredBy) ?? filteredBy}` : `made from ${shortened(filteredBy).short}`,
            }),
        ...(page.nextCursor === undefined
          ? {}
          : { pager: { words: `${page.tokens.length} of ${count}`, nextHref: hrefOf(ctx, page.nextCursor) } }),
      };
      await web.pages.show(ctx, 'console/tokens', model, session);
    });
    router.get('/console/tokens/:jti/end', async (ctx) => {
      const session = await web.guard.session(ctx, { roles: ['admin'], maxAgeSeconds: 900 });
      if (session === undefined) return;
      const token = await service.get(jtiOf(ctx));
      const falling = await service.countFalling({ by: 'jti', jti: token.jti });
      const model = {
        current: 'tokens',
        heading: 'End this token?',
        words: 'It is refused from now on, and so is everything that was made from it. Whoever held it may ask for another one.',
        action: `${basePath}/console/tokens/${token.jti}/end`,
        backHref: `${basePath}/console/tokens`,
        submit: 'End it',
        chain: chainOf(token, await contextFor([token], true)),
        falls: fallsView(falling),
        values: {},
      };
      await web.pages.show(ctx, 'console/confirm', model, session);
    });
    router.post('/console/tokens/:jti/end', async (ctx) => {
      const session = await web.guard.session(ctx, { roles: ['admin'], maxAgeSeconds: 900 });
      if (session === undefined) return;
      await web.pages.form(ctx);
      const token = await service.get(jtiOf(ctx));
      if (!token.isLive) throw new AppError('conflict', 'This token has ended already.');
      const { tokens } = await service.end(
        { by: 'jti', jti: token.jti },
        { cause: 'ended in the console', by: { kind: 'account', id: session.accountId } },
      );
      web.pages.redirect(ctx, '/console/tokens', {
        kind: 'done',
        text: tokens === 1 ? 'One token has ended.' : `${tokens} tokens have ended.`,
      });
    });
  };
}
