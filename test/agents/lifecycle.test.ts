import { describe, expect, test } from '@jest/globals';
import {
  type AgentStatus,
  agentStatuses,
  decideInitialStatus,
  decideTransition,
  type LifecycleParty,
  lifecycleTransitions,
  mayIssueTokens,
  tokenIssuance,
} from '../../src/agents/lifecycle.ts';

const parties: readonly LifecycleParty[] = ['administrator', 'owner', 'provisioner', 'system'];
const reachable = (from: AgentStatus, by: LifecycleParty) =>
  agentStatuses.filter((to) => to !== from && decideTransition({ from, to, by, hasOwner: true }).allowed);

describe('the lifecycle of an agent', () => {
  test.each<[AgentStatus, LifecycleParty, AgentStatus[]]>([
    ['proposed', 'administrator', ['active', 'underReview', 'suspended', 'retired']],
    ['proposed', 'owner', ['suspended', 'retired']],
    ['proposed', 'provisioner', ['active', 'underReview', 'suspended', 'retired']],
    ['proposed', 'system', ['underReview', 'suspended', 'retired']],
    ['active', 'administrator', ['underReview', 'suspended', 'retired']],
    ['active', 'owner', ['suspended', 'retired']],
    ['active', 'provisioner', ['underReview', 'suspended', 'retired']],
    ['active', 'system', ['underReview', 'suspended']],
    ['underReview', 'administrator', ['active', 'suspended', 'retired']],
    ['underReview', 'owner', ['suspended', 'retired']],
    ['underReview', 'provisioner', ['active', 'suspended', 'retired']],
    ['underReview', 'system', ['suspended']],
    ['suspended', 'administrator', ['active', 'underReview', 'retired']],
    ['suspended', 'owner', ['retired']],
    ['suspended', 'provisioner', ['active', 'underReview', 'retired']],
    ['suspended', 'system', []],
    ['retired', 'administrator', []],
    ['retired', 'owner', []],
    ['retired', 'provisioner', []],
    ['retired', 'system', []],
  ])('%s, moved by %s: %j', (from, by, expected) => {
    expect(reachable(from, by)).toEqual(expected);
  });

  test('says why not', () => {
    expect(decideTransition({ from: 'retired', to: 'active', by: 'administrator', hasOwner: true })).toEqual({
      allowed: false,
      reason: 'no_such_transition',
    });
    expect(decideTransition({ from: 'suspended', to: 'active', by: 'owner', hasOwner: true })).toEqual({
      allowed: false,
      reason: 'not_permitted',
    });
    expect(decideTransition({ from: 'proposed', to: 'active', by: 'administrator', hasOwner: false })).toEqual({
      allowed: false,
      reason: 'owner_required',
    });
  });

  test('every move into active needs an owner, and no other does: stopping is never held up', () => {
    for (const { to, isOwnerRequired } of lifecycleTransitions) expect(isOwnerRequired).toBe(to === 'active');
  });

  test('repeating a move changes nothing and does not fail', () => {
    for (const status of agentStatuses)
      for (const by of parties)
        expect(decideTransition({ from: status, to: status, by, hasOwner: false })).toEqual({ allowed: true, change: 'unchanged' });
  });

  test.each<[AgentStatus, boolean, boolean]>([
    ['proposed', false, true],
    ['active', true, true],
    ['active', false, false],
    ['underReview', true, false],
    ['suspended', true, false],
    ['retired', true, false],
  ])('a new agent in state %s, owner %s: %s', (wanted, hasOwner, allowed) => {
    expect(decideInitialStatus({ wanted, hasOwner }).allowed).toBe(allowed);
  });

  test('R5: only an active agent gets tokens; policy may open two states; suspended and retired never', () => {
    expect(agentStatuses.filter(mayIssueTokens)).toEqual(['active']);
    expect(agentStatuses.map(tokenIssuance)).toEqual(['byPolicy', 'allowed', 'byPolicy', 'never', 'never']);
  });
});
