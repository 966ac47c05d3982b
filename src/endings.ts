/**
 * What ends with an agent: questions it asked, tokens and what could still become one, and, when it ends for good by itself, the
 * clients it authenticated through. Joins capabilities that do not know each other; app.ts passes it as hooks of the registry.
 */
import type { Agents } from './agents/index.ts';
import type { Approvals } from './approvals/index.ts';
import type { Clients } from './client-registration/index.ts';
import type { Revocation } from './revocation/index.ts';

/** The hooks of the registry. Each runs in the transaction that stops the agents. */
export interface Endings {
  readonly onSuspended: (agentId: string) => Promise<void>;
  /** Until a review is over: its tokens and questions end, what people allowed it waits. */
  readonly onPaused: (agentId: string) => Promise<void>;
  readonly onManySuspended: (agentIds: readonly string[]) => Promise<void>;
  readonly onEnded: (agentId: string) => Promise<void>;
}

/** Given as functions, because app.ts builds them after the registry. */
interface Parts {
  readonly agents: () => Pick<Agents, 'clientsOf'>;
  readonly approvals: () => Pick<Approvals, 'withdrawOf'>;
  readonly clients: () => Pick<Clients, 'find' | 'remove'>;
  readonly revocation: () => Pick<Revocation, 'cascade'>;
}

const REGISTRY = { kind: 'system', id: 'agents' } as const;

/** The hooks over the capabilities. */
export function createEndings({ agents, approvals, clients, revocation }: Parts): Endings {
  const onManySuspended = async (agentIds: readonly string[]) => {
    await approvals().withdrawOf(agentIds, 'agent.suspended');
    await revocation().cascade.onAgentsSuspended(agentIds);
  };
  return {
    onManySuspended,
    onSuspended: (agentId) => onManySuspended([agentId]),
    async onPaused(agentId) {
      await approvals().withdrawOf([agentId], 'agent.reviewed');
      await revocation().cascade.onAgentPaused(agentId);
    },
    async onEnded(agentId) {
      for (const clientId of await agents().clientsOf(agentId)) {
        if ((await clients().find(clientId)) !== undefined) await clients().remove(clientId, REGISTRY);
      }
    },
  };
}
