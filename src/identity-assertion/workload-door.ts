import type { AuditRecorder } from '../audit/index.ts';
import { preauthenticate, Refusal as EngineRefusal, ROUTES } from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import { type Distrusted, takeApart, type Trust, type Trusted } from '../trust/index.ts';
import { assertionIn, type FrontContext, mayBeWithoutClient, readAndPutBack } from './front.ts';
import { ID_JAG_TYPE } from './id-jag.ts';
import { JWT_BEARER } from './issue.ts';
import { type createRefusals, refusalOf } from './refusing.ts';

/** Types a platform gives its tokens; each profile has a type of its own, so nothing else is taken for one (R25). */
const PLATFORM_TYPES = [undefined, 'JWT'] as const;

/** What stands in front of the token endpoint. */
export interface WorkloadDoor {
  /** Lets requests of workloads through to the engine, as the client of their agent; all others pass untouched. */
  readonly front: (ctx: FrontContext, next: () => Promise<unknown>) => Promise<unknown>;
  /** What was verified for a request; undefined for one that came with a client of its own. */
  verifiedFor(request: object): Trusted | undefined;
}

/** What the door stands on. */
export interface WorkloadDoorDeps {
  readonly clock: Clock;
  readonly audit: AuditRecorder;
  readonly trust: Pick<Trust, 'verify'>;
  readonly refuse: ReturnType<typeof createRefusals>;
  readonly transaction: (work: () => Promise<void>) => Promise<void>;
}

function answer(ctx: FrontContext, body: Readonly<Record<string, unknown>>): void {
  ctx.status = 400;
  ctx.set({ 'cache-control': 'no-store' });
  ctx.body = body;
}

/**
 * MCP workload identity federation (SEP-1933; draft Workload Authorization Grant): a jwt-bearer request without client and
 * secret. The token of its platform is verified here, its record says which agent it is, and the engine is told the client of that
 * agent. The client proves itself by nothing else, so there is no other way to use it. Failures are `invalid_grant`, all alike.
 */
export function createWorkloadDoor(deps: WorkloadDoorDeps): WorkloadDoor {
  const { clock, audit, trust, refuse } = deps;
  const verified = new WeakMap<object, Trusted>();

  const turnAway = async (ctx: FrontContext, { fault, provider }: Distrusted) => {
    const refusal = refusalOf(fault, 'anybody');
    const { error, reason } = refusal;
    if (provider?.clientId === undefined) {
      // nobody's record: there is no decision to keep, but what was tried is
      const actor = { kind: 'anonymous', id: 'workload' } as const;
      const about = provider === undefined ? {} : { resource: provider.id };
      await deps.transaction(() => audit.record({ type: 'assertion.refused', actor, ...about, outcome: 'refused', cause: fault }));
      return answer(ctx, { error, error_description: reason });
    }
    try {
      return refuse({ clientId: provider.clientId, agentId: provider.agentId, provider, fault }, refusal);
    } catch (thrown) {
      if (!(thrown instanceof EngineRefusal)) throw thrown;
      return answer(ctx, { error: thrown.error, error_description: thrown.error_description, ...thrown.extra });
    }
  };
  return {
    verifiedFor: (request) => verified.get(request),
    async front(ctx, next) {
      if (!mayBeWithoutClient(ctx, ROUTES.token)) return next();
      const body = await readAndPutBack(ctx.req);
      const assertion = body === undefined ? undefined : assertionIn(new URLSearchParams(body), JWT_BEARER);
      // an identity assertion needs a client: the engine says so
      if (assertion === undefined || takeApart(assertion)?.header.typ === ID_JAG_TYPE) return next();
      const found = await trust.verify(assertion, { kind: 'workload', typ: PLATFORM_TYPES, now: clock.now() });
      if (!found.ok) return turnAway(ctx, found);
      verified.set(ctx.req, found);
      preauthenticate(ctx as never, found.provider.clientId ?? '');
      return next();
    },
  };
}
