/**
 * Where registration meets the registry: software that was let in with an initial access token becomes an agent in the same
 * transaction, and software that asks for more than it was let in for goes under review. Joins two capabilities that do not know
 * each other; app.ts passes it as their hooks.
 */
import type { AgentEditor, Agents } from './agents/index.ts';
import type { OnRegistered } from './client-registration/index.ts';

/** The hooks of registration. Each runs in the transaction of the registration. */
export interface Enrolment {
  readonly onRegistered: OnRegistered;
  /** An update widened what the client may do: its agent may not act until somebody looked (security rule R14). */
  readonly onWidened: (clientId: string) => Promise<void>;
  readonly linkClient: (agentId: string, clientId: string) => Promise<void>;
}

/** The server itself, by the rules an administrator set on the initial access token. */
const REGISTRATION: AgentEditor = { kind: 'system', id: 'client-registration', party: 'system' };
/** An administrator, who links by hand; the audit of the client names the person. */
const CONSOLE: AgentEditor = { kind: 'system', id: 'console', party: 'administrator' };

const LONGEST_NAME = 120;

function nameFrom(metadata: Readonly<Record<string, unknown>>, clientId: string): string {
  const { client_name: name } = metadata;
  return typeof name === 'string' && name.trim() !== '' ? name.trim().slice(0, LONGEST_NAME) : clientId;
}

/** The hooks over the registry. */
export function createEnrolment(deps: { agents: () => Agents }): Enrolment {
  return {
    async onRegistered({ clientId, metadata, initialAccessToken }) {
      const { owner, agentState } = initialAccessToken;
      const displayName = nameFrom(metadata, clientId);
      const agent = await deps.agents().create({ displayName, owner, status: agentState, source: 'registration' }, REGISTRATION);
      await deps.agents().linkClient(agent.id, clientId, REGISTRATION);
    },
    async onWidened(clientId) {
      const agent = await deps.agents().findByClient(clientId);
      if (agent === undefined || (agent.status !== 'active' && !agent.actsUnderReview)) return;
      await deps.agents().setStatus(agent.id, 'underReview', { by: REGISTRATION, reason: 'Its registration asks for more than before.' });
    },
    linkClient: (agentId, clientId) => deps.agents().linkClient(agentId, clientId, CONSOLE),
  };
}
