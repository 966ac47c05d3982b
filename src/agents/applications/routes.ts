import { basePathOf } from '../../platform/http/issuer-path.ts';
import { idOf } from '../../platform/http/path-id.ts';
import type { Role, Routes } from '../../platform/http/web.ts';
import type { Clock } from '../../platform/clock.ts';
import { presentApplication, presentApplications } from './present.ts';
import type { ApplicationService } from './service.ts';
import type { ApplicationStore } from './store.ts';

/** What the console's pages of applications stand on. */
export interface ApplicationRoutesDeps {
  readonly service: Pick<ApplicationService, 'get'>;
  readonly store: Pick<ApplicationStore, 'list' | 'count' | 'agentsOf'>;
  readonly clock: Clock;
  readonly issuer: URL;
}

const READERS: readonly Role[] = ['admin', 'approver', 'auditor'];
const PAGE_SIZE = 25;
const CURSOR = /^aap_[0-9a-f]{32}$/;

/** The console's pages for applications: a list and one application, to read; identity systems write them over SCIM. */
export function createApplicationRoutes({ service, store, clock, issuer }: ApplicationRoutesDeps): Routes {
  const frame = () => ({ now: clock.now(), base: basePathOf(issuer) });
  return (router, { pages, guard }) => {
    router.get('/console/applications', async (ctx) => {
      const session = await guard.session(ctx, { roles: READERS });
      if (session === undefined) return;
      const asked = ctx.query['cursor'];
      const cursor = typeof asked === 'string' && CURSOR.test(asked) ? asked : undefined;
      const [found, total] = await Promise.all([store.list({ cursor, limit: PAGE_SIZE + 1 }), store.count()]);
      const applications = found.slice(0, PAGE_SIZE);
      const nextCursor = found.length > PAGE_SIZE ? applications.at(-1)?.id : undefined;
      await pages.show(ctx, 'console/applications', presentApplications({ applications, total, cursor, nextCursor }, frame()), session);
    });
    router.get('/console/applications/:id', async (ctx) => {
      const session = await guard.session(ctx, { roles: READERS });
      if (session === undefined) return;
      const application = await service.get(idOf(ctx));
      const agents = await store.agentsOf(application.id);
      await pages.show(ctx, 'console/application', presentApplication(application, agents, frame()), session);
    });
  };
}
