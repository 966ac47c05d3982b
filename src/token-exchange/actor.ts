import type { ActClaim, Actor } from './act-chain.ts';
import { accept, type Outcome, refuse } from './refusal.ts';

/** How the actor was established; recorded with the token (R3). */
export type ActorSource = 'actor_token' | 'linked_agent' | 'resource_server_client';

/** Either a party acts from now on, or the chain goes on unchanged. */
export type ActorDecision =
  | { readonly kind: 'actor'; readonly actor: Actor; readonly source: ActorSource }
  | { readonly kind: 'continuation' };

/** All that the decision looks at; verified by the caller. */
export interface ActorFacts {
  /** Our issuer: the namespace of agents and services. */
  readonly issuer: string;
  /**
   * The actor token, after its signature, audience, lifetime and liveness were checked. `isHeldByClient`: it was issued to this
   * client or is bound to a key that this request proved; otherwise a token that was passed along would lend its name.
   */
  readonly actorToken: { readonly actor: Actor; readonly isHeldByClient: boolean } | undefined;
  readonly client: {
    /** `token_endpoint_auth_method` that was really used; `none` never makes an actor. */
    readonly authMethod: string;
    /** Every agent linked to the client, whatever its status. */
    readonly linkedAgents: readonly { readonly id: string; readonly isActive: boolean }[];
    /** The service id, when the client is a resource server's own. */
    readonly serviceId: string | undefined;
  };
  readonly inbound: ActClaim | undefined;
}

/**
 * R3: who acts. The actor token's subject; else the one active agent of a client that authenticated (an agent may have several
 * clients, but a client with two agents names neither); else
 * the resource server whose own client asks, as a `service`; else the inbound chain goes on unchanged (continuation). With no
 * chain either: `invalid_request`, because the client must not silently become the actor (Actor Profile).
 *
 * A client linked to an agent that is not active gets nothing, continuation included: `unauthorized_client` (R5). An actor
 * that is already outermost is not wrapped again: that is act-chain.ts. An actor token that somebody else holds: `invalid_grant`.
 */
export function decideActor({ issuer, actorToken, client, inbound }: ActorFacts): Outcome<ActorDecision> {
  if (client.linkedAgents.some(({ isActive }) => !isActive)) return refuse('unauthorized_client', 'the agent of this client is not active');
  if (actorToken?.isHeldByClient === false) return refuse('invalid_grant', 'the actor token is not held by this client');
  if (actorToken !== undefined) return accept({ kind: 'actor', actor: actorToken.actor, source: 'actor_token' });
  const isAuthenticated = client.authMethod !== 'none' && client.authMethod !== '';
  const [agent, ...others] = client.linkedAgents;
  if (isAuthenticated && agent !== undefined && others.length === 0) {
    return accept({ kind: 'actor', actor: { iss: issuer, sub: agent.id, sub_profile: 'ai_agent' }, source: 'linked_agent' });
  }
  if (isAuthenticated && agent === undefined && client.serviceId !== undefined) {
    return accept({
      kind: 'actor',
      actor: { iss: issuer, sub: client.serviceId, sub_profile: 'service' },
      source: 'resource_server_client',
    });
  }
  return inbound === undefined
    ? refuse('invalid_request', 'nobody can be named as the actor: send an actor_token')
    : accept({ kind: 'continuation' });
}
