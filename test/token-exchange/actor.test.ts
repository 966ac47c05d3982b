import { describe, expect, test } from '@jest/globals';
import { type ActorFacts, decideActor } from '../../src/token-exchange/actor.ts';

const issuer = 'https://as.example';
const active = { id: 'agt_a', isActive: true };
const inbound = { iss: issuer, sub: 'agt_z' };
const proven = { iss: issuer, sub: 'agt_p', sub_profile: 'ai_agent' };

const decided = (change: Partial<ActorFacts>, client: Partial<ActorFacts['client']> = {}) =>
  decideActor({
    issuer,
    actorToken: undefined,
    inbound: undefined,
    ...change,
    client: { authMethod: 'private_key_jwt', linkedAgents: [], serviceId: undefined, ...client },
  });

const acts = (sub: string, profile: string, source: string) => ({
  ok: true,
  value: { kind: 'actor', actor: { iss: issuer, sub, sub_profile: profile }, source },
});
const continues = { ok: true, value: { kind: 'continuation' } };
const refusedAs = (error: string) => ({ ok: false, refusal: { error } });

describe('R3: who acts', () => {
  test('the subject of the actor token comes first', () => {
    expect(decided({ actorToken: { actor: proven, isHeldByClient: true } }, { linkedAgents: [active] })).toEqual(
      acts('agt_p', 'ai_agent', 'actor_token'),
    );
  });

  test('an actor token that somebody else holds lends its name to nobody', () => {
    expect(decided({ actorToken: { actor: proven, isHeldByClient: false }, inbound }, { linkedAgents: [active] })).toMatchObject(
      refusedAs('invalid_grant'),
    );
  });

  test('else the one active agent of a client that authenticated', () => {
    expect(decided({ inbound }, { linkedAgents: [active] })).toEqual(acts('agt_a', 'ai_agent', 'linked_agent'));
  });

  test.each([
    ['did not authenticate', { authMethod: 'none', linkedAgents: [active] }],
    ['has no method on record', { authMethod: '', linkedAgents: [active] }],
    ['stands for two agents', { linkedAgents: [active, { id: 'agt_b', isActive: true }] }],
    ['stands for none', {}],
    ['is a service that did not authenticate', { authMethod: 'none', serviceId: 'svc_1' }],
    ['is a service and stands for two agents', { serviceId: 'svc_1', linkedAgents: [active, { id: 'agt_b', isActive: true }] }],
  ])('a client that %s names no actor: the chain goes on, and without one nothing does', (_, client) => {
    expect(decided({ inbound }, client)).toEqual(continues);
    expect(decided({}, client)).toMatchObject(refusedAs('invalid_request'));
  });

  test('a resource server acts as a service', () => {
    expect(decided({ inbound }, { serviceId: 'svc_1' })).toEqual(acts('svc_1', 'service', 'resource_server_client'));
  });

  test('R5: an agent that is not active gets nothing, by no way', () => {
    const linkedAgents = [{ id: 'agt_a', isActive: false }];
    expect(decided({ inbound }, { linkedAgents })).toMatchObject(refusedAs('unauthorized_client'));
    expect(decided({ actorToken: { actor: proven, isHeldByClient: true } }, { linkedAgents })).toMatchObject(
      refusedAs('unauthorized_client'),
    );
    expect(decided({ inbound }, { linkedAgents: [active, ...linkedAgents] })).toMatchObject(refusedAs('unauthorized_client'));
  });
});
