import type Router from '@koa/router';
import type { Clock } from '../../../platform/clock.ts';
import { basePathOf } from '../../../platform/http/issuer-path.ts';
import { idOf } from '../../../platform/http/path-id.ts';
import type { PageNeed, Web } from '../../../platform/http/web.ts';
import type { PolicySetService } from '../../policy-set/service.ts';
import type { Namer } from '../../present.ts';
import { presentPage } from '../present.ts';
import { findingsPageOf } from '../routes.ts';
import type { WhatIfService } from '../service.ts';

/** What the page stands on. */
export interface WhatIfPageDeps {
  readonly service: WhatIfService;
  readonly policies: Pick<PolicySetService, 'current'>;
  readonly clock: Clock;
  readonly issuer: URL;
  readonly nameOf: Namer;
}

const READ: PageNeed = { roles: ['admin', 'auditor'] };
const AGAIN_SECONDS = '2';

/** The page of a trial: it comes again by itself while the trial runs, without script. */
export function whatIfPages({ service, policies, clock, issuer, nameOf }: WhatIfPageDeps, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  router.get('/console/policies/what-if/:id', async (ctx) => {
    const session = await web.guard.session(ctx, READ);
    if (session === undefined) return;
    const page = findingsPageOf(ctx);
    const [trial, set] = await Promise.all([service.get(idOf(ctx)), policies.current()]);
    const isKnown = (id: string) => set.policies.some((policy) => policy.id === id);
    if (trial.state === 'running') ctx.set('refresh', AGAIN_SECONDS);
    const model = await presentPage(trial, { base, now: clock.now(), nameOf, isKnown, ...page });
    await web.pages.show(ctx, 'console/policy-trial', { ...model, mayChange: session.role === 'admin' }, session);
  });
}
