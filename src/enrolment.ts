/**
 * Where registration meets the registry: software that was let in with an initial access token becomes an agent in the same
 * transaction, below the agent that asked for the token if one did, and software that asks for more than it was let in for goes
 * under review. Joins capabilities that do not know each other; app.ts passes it as their hooks.
 */
import { type AgentEditor, type Agents, beyond } from './agents/index.ts';
import type { ClientRecord, Clients, OnRegistered, OnUpdate } from './client-registration/index.ts';
import { AppError } from './platform/errors.ts';
import type { PolicyService } from './policy/index.ts';
import type { Revocation } from './revocation/index.ts';

/** The hooks of registration. Each runs in the transaction of the registration. */
export interface Enrolment {
  readonly onRegistered: OnRegistered;
  /** A child's registration does not come to ask for more than its parent may have. */
  readonly onUpdate: OnUpdate;
  /** An update widened what the client may do: its agent may not act until somebody looked (security rule R14). */
  readonly onWidened: (clientId: string) => Promise<void>;
  /** An administrator says whom a client works for. What it held as another agent ends. */
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

const grantsOf = (metadata: Readonly<Record<string, unknown>>) =>
  Array.isArray(metadata['grant_types']) ? metadata['grant_types'].map(String) : [];

/** Scopes that an update adds; undefined: any, where there was a list before. */
function addedScopes(before: ClientRecord['scopes'], after: ClientRecord['scopes']): readonly string[] | undefined {
  if (before === undefined) return [];
  return after?.filter((scope) => !before.includes(scope));
}

interface EnrolmentDeps {
  readonly agents: () => Agents;
  readonly clients: () => Pick<Clients, 'software'>;
  readonly policy: () => Pick<PolicyService, 'refuse'>;
  readonly revocation: () => Pick<Revocation, 'cascade'>;
}

async function linkByHand({ agents, clients, revocation }: EnrolmentDeps, agentId: string, clientId: string): Promise<void> {
  const before = await agents().findByClient(clientId);
  if (before !== undefined && before.id !== agentId) {
    await agents().unlinkClient(clientId, CONSOLE);
    await revocation().cascade.onClientDisabled(clientId);
  }
  await agents().linkClient(agentId, clientId, CONSOLE);
  const instance = await clients().software.instanceOf(clientId);
  if (instance !== undefined) await clients().software.actsAs(instance.software.id, agentId);
}

/** The agent below the one that asked for the token; what its record no longer allows is refused, and the token not used up. */
async function enrolChild(deps: EnrolmentDeps, { clientId, metadata, initialAccessToken }: Parameters<OnRegistered>[0]): Promise<string> {
  const { parent, createdAt: askedAt } = initialAccessToken;
  if (parent === undefined) throw new Error('an administrator made this token');
  const displayName = nameFrom(metadata, clientId);
  try {
    return (await deps.agents().enrolChild(parent.agentId, { displayName, validUntil: parent.agentUntil, askedAt })).id;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return deps.policy().refuse({
      rule: 'child-room',
      error: error.code === 'invalid_input' ? 'invalid_client_metadata' : 'access_denied',
      status: error.code === 'invalid_input' ? 400 : 403,
      reason: error.message,
      remedy: 'An administrator can allow the agent more agents below it, or let it act again.',
      clientId: parent.clientId,
      agentId: parent.agentId,
      action: 'enrol_child',
      input: { initial_access_token: initialAccessToken.id },
    });
  }
}

/** The hooks over the registry. */
export function createEnrolment(deps: EnrolmentDeps): Enrolment {
  return {
    async onRegistered(registered) {
      const { clientId, metadata, initialAccessToken } = registered;
      const { owner, agentState, agentTtlMinutes: ttlMinutes, parent } = initialAccessToken;
      if (parent !== undefined) {
        const by: AgentEditor = { kind: 'agent', id: parent.agentId, party: 'system' };
        return deps.agents().linkClient(await enrolChild(deps, registered), clientId, by);
      }
      const displayName = nameFrom(metadata, clientId);
      const made = { displayName, owner, status: agentState, ttlMinutes, source: 'registration' };
      const agent = await deps.agents().create(made, REGISTRATION);
      await deps.agents().linkClient(agent.id, clientId, REGISTRATION);
    },
    async onUpdate({ before, after }) {
      const agent = await deps.agents().findByClient(before.id);
      if (agent?.parentId === undefined) return;
      const had = grantsOf(before.metadata);
      const added = {
        resources: before.bounds.resources,
        scopes: addedScopes(before.scopes, after.scopes),
        grantTypes: grantsOf(after.metadata).filter((grant) => !had.includes(grant)),
        detailTypes: [],
      };
      const line = await deps.agents().lineFrom(agent.parentId);
      const excess = line.map(({ reach }) => beyond(reach, added)).find((one) => one !== undefined);
      if (excess === undefined) return;
      deps.policy().refuse({
        rule: 'parent-scope',
        error: 'invalid_client_metadata',
        reason: `An agent above this one may not have ${excess}, and a child never has more.`,
        remedy: 'An administrator can add it to the client of the parent.',
        clientId: before.id,
        agentId: agent.id,
        action: 'update_registration',
        input: { excess },
      });
    },
    async onWidened(clientId) {
      const agent = await deps.agents().findByClient(clientId);
      if (agent === undefined || (agent.status !== 'active' && !agent.actsUnderReview)) return;
      await deps.agents().setStatus(agent.id, 'underReview', { by: REGISTRATION, reason: 'Its registration asks for more than before.' });
    },
    linkClient: (agentId, clientId) => linkByHand(deps, agentId, clientId),
  };
}
