import type Router from '@koa/router';
import type { Clock } from '../../platform/clock.ts';
import { AppError } from '../../platform/errors.ts';
import type { BrowserSession, Form, Web } from '../../platform/http/web.ts';
import { isInForce } from '../delegation.ts';
import { cardOf, type DelegationNames, headingOf } from '../present.ts';
import type { DelegationService } from '../service.ts';

/** A choice of a list: its value and what a person reads. */
export interface Choice {
  readonly value: string;
  readonly words: string;
}

/** What the pages stand on. */
export interface DelegationConsoleDeps {
  readonly service: DelegationService;
  readonly clock: Clock;
  readonly names: DelegationNames;
  /** The agents and resource servers that may be chosen. */
  readonly choices: () => Promise<{ readonly agents: readonly Choice[]; readonly resources: readonly Choice[] }>;
  /** What was asked for and waits, as its page shows it. */
  readonly waiting: () => Promise<readonly object[]>;
  /** The issuer's path without a slash at its end. */
  readonly basePath: string;
}

interface FormValues {
  readonly from: string;
  readonly to: string;
  readonly resource: string;
  readonly scopes: string;
  readonly types: string;
  readonly until: string;
  /** `hidden`: the second agent does not stand in the token. */
  readonly naming: string;
}

type Context = Parameters<Web['pages']['show']>[0];

const PAGE = '/console/delegations';
const PAGE_SIZE = 25;
/** Changes of what agents may do want a recent sign-in (security rule R22). */
const MAY_CHANGE = { roles: ['admin'], maxAgeSeconds: 900 } as const;
const MAY_READ = { roles: ['admin', 'auditor'] } as const;
const NAMINGS: readonly Choice[] = [
  { value: 'named', words: 'Yes: it acts for the first one, and everybody can see that' },
  { value: 'hidden', words: 'No: it acts as if it were the first one (impersonation)' },
];
/** Which field of the form a member of the interface is. */
const FIELDS: Readonly<Record<string, string>> = { resources: 'resource', authorization_details_types: 'types' };

function text(value: Form[string]): string {
  return typeof value === 'string' ? value.trim().slice(0, 8_000) : '';
}

function valuesOf(form: Form): FormValues {
  const at = (name: string) => text(form[name]);
  const naming = at('naming') === 'hidden' ? 'hidden' : 'named';
  return { from: at('from'), to: at('to'), resource: at('resource'), scopes: at('scopes'), types: at('types'), until: at('until'), naming };
}

function words(list: string): string[] {
  return list.split(/\s+/).filter((word) => word !== '');
}

/** The last moment of the day that was chosen. */
function inputOf({ from, to, resource, scopes, types, until, naming }: FormValues) {
  return {
    from,
    to,
    resources: [resource],
    scopes: words(scopes),
    authorization_details_types: words(types),
    until: `${until}T23:59:59Z`,
    impersonation: naming === 'hidden',
  };
}

/** `/console/delegations`: what is in force, a form for a new one, and a page that asks before one is ended. */
export function delegationConsole(deps: DelegationConsoleDeps): (router: Router, web: Web) => void {
  const { service, clock, names, choices, basePath } = deps;
  const list = async (ctx: Context, session: BrowserSession, web: Web) => {
    const { cursor } = ctx.query;
    const from = typeof cursor === 'string' && /^dlg_[0-9a-f]{32}$/.test(cursor) ? { cursor } : {};
    const page = await service.list({ ...from, limit: PAGE_SIZE });
    const now = clock.now();
    const about = { names, now, mayChange: session.role === 'admin' };
    const nextHref = page.nextCursor === undefined ? {} : { nextHref: `${basePath}${PAGE}?cursor=${page.nextCursor}` };
    const model = {
      heading: headingOf(page.delegations.filter((one) => isInForce(one, now)).length),
      words: 'What arrives at the second agent is never more than what the first one holds.',
      mayChange: about.mayChange,
      waiting: await deps.waiting(),
      delegations: await Promise.all(page.delegations.map((one) => cardOf(one, about))),
      pager: { words: `${page.delegations.length} shown`, ...nextHref },
    };
    await web.pages.show(ctx, 'console/delegations', model, session);
  };
  const form = async (ctx: Context, about: { web: Web; session: BrowserSession; values: FormValues; fault?: AppError }) => {
    const { web, session, values, fault } = about;
    const member = fault?.details.member ?? '';
    const faults = fault === undefined ? {} : { status: 400, faults: [{ field: FIELDS[member] ?? member, message: fault.message }] };
    const options = await choices();
    await web.pages.show(
      ctx,
      'console/delegation-form',
      { action: `${basePath}${PAGE}/new`, namings: NAMINGS, ...options, values, ...faults },
      session,
    );
  };
  return (router, web) => {
    router.get(PAGE, async (ctx) => {
      const session = await web.guard.session(ctx, MAY_READ);
      if (session !== undefined) await list(ctx, session, web);
    });
    router.get(`${PAGE}/new`, async (ctx) => {
      const session = await web.guard.session(ctx, MAY_CHANGE);
      if (session !== undefined) await form(ctx, { web, session, values: valuesOf({}) });
    });
    router.post(`${PAGE}/new`, async (ctx) => {
      const session = await web.guard.session(ctx, MAY_CHANGE);
      if (session === undefined) return;
      const values = valuesOf(await web.pages.form(ctx));
      try {
        await service.create(inputOf(values), { kind: 'account', id: session.accountId });
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'invalid_input') throw error;
        await form(ctx, { web, session, values, fault: error });
        return;
      }
      web.pages.redirect(ctx, PAGE, { kind: 'done', text: 'The delegation is in force.' });
    });
    router.get(`${PAGE}/:id/end`, async (ctx) => {
      const session = await web.guard.session(ctx, MAY_CHANGE);
      if (session === undefined) return;
      const delegation = await service.get(ctx.params['id'] ?? '');
      const { chain } = await cardOf(delegation, { names, now: clock.now(), mayChange: true });
      const model = {
        heading: 'End this delegation?',
        words: 'From now on no token is handed on under it. Tokens already handed on live out their few minutes.',
        action: `${basePath}${PAGE}/${delegation.id}/end`,
        backHref: `${basePath}${PAGE}`,
        submit: 'End it',
        current: 'delegations',
        chain,
        values: {},
      };
      await web.pages.show(ctx, 'console/confirm', model, session);
    });
    router.post(`${PAGE}/:id/end`, async (ctx) => {
      const session = await web.guard.session(ctx, MAY_CHANGE);
      if (session === undefined) return;
      await web.pages.form(ctx);
      await service.end(ctx.params['id'] ?? '', { kind: 'account', id: session.accountId });
      web.pages.redirect(ctx, PAGE, { kind: 'done', text: 'The delegation has ended.' });
    });
  };
}
