import type Router from '@koa/router';
import { z } from 'zod';
import type { Clock } from '../../platform/clock.ts';
import { AppError } from '../../platform/errors.ts';
import { managementApi } from '../../platform/http/operation.ts';
import { pageBody, pageOf, pageQuery, startOf } from '../../platform/http/paging.ts';
import { idOf } from '../../platform/http/path-id.ts';
import type { ApiCaller, BrowserSession, Web } from '../../platform/http/web.ts';
import { type DelegationRequest, stateOf } from './delegation-request.ts';
import { presentRequest, requestBody, requestCard, type RequestNames } from './present.ts';
import type { DelegationRequestService } from './service.ts';

/** What the routes stand on. */
export interface RequestRouteDeps {
  readonly service: DelegationRequestService;
  readonly clock: Clock;
  readonly names: RequestNames;
  /** The issuer's path without a slash at its end. */
  readonly basePath: string;
}

type Context = Parameters<Web['pages']['show']>[0];

const API = '/api/v1/delegation-requests';
/** What agents may do to each other changes only under a recent sign-in (security rule R22). */
const MAY_DECIDE = { roles: ['admin'], maxAgeSeconds: 900 } as const;
const MAY_READ = { roles: ['admin', 'auditor'] } as const;

const listQuery = pageQuery.extend({ agent_id: z.string().max(64).optional(), state: z.enum(['pending']).optional() });

/** Only a person decides; that they are an administrator, the guard has seen to (security rule R6). */
function deciderOf({ accountId }: ApiCaller) {
  if (accountId === undefined) throw new AppError('forbidden', 'Only a person decides.');
  return { accountId, role: 'admin' };
}

/** `/api/v1/delegation-requests`: list, read, and the two answers, which only a person gives. */
export function requestApi({ service, clock }: RequestRouteDeps, router: Router, web: Web): void {
  const api = managementApi(router, web);
  const answer = requestBody;
  const present = (request: DelegationRequest) => presentRequest(request, clock.now());
  const list = { summary: 'List the requests for delegations', scope: 'admin:read', query: listQuery, answer: pageBody(answer) } as const;
  api.get(API, list, async ({ query }) => {
    const { after: cursor, limit } = startOf(query);
    const found = await service.list({ agentId: query.agent_id, cursor, isOpen: query.state === 'pending', limit: limit + 1 });
    const page = pageOf(found, limit, ({ id }) => id);
    return { ...page, items: page.items.map(present) };
  });
  api.get(`${API}/:id`, { summary: 'Read a request for a delegation', scope: 'admin:read', answer }, async ({ ctx }) =>
    present(await service.get(idOf(ctx))),
  );
  for (const [verb, summary] of [
    ['approve', 'Approve a request for a delegation'],
    ['decline', 'Decline a request for a delegation'],
  ] as const)
    api.post(`${API}/:id/${verb}`, { summary, scope: 'admin:write', answer }, async ({ ctx, caller }) =>
      present(await service[verb](idOf(ctx), deciderOf(caller))),
    );
}

/** Shows one request with its two answers, or why this person does not give one. */
export async function showRequest(
  ctx: Context,
  about: { readonly deps: RequestRouteDeps; readonly web: Web; readonly session: BrowserSession; readonly request: DelegationRequest },
  place: { readonly template: string; readonly path: string },
): Promise<void> {
  const { deps, web, session, request } = about;
  const now = deps.clock.now();
  const isOpen = stateOf(request, now) === 'pending';
  const why = isOpen ? await deps.service.reasonNotToDecide(request, session) : undefined;
  const model = {
    ...(await requestCard(request, { names: deps.names, now })),
    action: `${deps.basePath}${place.path}/${request.id}`,
    mayDecide: isOpen && why === undefined,
    ...(why === undefined ? {} : { why }),
  };
  await web.pages.show(ctx, place.template, model, session);
}

/** What was pressed. @throws {AppError} `invalid_input` when it was neither button. */
export function decisionIn(value: unknown): 'approve' | 'decline' {
  if (value === 'approve' || value === 'decline') return value;
  throw new AppError('invalid_input', 'Choose one of the two answers.', { member: 'decision' });
}

/** What is said on the next page. */
export const ANSWERED = {
  approve: { kind: 'done', text: 'Approved. The delegation is in force.' },
  decline: { kind: 'done', text: 'Declined. Nothing is handed on.' },
} as const;

/** `/console/delegation-requests/{id}`: one request, for administrators to answer and auditors to read. */
export function requestConsole(deps: RequestRouteDeps, router: Router, web: Web): void {
  const path = '/console/delegation-requests';
  router.get(`${path}/:id`, async (ctx) => {
    const session = await web.guard.session(ctx, MAY_READ);
    if (session === undefined) return;
    const request = await deps.service.get(idOf(ctx));
    await showRequest(ctx, { deps, web, session, request }, { template: 'console/delegation-request', path });
  });
  router.post(`${path}/:id`, async (ctx) => {
    const session = await web.guard.session(ctx, MAY_DECIDE);
    if (session === undefined) return;
    const decision = decisionIn((await web.pages.form(ctx))['decision']);
    await deps.service[decision](idOf(ctx), session);
    web.pages.redirect(ctx, '/console/delegations', ANSWERED[decision]);
  });
}
