import { redirectFaultOf } from '../../src/client-registration/index.ts';
import { createProbes } from '../../src/operations/connection/probes.ts';
import { createWalk, type Walk } from '../../src/operations/connection/walk.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { randomIds } from '../../src/platform/ids.ts';
import type { Outgoing } from '../../src/platform/outgoing/dispatcher.ts';
import type { InhabitedServer } from '../support/inhabited-server.ts';

/** The walk that a server's console and command go, with the guard against addresses inside as it is given. */
export function walkOf(server: InhabitedServer, outgoing: Outgoing): Walk {
  const { resourceServers, tokens, clients, policy } = server.app.parts;
  return createWalk({
    issuer: server.issuer,
    clock: systemClock,
    ids: randomIds,
    probes: createProbes(outgoing),
    findResource: resourceServers.findByIdentifier,
    countLiveTokens: tokens.countLive,
    findClient: clients.find,
    redirectFaultOf,
    policy,
  });
}
