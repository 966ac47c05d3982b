import { z } from 'zod';
import { parseWith } from '../../platform/http/body.ts';
import { managementApi } from '../../platform/http/operation.ts';
import type { Routes } from '../../platform/http/web.ts';
import type { TokenRoutesDeps } from '../routes.ts';
import { lineageBody } from '../wire.ts';
import { presentTokenPage } from './page.ts';
import { namedInLineage, presentLineage } from './present.ts';

const VIEWERS = ['admin', 'auditor'] as const;
const PAGE = '/console/tokens';
const READ = { summary: 'Read what a token came from and what was made of it', scope: 'admin:read', answer: lineageBody } as const;
const decisionQuery = z.object({ decision: z.string().regex(/^dec_[0-9a-f]{32}$/), client: z.string().min(1).max(2_000) });
const NOT_OURS = 'This is no token of this server, or one that ended more than a day ago. What you pasted was not kept.';

/** The page of one token, the way to it for somebody who holds one, and `/api/v1/tokens/{jti}/lineage`. */
export function lineageRoutes({ service, clock, basePath, namesOf, details }: TokenRoutesDeps): Routes {
  return (router, web) => {
    managementApi(router, web).get('/api/v1/tokens/:jti/lineage', READ, async ({ ctx }) =>
      presentLineage(await service.lineage(ctx.params['jti'] ?? ''), { details }),
    );
    router.get(`${PAGE}/by-decision`, async (ctx) => {
      const session = await web.guard.session(ctx, { roles: VIEWERS });
      if (session === undefined) return;
      const { decision, client } = parseWith(decisionQuery, { ...ctx.query });
      const jti = await service.givenBy(decision, client);
      // the ledger forgets after a day, the audit does not
      web.pages.redirect(ctx, jti === undefined ? `/console/audit?q=${decision}` : `${PAGE}/${encodeURIComponent(jti)}`);
    });
    router.get(`${PAGE}/:jti`, async (ctx) => {
      const session = await web.guard.session(ctx, { roles: VIEWERS });
      if (session === undefined) return;
      const lineage = await service.lineage(ctx.params['jti'] ?? '');
      const names = await namesOf(namedInLineage(lineage));
      const context = { names, now: clock.now(), basePath, mayEnd: session.role === 'admin', details };
      await web.pages.show(ctx, 'console/token', presentTokenPage(lineage, context), session);
    });
    // a token in an address would stand in histories and logs: it comes in a body and goes no further
    router.post(`${PAGE}/find`, async (ctx) => {
      const session = await web.guard.session(ctx, { roles: VIEWERS });
      if (session === undefined) return;
      const { token } = await web.pages.form(ctx);
      const jti = await service.identify(typeof token === 'string' ? token.trim() : '');
      if (jti === undefined) return web.pages.redirect(ctx, PAGE, { kind: 'stop', text: NOT_OURS });
      web.pages.redirect(ctx, `${PAGE}/${encodeURIComponent(jti)}`);
    });
  };
}
