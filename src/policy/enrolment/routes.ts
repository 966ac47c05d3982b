import type { Clock } from '../../platform/clock.ts';
import { AppError } from '../../platform/errors.ts';
import type { Form, Role, Routes } from '../../platform/http/web.ts';
import type { Namer } from '../present.ts';
import { presentEnrolment } from './present.ts';
import type { EnrolmentSettingService } from './service.ts';
import type { EnrolmentChoice } from './setting.ts';

/** What the page stands on. */
export interface EnrolmentRoutesDeps {
  readonly setting: EnrolmentSettingService;
  readonly nameOf: Namer;
  readonly clock: Clock;
}

const PATH = '/console/policies/enrolment';
const READERS: readonly Role[] = ['admin', 'auditor'];
/** Security rule R22: who may come in changes only under a fresh sign-in. */
const SETTING = { roles: ['admin'], maxAgeSeconds: 900 } as const;

/** The form as the setting is read; domains stand one a line. */
function inputOf(form: Form) {
  const text = (name: string) => (typeof form[name] === 'string' ? form[name] : '');
  const documentDomains = text('documentDomains')
    .split(/[\s,]+/)
    .filter((line) => line !== '');
  const [openRegistration, newSoftware] = [text('openRegistration'), text('newSoftware')];
  return { openRegistration, newSoftware, documents: text('documents'), selfServiceRisk: text('selfServiceRisk'), documentDomains };
}

/** How software gets in that no administrator registered: one page, one answer to each question. */
export function enrolmentRoutes({ setting, nameOf, clock }: EnrolmentRoutesDeps): Routes {
  return (router, { guard, pages }) => {
    const around = (session: { role: Role }) => ({ nameOf, now: clock.now(), mayChange: session.role === 'admin' });
    router.get(PATH, async (ctx) => {
      const session = await guard.session(ctx, { roles: READERS });
      if (session === undefined) return;
      const model = await presentEnrolment(await setting.get(), around(session));
      await pages.show(ctx, 'console/enrolment-setting', model, session);
    });
    router.post(PATH, async (ctx) => {
      const session = await guard.session(ctx, SETTING);
      if (session === undefined) return;
      const form = await pages.form(ctx);
      const choice = inputOf(form);
      try {
        await setting.set({ choice, version: Number(form['version']), accountId: session.accountId });
        pages.redirect(ctx, PATH, { kind: 'done', text: 'Set. It counts for software that comes from now on.' });
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        if (error.code === 'conflict') return pages.redirect(ctx, PATH, { kind: 'stop', text: error.message });
        const given = { ...(await setting.get()), choice: choice as EnrolmentChoice };
        const faults = [{ field: error.details.member ?? 'documentDomains', message: error.message }];
        await pages.show(
          ctx,
          'console/enrolment-setting',
          { ...(await presentEnrolment(given, around(session))), status: 400, faults },
          session,
        );
      }
    });
  };
}
