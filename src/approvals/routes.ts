import type Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import type { DetailTypes } from '../authorization-details/index.ts';
import type { Clock } from '../platform/clock.ts';
import { AppError } from '../platform/errors.ts';
import { parseWith } from '../platform/http/body.ts';
import type { EventStreams } from '../platform/http/event-stream.ts';
import { managementApi } from '../platform/http/operation.ts';
import { pageBody, pageQuery as cursorQuery, startOf } from '../platform/http/paging.ts';
import type { ApiCaller, BrowserSession, Form, Role, Routes, Web } from '../platform/http/web.ts';
import { type ApprovalStatus, FRESH_SECONDS, isWaiting } from './approval.ts';
import { approvalId, readApprovalId } from './approval-id.ts';
import { decisionBody, grantedBody, lessIn, readGranted } from './less/form.ts';
import { isLess, type Less, readChoices } from './less/less.ts';
import { presentDecidedLess, presentLess, presentSmaller } from './less/present.ts';
import type { Feed } from './feed.ts';
import {
  approvalBody,
  inboxHeading,
  presentConsoleLine,
  presentInboxLine,
  presentOutcome,
  presentQuestion,
  presentRecord,
} from './present.ts';
import { type ReceiptRouteDeps, receiptRoutes } from './receipts/routes.ts';
import type { ApprovalService } from './service.ts';
import type { Described } from './shown.ts';

interface ApprovalRouteDeps extends ReceiptRouteDeps {
  readonly service: ApprovalService;
  readonly feed: Feed;
  readonly clock: Clock;
  readonly eventStreams: Pick<EventStreams, 'open'>;
  readonly detailTypes: () => DetailTypes;
  /** The issuer's path, without a slash at its end. */
  readonly base: string;
}

const READERS: readonly Role[] = ['admin', 'approver', 'auditor'];
const PAGE = 20;
const MOST_WAITING = 100;
const FINAL: readonly ApprovalStatus[] = ['approved', 'denied', 'expired', 'withdrawn'];
const TABS = {
  waiting: { words: 'Waiting', statuses: ['pending'] },
  approved: { words: 'Approved', statuses: ['approved'] },
  denied: { words: 'Denied', statuses: ['denied'] },
  over: { words: 'Ran out or withdrawn', statuses: ['expired', 'withdrawn'] },
} as const satisfies Record<string, { words: string; statuses: readonly ApprovalStatus[] }>;

const pageQuery = z.object({
  cursor: approvalId.optional().catch(undefined),
  state: z.enum(['waiting', 'approved', 'denied', 'over']).catch('waiting'),
});
const decisionForm = z.object({ decision: z.enum(['approve', 'less', 'deny']), shown: z.string().max(200) });
const confirmationForm = z.object({ credential: z.string().max(16_384).default(''), code: z.string().max(20).default('') });

/** A person's own questions: `/me/approvals`, one page each, and word when something changes. */
function personRoutes(deps: ApprovalRouteDeps, router: Router, { guard, pages }: Web): void {
  const { service, feed, clock, eventStreams, base, detailTypes } = deps;
  const listHref = `${base}/me/approvals`;
  const showOutcome = async (ctx: Context, id: string, session: BrowserSession) => {
    const described = await service.getOwn(id, session.accountId);
    const model = presentOutcome(described, { now: clock.now(), reader: session.accountId, listHref });
    await pages.show(ctx, 'approvals/decided', { ...model, ...presentDecidedLess(described, detailTypes()) }, session);
  };

  const showQuestion = async (ctx: Context, described: Described, { session, error }: { session: BrowserSession; error?: AppError }) => {
    const { approval } = described;
    const [answers, confirmation, asked] = await Promise.all([
      service.countAnswers(approval),
      service.confirmationFor(described),
      service.getOwn(approval.id, session.accountId),
    ]);
    const smaller = isLess(asked.approval, approval)
      ? presentSmaller(asked.approval, approval, detailTypes())
      : { less: presentLess(asked, detailTypes()) };
    const model = { ...presentQuestion(described, { base, now: clock.now(), answers, confirmation, fault: error?.message }), ...smaller };
    await pages.show(
      ctx,
      'approvals/approval',
      error === undefined ? model : { status: error.code === 'forbidden' ? 403 : 400, ...model },
      session,
    );
  };

  /** What would be approved, as it is then decided; or the question again, with what cannot be so. */
  const showLess = async (ctx: Context, id: string, { session, form }: { session: BrowserSession; form: Form }) => {
    try {
      const described = await service.describeLess(id, session.accountId, (approval) => readChoices(approval, form, detailTypes()));
      await showQuestion(ctx, described, { session });
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'invalid_input') throw error;
      await showQuestion(ctx, await service.getOwn(id, session.accountId), { session, error });
    }
  };

  router.get('/me/approvals', async (ctx) => {
    const session = await guard.session(ctx);
    if (session !== undefined) await pages.show(ctx, 'approvals/inbox', await inboxModel(deps, ctx, session), session);
  });
  router.get('/me/approvals/events', async (ctx) => {
    const session = await guard.session(ctx);
    if (session !== undefined) feed.join(eventStreams.open(ctx, { sessionId: session.sessionUid }), session.accountId);
  });
  router.get('/me/approvals/:id', async (ctx) => {
    const id = readApprovalId(ctx.params['id']);
    const session = await guard.session(ctx);
    if (session === undefined) return;
    const described = await service.getOwn(id, session.accountId);
    if (!isWaiting(described.approval, clock.now())) return showOutcome(ctx, id, session);
    // asked before the page is read: a decision must not be lost to a sign-in in between
    if ((await guard.session(ctx, { maxAgeSeconds: FRESH_SECONDS })) === undefined) return;
    await showQuestion(ctx, described, { session });
  });
  router.post('/me/approvals/:id', async (ctx) => {
    const id = readApprovalId(ctx.params['id']);
    const signedIn = await guard.session(ctx);
    if (signedIn === undefined) return;
    const form = { ...(await pages.form(ctx)) };
    const { decision, shown } = parseWith(decisionForm, form);
    if (decision === 'less') return showLess(ctx, id, { session: signedIn, form });
    const less = readGranted(form['granted']);
    const confirmation = parseWith(confirmationForm, form);
    const session = decision === 'deny' ? signedIn : await guard.session(ctx, { maxAgeSeconds: FRESH_SECONDS });
    if (session === undefined) return;
    try {
      await service.decide({ approvalId: id, decision, shown, session, confirmation, less });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (error.details.member === 'confirmation') {
        const described = await (less === undefined
          ? service.getOwn(id, session.accountId)
          : service.describeLess(id, session.accountId, () => less));
        return showQuestion(ctx, described, { session, error });
      }
      // whoever came second sees what was decided, on the same page
      if (error.code !== 'conflict' || error.details.member === 'shown') throw error;
    }
    pages.redirect(ctx, `/me/approvals/${id}`);
  });
}

async function inboxModel({ service, clock, base }: ApprovalRouteDeps, ctx: Context, { accountId }: BrowserSession) {
  const now = clock.now();
  const { cursor } = pageQuery.parse(ctx.query);
  const [pending, decided] = await Promise.all([
    service.list({ accountId, statuses: ['pending'], limit: MOST_WAITING }),
    service.list({ accountId, statuses: FINAL, cursor, limit: PAGE }),
  ]);
  const waiting = pending.items.filter((approval) => isWaiting(approval, now));
  const lines = (approvals: typeof waiting) =>
    Promise.all(approvals.map(async (approval) => presentInboxLine(await service.describe(approval), { base, now })));
  const links = {
    ...(cursor === undefined ? {} : { previousHref: `${base}/me/approvals` }),
    ...(decided.nextCursor === undefined ? {} : { nextHref: `${base}/me/approvals?cursor=${decided.nextCursor}` }),
  };
  return {
    heading: inboxHeading(waiting),
    waiting: await lines(waiting),
    decided: await lines([...decided.items]),
    liveHref: `${base}/me/approvals/events`,
    ...(Object.keys(links).length === 0 ? {} : { pager: { words: `${decided.items.length} decided`, ...links } }),
  };
}

/** Everybody's questions, to read: `/console/approvals`. Deciding stays on the page of whoever was asked. */
function consoleRoutes(deps: ApprovalRouteDeps, router: Router, { guard, pages }: Web): void {
  const { service, feed, clock, eventStreams, base } = deps;
  router.get('/console/approvals', async (ctx) => {
    const session = await guard.session(ctx, { roles: READERS });
    if (session !== undefined) await pages.show(ctx, 'console/approvals', await consoleModel(deps, ctx, session), session);
  });
  router.get('/console/approvals/events', async (ctx) => {
    const session = await guard.session(ctx, { roles: READERS });
    if (session !== undefined) feed.join(eventStreams.open(ctx, { sessionId: session.sessionUid }));
  });
  router.get('/console/approvals/:id', async (ctx) => {
    const id = readApprovalId(ctx.params['id']);
    const session = await guard.session(ctx, { roles: READERS });
    if (session === undefined) return;
    const around = { now: clock.now(), reader: session.accountId, listHref: `${base}/console/approvals` };
    const described = await service.get(id);
    const model = { ...presentOutcome(described, around), ...presentDecidedLess(described, deps.detailTypes()) };
    await pages.show(ctx, 'approvals/decided', model, session);
  });
}

async function consoleModel({ service, clock, base }: ApprovalRouteDeps, ctx: Context, { accountId }: BrowserSession) {
  const now = clock.now();
  const { state, cursor } = pageQuery.parse(ctx.query);
  const href = (name: string, after?: string) => `${base}/console/approvals?state=${name}${after === undefined ? '' : `&cursor=${after}`}`;
  const [page, counts] = await Promise.all([
    service.list({ statuses: TABS[state].statuses, cursor, limit: PAGE }),
    service.countByStatus(),
  ]);
  const shown = state === 'waiting' ? page.items.filter((approval) => isWaiting(approval, now)) : page.items;
  const count = (statuses: readonly ApprovalStatus[]) => statuses.reduce((sum, status) => sum + (counts.get(status) ?? 0), 0);
  const waiting = counts.get('pending') ?? 0;
  const links = {
    ...(cursor === undefined ? {} : { previousHref: href(state) }),
    ...(page.nextCursor === undefined ? {} : { nextHref: href(state, page.nextCursor) }),
  };
  return {
    heading: waiting === 0 ? 'Nothing waits' : waiting === 1 ? 'One question waits' : `${waiting} questions wait`,
    words: 'Each is decided by the person it is asked of. You can read all of them.',
    tabs: Object.entries(TABS).map(([name, tab]) => ({
      href: href(name),
      words: tab.words,
      count: count(tab.statuses),
      current: name === state,
    })),
    approvals: await Promise.all(
      shown.map(async (approval) => presentConsoleLine(await service.describe(approval), { base, now, reader: accountId })),
    ),
    liveHref: `${base}/console/approvals/events`,
    ...(Object.keys(links).length === 0 ? {} : { pager: { words: `${shown.length} approvals`, ...links } }),
  };
}

/** Only a person decides, never a client for itself (R6). */
function personOf({ accountId }: ApiCaller): string {
  if (accountId === undefined) throw new AppError('forbidden', 'Only a person decides approvals.');
  return accountId;
}

/** `/api/v1/approvals`: list, one, and `POST …/{id}/decision` with the hash that was read. */
function apiRoutes({ service, clock }: ApprovalRouteDeps, router: Router, web: Web): void {
  const api = managementApi(router, web);
  // administrators read all; a person who may decide reads what is asked of them
  const readers = ['admin:read', 'approvals:decide'] as const;
  const list = { summary: 'List approvals, newest first', scope: readers, query: cursorQuery, answer: pageBody(approvalBody) } as const;
  api.get('/api/v1/approvals', list, async ({ caller, scope, query }) => {
    const { after, limit } = startOf(query);
    const own = scope === 'admin:read' ? {} : { accountId: personOf(caller) };
    const page = await service.list({ ...own, statuses: ['pending', ...FINAL], cursor: after, limit });
    const items = await Promise.all(page.items.map(async (approval) => presentRecord(await service.describe(approval), clock.now())));
    const next = page.nextCursor === undefined ? {} : { next_cursor: Buffer.from(page.nextCursor).toString('base64url') };
    return { items, ...next };
  });
  api.get(
    '/api/v1/approvals/:id',
    { summary: 'Read an approval', scope: readers, answer: approvalBody },
    async ({ ctx, caller, scope }) => {
      const id = readApprovalId(ctx.params['id']);
      return presentRecord(await (scope === 'admin:read' ? service.get(id) : service.getOwn(id, personOf(caller))), clock.now());
    },
  );
  const decide = { summary: 'Decide what was asked of you', scope: 'approvals:decide', body: decisionBody, answer: approvalBody } as const;
  api.post('/api/v1/approvals/:id/decision', decide, async ({ ctx, caller, body: { decision, shown, ...granted } }) => {
    const session = { accountId: personOf(caller), sessionUid: `token:${caller.jti}` };
    const answer = { approvalId: readApprovalId(ctx.params['id']), decision, shown, session, less: lessIn(granted) };
    return presentRecord(await service.decide(answer), clock.now());
  });
  // the question with less in it, and the hash that approving it has to send back
  const preview = {
    summary: 'See what approving less would be',
    scope: 'approvals:decide',
    body: grantedBody,
    answer: approvalBody,
  } as const;
  api.post('/api/v1/approvals/:id/preview', preview, async ({ ctx, caller, body }) => {
    const choose = (approval: Less) => lessIn(body) ?? approval;
    return presentRecord(await service.describeLess(readApprovalId(ctx.params['id']), personOf(caller), choose), clock.now());
  });
}

/** All pages and interfaces of approvals. */
export function approvalRoutes(deps: ApprovalRouteDeps): Routes {
  return (router, web) => {
    personRoutes(deps, router, web);
    consoleRoutes(deps, router, web);
    apiRoutes(deps, router, web);
    receiptRoutes(deps, router, web);
  };
}
