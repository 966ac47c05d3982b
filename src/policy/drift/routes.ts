import type { Clock } from '../../platform/clock.ts';
import { AppError } from '../../platform/errors.ts';
import { momentOf } from '../../platform/http/moment.ts';
import type { Role, Routes } from '../../platform/http/web.ts';
import type { Namer } from '../present.ts';
import type { DriftSettingService } from './service.ts';
import { choiceOf, type DriftChoice, type DriftSetting, driftChoices } from './setting.ts';

/** What the page stands on. */
export interface DriftSettingRoutesDeps {
  readonly setting: DriftSettingService;
  readonly nameOf: Namer;
  readonly clock: Clock;
}

const PATH = '/console/policies/drift';
const READERS: readonly Role[] = ['admin', 'auditor'];
/** Security rule R22: who may act while nobody looked changes only under a fresh sign-in. */
const SETTING = { roles: ['admin'], maxAgeSeconds: 900 } as const;

const choiceWords = {
  never: { words: 'Stop it until somebody looked', hint: 'It gets no token, and those it had are refused. The safe choice.' },
  low: { words: 'Let agents of low risk go on', hint: 'They stay under review and keep their tokens; all others stop.' },
  medium: { words: 'Let agents of low and medium risk go on', hint: 'Only agents of high risk stop.' },
} as const satisfies Record<DriftChoice, object>;

/** The model of views/console/drift-setting.eta. */
async function presentSetting(setting: DriftSetting, { nameOf, now, mayChange }: { nameOf: Namer; now: Date; mayChange: boolean }) {
  const { choice, version, changedBy, changedAt } = setting;
  const by = changedBy === undefined ? undefined : ((await nameOf(changedBy)) ?? changedBy);
  return {
    mayChange,
    version,
    choices: driftChoices.map((value) => ({ value, ...choiceWords[value], checked: value === choice })),
    ...(changedAt === undefined ? {} : { changed: { by, when: momentOf(changedAt, now) } }),
  };
}

/** What happens to the tokens of an agent of which something else runs than was agreed: the page of the setting. */
export function driftSettingRoutes({ setting, nameOf, clock }: DriftSettingRoutesDeps): Routes {
  return (router, { guard, pages }) => {
    router.get(PATH, async (ctx) => {
      const session = await guard.session(ctx, { roles: READERS });
      if (session === undefined) return;
      const model = await presentSetting(await setting.get(), { nameOf, now: clock.now(), mayChange: session.role === 'admin' });
      await pages.show(ctx, 'console/drift-setting', model, session);
    });
    router.post(PATH, async (ctx) => {
      const session = await guard.session(ctx, SETTING);
      if (session === undefined) return;
      const form = await pages.form(ctx);
      const choice = choiceOf(form['tokens']);
      if (choice === undefined) throw new AppError('invalid_input', 'Choose one of the list.', { member: 'tokens' });
      try {
        const stopped = await setting.set({ choice, version: Number(form['version']), accountId: session.accountId });
        const text = stopped === 0 ? 'Set.' : `Set. ${stopped === 1 ? 'One agent was' : `${stopped} agents were`} stopped.`;
        pages.redirect(ctx, PATH, { kind: 'done', text });
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'conflict') throw error;
        pages.redirect(ctx, PATH, { kind: 'stop', text: error.message });
      }
    });
  };
}
