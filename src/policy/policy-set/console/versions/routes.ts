import type Router from '@koa/router';
import { z } from 'zod';
import type { Clock } from '../../../../platform/clock.ts';
import { AppError } from '../../../../platform/errors.ts';
import { parseWith } from '../../../../platform/http/body.ts';
import { personAsChanger } from '../../../../platform/http/changed-by.ts';
import { basePathOf } from '../../../../platform/http/issuer-path.ts';
import { momentOf } from '../../../../platform/http/moment.ts';
import { pageOf, readPageQuery } from '../../../../platform/http/paging.ts';
import { idOf } from '../../../../platform/http/path-id.ts';
import type { BrowserSession, PageNeed, Web } from '../../../../platform/http/web.ts';
import type { Namer } from '../../../present.ts';
import { policyReason } from '../../policy-set.ts';
import type { PolicySetService } from '../../service.ts';
import { presentChange, presentVersionInList } from '../present.ts';

/** What the pages stand on. */
export interface VersionPagesDeps {
  readonly service: PolicySetService;
  readonly clock: Clock;
  readonly issuer: URL;
  readonly nameOf: Namer;
}

type Context = Parameters<Web['pages']['show']>[0];

const PATH = '/console/policies/versions';
const READ: PageNeed = { roles: ['admin', 'auditor'] };
/** Security rule R22. */
const CHANGE: PageNeed = { roles: ['admin'], maxAgeSeconds: 900 };
const number = z.coerce.number().int().min(1).max(2_147_483_647);

/** The versions of the policies: a list, what each changed, and a way to put one back. */
export function versionPages(deps: VersionPagesDeps, router: Router, web: Web): void {
  const { service, clock, issuer, nameOf } = deps;
  const base = basePathOf(issuer);
  router.get(PATH, async (ctx) => {
    const session = await web.guard.session(ctx, READ);
    if (session === undefined) return;
    const { after, limit } = readPageQuery(ctx);
    const before = after === undefined ? undefined : parseWith(number, after);
    const { items, next_cursor: next } = pageOf(await service.versions({ before, limit: limit + 1 }), limit, ({ version }) =>
      String(version),
    );
    const model = {
      versions: await Promise.all(items.map((head) => presentVersionInList(head, { base, now: clock.now(), nameOf }))),
      ...(next === undefined ? {} : { pager: { words: `${items.length} shown`, nextHref: `${base}${PATH}?cursor=${next}` } }),
    };
    await web.pages.show(ctx, 'console/policy-versions', model, session);
  });
  router.get(`${PATH}/:id`, async (ctx) => {
    const session = await web.guard.session(ctx, READ);
    if (session === undefined) return;
    const version = await service.version(parseWith(number, idOf(ctx)));
    const [{ changes }, current] = await Promise.all([service.diff(version.version, undefined), service.current()]);
    const isCurrent = current.version === version.version;
    const model = {
      heading: `Version ${version.version}`,
      summary: version.summary,
      reason: version.reason,
      by: (await nameOf(version.changedBy)) ?? version.changedBy,
      when: momentOf(version.changedAt, clock.now()),
      count: version.policies.length,
      changes: changes.map(presentChange),
      isCurrent,
      ...(isCurrent || session.role !== 'admin' ? {} : { rollBackHref: `${base}${PATH}/${version.version}/rollback` }),
    };
    await web.pages.show(ctx, 'console/policy-version', model, session);
  });
  rollBackPages(deps, router, web);
}

function rollBackPages({ service, issuer }: VersionPagesDeps, router: Router, web: Web): void {
  const base = basePathOf(issuer);
  const show = async (ctx: Context, session: BrowserSession, fault?: string) => {
    const { version, policies } = await service.version(parseWith(number, idOf(ctx)));
    const model = {
      heading: `Put version ${version} back?`,
      words: `What is in force now is replaced by the ${policies.length === 1 ? 'one policy' : `${policies.length} policies`} of that version, on every server, at once. Nothing is lost: this becomes a version of its own.`,
      action: `${base}${PATH}/${version}/rollback`,
      backHref: `${base}${PATH}/${version}`,
      submit: 'Put it back',
      current: 'policies',
      reasons: true,
      values: { reason: '' },
      ...(fault === undefined ? {} : { status: 400, faults: [{ field: 'reason', message: fault }] }),
    };
    await web.pages.show(ctx, 'console/confirm', model, session);
  };
  router.get(`${PATH}/:id/rollback`, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGE);
    if (session !== undefined) await show(ctx, session);
  });
  router.post(`${PATH}/:id/rollback`, async (ctx) => {
    const session = await web.guard.session(ctx, CHANGE);
    if (session === undefined) return;
    const parsed = policyReason.safeParse({ reason: (await web.pages.form(ctx))['reason'] });
    if (!parsed.success) {
      await show(ctx, session, 'Say why.');
      return;
    }
    try {
      const version = await service.rollBack(parseWith(number, idOf(ctx)), parsed.data, personAsChanger(session));
      web.pages.redirect(ctx, PATH, { kind: 'done', text: `Version ${idOf(ctx)} is in force again, as version ${version}.` });
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'conflict') throw error;
      await show(ctx, session, error.message);
    }
  });
}
