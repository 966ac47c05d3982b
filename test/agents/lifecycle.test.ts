import { describe, expect, test } from '@jest/globals';
import {
  type AgentStatus,
  agentStatuses,
  decideInitialStatus,
  decideTransition,
  isStartedByOwner,
  type LifecycleParty,
  lifecycleTransitions,
  mayIssueTokens,
  type OwnStart,
  tokenIssuance,
} from '../../src/agents/lifecycle.ts';

const parties: readonly LifecycleParty[] = ['administrator', 'owner', 'provisioner', 'system'];
const reachable = (from: AgentStatus, by: LifecycleParty) =>
  agentStatuses.filter((to) => to !== from && decideTransition({ from, to, by, hasOwner: true }).allowed);

describe('the lifecycle of an agent', () => {
  test.each<[AgentStatus, LifecycleParty, AgentStatus[]]>([
    ['proposed', 'administrator', ['active', 'underReview', 'suspended', 'retired']],
    ['proposed', 'owner', ['active', 'suspended', 'retired']],
    ['proposed', 'provisioner', ['active', 'underReview', 'suspended', 'retired']],
    ['proposed', 'system', ['underReview', 'suspended', 'retired']],
    ['active', 'administrator', ['underReview', 'suspended', 'retired']],
    ['active', 'owner', ['suspended', 'retired']],
    ['active', 'provisioner', ['underReview', 'suspended', 'retired']],
    ['active', 'system', ['underReview', 'suspended', 'retired']],
    ['underReview', 'administrator', ['active', 'suspended', 'retired']],
    ['underReview', 'owner', ['suspended', 'retired']],
    ['underReview', 'provisioner', ['active', 'suspended', 'retired']],
    ['underReview', 'system', ['suspended', 'retired']],
    ['suspended', 'administrator', ['active', 'underReview', 'retired']],
    ['suspended', 'owner', ['active', 'retired']],
    ['suspended', 'provisioner', ['active', 'underReview', 'retired']],
    ['suspended', 'system', ['retired']],
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
    expect(decideTransition({ from: 'underReview', to: 'active', by: 'owner', hasOwner: true })).toEqual({
      allowed: false,
      reason: 'not_permitted',
    });
    expect(decideTransition({ from: 'proposed', to: 'active', by: 'administrator', hasOwner: false })).toEqual({
      allowed: false,
      reason: 'owner_required',
    });
  });

  test('R14: no rule of the server lets an agent run', () => {
    for (const { to, by } of lifecycleTransitions) if (to === 'active') expect(by).not.toContain('system');
  });

  test.each<[string, Partial<OwnStart>, boolean]>([
    ['new and of low risk', {}, true],
    ['new and of medium risk', { riskLevel: 'medium' }, false],
    ['new and of high risk', { riskLevel: 'high' }, false],
    ['under review', { status: 'underReview' }, false],
    ['stopped by themselves while it ran', { status: 'suspended', statusBefore: 'active', statusChangedBy: 'usr_owner' }, true],
    ['stopped by themselves before it ran', { status: 'suspended', statusBefore: 'proposed', statusChangedBy: 'usr_owner' }, true],
    ['stopped by themselves during a review', { status: 'suspended', statusBefore: 'underReview', statusChangedBy: 'usr_owner' }, false],
    ['stopped by somebody else', { status: 'suspended', statusBefore: 'active', statusChangedBy: 'usr_other' }, false],
    ['stopped by the server', { status: 'suspended', statusBefore: 'active' }, false],
    [
      'stopped by themselves, of high risk',
      { status: 'suspended', statusBefore: 'active', statusChangedBy: 'usr_owner', riskLevel: 'high' },
      false,
    ],
  ])('R8: an owner alone lets run what is %s: %j %s', (_, agent, expected) => {
    const fresh = { status: 'proposed', statusBefore: undefined, statusChangedBy: undefined, riskLevel: 'low' } as const;
    expect(isStartedByOwner({ ...fresh, ...agent }, 'usr_owner')).toBe(expected);
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
