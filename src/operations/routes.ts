import type Router from '@koa/router';
import type { Clock } from '../platform/clock.ts';
import type { KeyActor } from '../oidc/index.ts';
import type { Role, Routes, Web } from '../platform/http/web.ts';
import { presentSettings, type Settings } from './present.ts';

/** What the page of settings stands on. */
export interface SettingsRoutesDeps {
  readonly clock: Clock;
  readonly settings: () => Promise<Omit<Settings, 'mayRotate'>>;
  readonly rotateKeys: (by: KeyActor) => Promise<void>;
}

const PATH = '/console/settings';
const READERS: readonly Role[] = ['admin', 'auditor'];
/** What every token hangs on changes only under a fresh sign-in (security rule R22). */
const ROTATING = { roles: ['admin'], maxAgeSeconds: 900 } as const;

/** How the server is set, and the one act there: signing with new keys from now on. */
export function settingsRoutes({ clock, settings, rotateKeys }: SettingsRoutesDeps): Routes {
  return (router: Router, { guard, pages }: Web) => {
    router.get(PATH, async (ctx) => {
      const session = await guard.session(ctx, { roles: READERS });
      if (session === undefined) return;
      const model = presentSettings({ ...(await settings()), mayRotate: session.role === 'admin' }, clock.now());
      await pages.show(ctx, 'console/settings', model, session);
    });
    router.post(`${PATH}/keys`, async (ctx) => {
      const session = await guard.session(ctx, ROTATING);
      if (session === undefined) return;
      await pages.form(ctx);
      await rotateKeys({ kind: 'account', id: session.accountId });
      pages.redirect(ctx, PATH, {
        kind: 'done',
        text: 'New keys sign from now on. The old ones stay published until their last token has ended.',
      });
    });
  };
}
