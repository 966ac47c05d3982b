import type { Context, Middleware } from 'koa';
import { nameRoute } from './access-log.ts';

const CHECK_TIMEOUT_MS = 2000;

/** One thing that must work before traffic comes: resolves when it does, rejects when not. */
export type ReadinessCheck = () => Promise<void>;

/** Liveness and readiness, and the switch that takes this server out of a load balancer. */
export interface Health {
  readonly middleware: Middleware;
  /** From now on `/readyz` answers 503: the drain has begun. */
  markDraining(): void;
}

async function outcomeOf(check: ReadinessCheck): Promise<'ok' | 'failed'> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<'failed'>((resolve) => {
    timer = setTimeout(() => resolve('failed'), CHECK_TIMEOUT_MS);
  });
  const run = async (): Promise<'ok'> => {
    await check();
    return 'ok';
  };
  try {
    return await Promise.race([run(), timeout]);
  } catch {
    return 'failed';
  } finally {
    clearTimeout(timer);
  }
}

function answer(ctx: Context, status: number, body: object): void {
  ctx.status = status;
  ctx.set('cache-control', 'no-store');
  ctx.body = body;
}

/**
 * `/healthz` (the process answers) and `/readyz` (every check passed within two seconds; 503 names the ones that did not, never
 * why), at the root and below `basePath`. They answer under any Host: probes ask by address. Callers at the same time share one
 * run of the checks, so nobody can make the database work by asking often.
 */
export function createHealth(deps: { checks: Readonly<Record<string, ReadinessCheck>>; basePath: string }): Health {
  const names = Object.keys(deps.checks);
  let isDraining = false;
  let running: Promise<Record<string, string>> | undefined;

  const runChecks = async (): Promise<Record<string, string>> => {
    const outcomes = await Promise.all(Object.values(deps.checks).map(outcomeOf));
    return Object.fromEntries(names.map((name, index) => [name, outcomes[index] ?? 'failed']));
  };
  const readiness = async (ctx: Context): Promise<void> => {
    if (isDraining) return answer(ctx, 503, { status: 'draining' });
    running ??= runChecks().finally(() => {
      running = undefined;
    });
    const checks = await running;
    const isReady = Object.values(checks).every((outcome) => outcome === 'ok');
    return answer(ctx, isReady ? 200 : 503, { status: isReady ? 'ready' : 'unavailable', checks });
  };
  const middleware: Middleware = async (ctx, next) => {
    const path = ctx.path.startsWith(`${deps.basePath}/`) ? ctx.path.slice(deps.basePath.length) : ctx.path;
    const isProbe = (path === '/healthz' || path === '/readyz') && (ctx.method === 'GET' || ctx.method === 'HEAD');
    if (!isProbe) return next();
    nameRoute(ctx, path);
    return path === '/healthz' ? answer(ctx, 200, { status: 'ok' }) : readiness(ctx);
  };
  return {
    middleware,
    markDraining: () => {
      isDraining = true;
    },
  };
}
