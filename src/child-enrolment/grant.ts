import type { TokenEndpointGrantContext } from 'oidc-provider';
import type { Room } from '../agents/index.ts';
import { type GrantTypeContribution, issuerOf, ROUTES, refuse } from '../oidc/index.ts';
import { type Clock, secondsAfter } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { type AgentFacts, type Denial, type FactsSource, type PolicyService, principalFrom } from '../policy/index.ts';
import { childBounds } from './bounds.ts';
import type { Bounds, EnrollingClient } from './client.ts';
import { type ChildRequest, readChildRequest } from './request.ts';

/** The grant by which an agent asks for a child's initial access token. */
export const CHILD_ENROLMENT = 'urn:behalf:params:oauth:grant-type:child-enrolment';
/** What it answers with (RFC 8693 §2.2.1 `issued_token_type`): no access token, good for one registration (RFC 7591 §3). */
export const INITIAL_ACCESS_TOKEN = 'urn:behalf:params:oauth:token-type:initial-access-token';

/** What the grant stands on. */
export interface ChildGrantDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly issuer: URL;
  readonly policy: Pick<PolicyService, 'refuse'> & { readonly facts: FactsSource };
  readonly agents: {
    roomOf(agentId: string): Promise<Room | undefined>;
    whyNoChild(agentId: string): Promise<string | undefined>;
  };
  readonly clients: {
    enrollingClient(clientId: string): Promise<EnrollingClient | undefined>;
    /** The token is in this one answer. */
    readonly initialAccessTokens: { createForChild(child: NewChildToken): Promise<{ readonly token: string }> };
  };
}

/** What a child's token is made of. */
export interface NewChildToken {
  readonly name: string;
  readonly owner: NonNullable<AgentFacts['owner']>;
  readonly bounds: Bounds;
  readonly parent: { readonly agentId: string; readonly clientId: string; readonly agentUntil: Date | undefined };
  readonly ttlSeconds: number;
}

/** Long enough to start the child and let it register; security rule R4 and the registration itself ask again. */
const TTL_SECONDS = 600;
const LONGEST_NAME = 80;

type Reason = Pick<Denial, 'rule' | 'error' | 'reason' | 'remedy'>;
/** Who asks: an agent that may act, through a client that proved itself. */
interface Parent {
  readonly agent: AgentFacts & { readonly owner: NonNullable<AgentFacts['owner']> };
  readonly client: EnrollingClient;
  readonly clientId: string;
}

const ALLOW_MORE = 'An administrator can allow the agent more agents below it.';

function refusals({ policy, db }: Pick<ChildGrantDeps, 'policy' | 'db'>) {
  return {
    byRule: (reason: Reason, { clientId, agentId }: { clientId: string; agentId?: string | undefined }): never =>
      policy.refuse({ ...reason, clientId, agentId, action: 'enrol_child', input: { grant_type: CHILD_ENROLMENT } }),
    malformed: ({ error, description }: { error: string; description: string }): never => refuse(db, { error, description }),
  };
}

/** The grant: answers an initial access token that is bound to the agent which asked (RFC 7591 §3). */
export function childEnrolmentGrant(deps: ChildGrantDeps): GrantTypeContribution {
  const { clock } = deps;
  const { byRule, malformed } = refusals(deps);

  /** Security rules R4 and R5: an authenticated client of one agent that may act, and whose record has room. */
  const parentBehind = async ({ oidc: { client } }: TokenEndpointGrantContext): Promise<Parent> => {
    const { clientId, clientAuthMethod } = client as { clientId: string; clientAuthMethod?: string };
    const error = 'unauthorized_client';
    if (clientAuthMethod === undefined || clientAuthMethod === 'none') {
      const reason = 'This grant needs a client that authenticates.';
      byRule({ rule: 'client-authenticated', error, reason, remedy: 'Register the client with a key or a secret.' }, { clientId });
    }
    const known = await deps.policy.facts(clientId);
    const principal = principalFrom(known);
    if (principal.kind !== 'agent' || principal.agent.owner === undefined) {
      const reason = principal.kind === 'none' ? principal.reason : 'Only an agent enrols agents below itself.';
      const remedy = 'Link the client to an active agent.';
      return byRule({ rule: 'child-of-an-agent', error, reason, remedy }, { clientId, agentId: known.agent?.id });
    }
    const { agent } = principal;
    const reason = await deps.agents.whyNoChild(agent.id);
    if (reason !== undefined) byRule({ rule: 'child-room', error, reason, remedy: ALLOW_MORE }, { clientId, agentId: agent.id });
    const own = await deps.clients.enrollingClient(clientId);
    if (own === undefined) return malformed({ error, description: 'the client is gone' });
    return { agent: { ...agent, owner: principal.agent.owner }, client: own, clientId };
  };
  const boundsFor = async ({ agent, client, clientId }: Parent, { scopes, resources }: ChildRequest): Promise<Bounds> => {
    const isParent = ((await deps.agents.roomOf(agent.id))?.depth ?? 0) > 1;
    const found = childBounds(client, { scopes, resources, isParent }, CHILD_ENROLMENT);
    if (found.ok) return found.bounds;
    const { error, excess } = found;
    const rule = error === 'invalid_scope' ? 'parent-scope' : 'parent-resource';
    const reason = `The agent itself may not have ${excess}, and a child never has more.`;
    return byRule({ rule, error, reason, remedy: 'Ask only for what the agent may have itself.' }, { clientId, agentId: agent.id });
  };

  return {
    parameters: ['scope', 'resource', 'agent_valid_for'],
    duplicates: ['resource'],
    async handler(ctx) {
      const parent = await parentBehind(ctx);
      const read = readChildRequest((ctx.oidc.params ?? {}) as Record<string, unknown>);
      const request = read.ok ? read.request : malformed(read);
      const bounds = await boundsFor(parent, request);
      const { agent, clientId } = parent;
      const { agentValidFor } = request;
      const agentUntil = agentValidFor === undefined ? undefined : secondsAfter(clock.now(), agentValidFor);
      const { token } = await deps.clients.initialAccessTokens.createForChild({
        name: `Child of ${agent.displayName}`.slice(0, LONGEST_NAME),
        owner: agent.owner,
        bounds,
        parent: { agentId: agent.id, clientId, agentUntil },
        ttlSeconds: TTL_SECONDS,
      });
      ctx.body = {
        access_token: token,
        token_type: 'Bearer',
        issued_token_type: INITIAL_ACCESS_TOKEN,
        expires_in: TTL_SECONDS,
        registration_endpoint: `${issuerOf(deps.issuer)}${ROUTES.registration}`,
        agent_id: agent.id,
        grant_types: bounds.grantTypes,
        ...(bounds.scopes === undefined ? {} : { scope: bounds.scopes.join(' ') }),
        ...(bounds.resources === undefined ? {} : { resource: bounds.resources }),
      };
    },
  };
}
