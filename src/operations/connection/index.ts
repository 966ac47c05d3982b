/**
 * Why an MCP client does not connect: walks from the protected resource to the call, or from a client to its last refusals, and
 * says at each step what is wrong and how to mend it. It owns no record and changes none; what it asks of the network goes through
 * the guarded way out, and what the other side answers is judged and not repeated (security rule R21).
 */
import type { Command } from '../../capability.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Routes } from '../../platform/http/web.ts';
import type { Outgoing } from '../../platform/outgoing/dispatcher.ts';
import { connectionCommands } from './commands.ts';
import { createProbes } from './probes.ts';
import { connectionRoutes } from './routes.ts';
import { createWalk, type WalkDeps } from './walk.ts';

export type { WalkDeps } from './walk.ts';

/** Its page and its verb. */
export interface ConnectionDoctor {
  readonly routes: Routes;
  readonly commands: readonly Command[];
}

/** Builds it. */
export function createConnectionDoctor(
  deps: Omit<WalkDeps, 'probes' | 'clock'> & { readonly outgoing: Pick<Outgoing, 'fetch'>; readonly clock: Clock },
): ConnectionDoctor {
  const walk = createWalk({ ...deps, probes: createProbes(deps.outgoing) });
  return { routes: connectionRoutes({ walk, clock: deps.clock }), commands: connectionCommands(walk) };
}
