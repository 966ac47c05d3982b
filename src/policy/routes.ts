import type Router from '@koa/router';
import { z } from 'zod';
import type { Clock } from '../platform/clock.ts';
import { AppError } from '../platform/errors.ts';
import { basePathOf } from '../platform/http/issuer-path.ts';
import { managementApi, type Sent } from '../platform/http/operation.ts';
import { pageBody } from '../platform/http/paging.ts';
import type { ApiCaller, BrowserSession, Role, Web } from '../platform/http/web.ts';
import type { StoredDecision } from './decision.ts';
import type { ExplanationService } from './explanation/service.ts';
import {
  decisionBody,
  type Namer,
  presentDecision,
  presentExplanation,
  presentForAgent,
  presentPage,
  readableDecision,
} from './present.ts';
import type { PolicyService } from './service.ts';

/** Who may read decisions is asked of the records (security rule R24). */
export interface DecisionReaders {
  /** The role of a person, or undefined when there is no such (active) account. */
  roleOf(accountId: string): Promise<Role | undefined>;
  /** Whether a person answers for an agent, alone or through a group. */
  ownsAgent(accountId: string, agentId: string): Promise<boolean>;
  readonly nameOf: Namer;
}

/** What the routes stand on. */
export interface PolicyRoutesDeps {
  readonly service: Pick<PolicyService, 'get' | 'list'>;
  readonly explanations: ExplanationService;
  readonly readers: DecisionReaders;
  readonly clock: Clock;
  readonly issuer: URL;
}

const READ_ALL: readonly Role[] = ['admin', 'auditor'];

const query = z.object({
  agent_id: z.string().max(64).optional(),
  subject_id: z.string().max(64).optional(),
  client_id: z.string().max(2_000).optional(),
  effect: z.enum(['permit', 'deny', 'approval', 'step_up']).optional(),
  cursor: z
    .string()
    .regex(/^dec_[0-9a-f]{32}$/)
    .optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

function notFound(): AppError {
  return new AppError('not_found', 'There is no such decision.');
}

/** A person's own reach: what is about them, and what is about an agent they answer for. */
async function concerns(accountId: string, decision: StoredDecision, readers: DecisionReaders): Promise<boolean> {
  if (decision.subjectId === accountId) return true;
  return decision.agentId !== undefined && (await readers.ownsAgent(accountId, decision.agentId));
}

async function mayReadAll({ accountId, subjectProfile }: ApiCaller, readers: DecisionReaders): Promise<boolean> {
  if (accountId === undefined) return subjectProfile === 'service';
  const role = await readers.roleOf(accountId);
  return role !== undefined && READ_ALL.includes(role);
}

/** What this caller may read of a decision. @throws {AppError} `not_found`, also for what exists and is not theirs. */
async function forCaller(
  caller: ApiCaller,
  decision: StoredDecision,
  { readers, explanations }: PolicyRoutesDeps,
): Promise<Sent<typeof readableDecision>> {
  const isTheirs = caller.accountId !== undefined && (await concerns(caller.accountId, decision, readers));
  const mayReadPolicies = await mayReadAll(caller, readers);
  if (isTheirs || mayReadPolicies) {
    const found = await explanations.of(decision);
    const explanation = found === undefined ? {} : { explanation: presentExplanation(found, { mayReadPolicies }) };
    return { ...presentDecision(decision), ...explanation };
  }
  if (caller.subjectProfile === 'ai_agent' && caller.subject === decision.agentId) return presentForAgent(decision);
  throw notFound();
}

async function forSession(session: BrowserSession, decision: StoredDecision, readers: DecisionReaders): Promise<void> {
  if (READ_ALL.includes(session.role) || (await concerns(session.accountId, decision, readers))) return;
  throw notFound();
}

/** `/api/v1/decisions` and the page that `error_uri` leads to. */
export function policyRoutes(deps: PolicyRoutesDeps): (router: Router, web: Web) => void {
  const { service, explanations, readers, clock, issuer } = deps;
  return (router, web) => {
    const api = managementApi(router, web);
    const list = { summary: 'List the decisions', scope: 'admin:read', query, answer: pageBody(decisionBody) } as const;
    api.get('/api/v1/decisions', list, async ({ caller, query: wanted }) => {
      if (!(await mayReadAll(caller, readers))) throw new AppError('forbidden', 'Only administrators and auditors list decisions.');
      const { agent_id: agentId, subject_id: subjectId, client_id: clientId, ...rest } = wanted;
      const page = await service.list({ agentId, subjectId, clientId, ...rest });
      return {
        items: page.decisions.map(presentDecision),
        ...(page.nextCursor === undefined ? {} : { next_cursor: page.nextCursor }),
      };
    });
    const read = { summary: 'Read a decision: which rule, why, and what would allow it', scope: 'admin:read' } as const;
    api.get('/api/v1/decisions/:id', { ...read, answer: readableDecision }, async ({ ctx, caller }) =>
      forCaller(caller, await service.get(ctx.params['id'] ?? ''), deps),
    );
    router.get('/console/decisions/:id', async (ctx) => {
      const session = await web.guard.session(ctx);
      if (session === undefined) return;
      const decision = await service.get(ctx.params['id'] ?? '');
      await forSession(session, decision, readers);
      const base = READ_ALL.includes(session.role) ? basePathOf(issuer) : undefined;
      const explanation = await explanations.of(decision);
      const page = await presentPage(decision, { nameOf: readers.nameOf, now: clock.now(), explanation, base });
      const maySeeTokens = READ_ALL.includes(session.role) && decision.effect === 'permit';
      const gave = maySeeTokens ? { gave: new URLSearchParams({ decision: decision.id, client: decision.clientId }).toString() } : {};
      await web.pages.show(ctx, 'console/decision', { ...page, ...gave }, session);
    });
  };
}
