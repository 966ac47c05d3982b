import { isDeepStrictEqual } from 'node:util';
import type { Ids } from '../platform/ids.ts';
import { type Agent, type AgentChanges, type AgentDetails, detailsOfNew, isSameOwner, type NewAgent, readDetails } from './agent.ts';
import { type AgentEditor, recordBy } from './agent-event.ts';
import { assertEnd, endOfNew } from './ending/lifetime.ts';
import type { Placement } from './family/placement.ts';
import { decideInitialStatus, isActing } from './lifecycle.ts';
import { assertAlive } from './owners.ts';
import { assertMayLetRun, changedMeanwhile, lifecycleRefusal, noSuchAgent, type StatusDeps } from './status.ts';

/** An edit: which members, and the version it was made from, if the editor knows it. */
export interface AgentEdit {
  readonly changes: AgentChanges;
  readonly version?: number | undefined;
}

type EditingDeps = Omit<StatusDeps, 'onSuspended' | 'onActivated' | 'onPaused' | 'stopBelow'> & {
  readonly ids: Ids;
  readonly placement: Placement;
  /** What describes an agent changed; runs inside the transaction that changes it. */
  readonly onEdited?: ((before: Agent, after: Agent) => Promise<void>) | undefined;
};

type NewInput = { readonly input: NewAgent; readonly by: AgentEditor; readonly at: Date };

/** The editable part of an agent. */
function detailsIn(agent: AgentDetails): AgentDetails {
  const { displayName, name, description, owner, purpose, riskLevel, autonomy, dataClasses, environment } = agent;
  const { model, manifestDigest, validUntil, maxDelegationDepth, externalId, provisioned } = agent;
  const { parentId, maxChildren, maxChildDepth } = agent;
  const described = { displayName, name, description, owner, purpose, riskLevel, autonomy, dataClasses, environment };
  const bounds = { validUntil, maxDelegationDepth, parentId, maxChildren, maxChildDepth };
  return { ...described, model, manifestDigest, ...bounds, externalId, provisioned };
}

/** As it is stored: without the members that are undefined, whatever the order. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

function changedMembers(before: Agent, after: Agent): string[] {
  const [old, now] = [Object.entries(detailsIn(before)), new Map(Object.entries(detailsIn(after)))];
  return old.filter(([name, value]) => !isDeepStrictEqual(plain(value), plain(now.get(name)))).map(([name]) => name);
}

function newAgent(id: string, details: AgentDetails, { input, by, at }: NewInput): Agent {
  const moved = {
    statusBefore: undefined,
    statusReason: undefined,
    statusChangedBy: by.kind === 'system' ? undefined : by.id,
    statusChangedAt: at,
    stoppedWith: undefined,
    actsUnderReview: false,
  };
  const never = { lastSeenAt: undefined, lastConfirmedAt: undefined, lastConfirmedBy: undefined, removedAt: undefined };
  const times = { createdAt: at, updatedAt: at, ...never };
  const life = { ttlMinutes: input.ttlMinutes, source: input.source, version: 1 };
  return { id, ...details, ...endOfNew(details, input, at), status: input.status ?? 'proposed', ...moved, ...life, ...times };
}

/** Makes agents and changes what describes them. */
export function createEditing(deps: EditingDeps) {
  const { db, store, clock, ids, owners, audit, placement } = deps;

  const assertStatus = async (details: AgentDetails, status: 'proposed' | 'active', by: AgentEditor) => {
    const decision = decideInitialStatus({ wanted: status, hasOwner: details.owner !== undefined });
    if (!decision.allowed) throw lifecycleRefusal(decision, 'proposed', status);
    if (status === 'proposed') return;
    if (by.party === 'owner') throw lifecycleRefusal({ allowed: false, reason: 'not_permitted' }, 'proposed', status);
    await assertMayLetRun({ ...details, status: 'proposed', statusBefore: undefined, statusChangedBy: undefined }, by, deps);
  };
  const assertFits = async (before: Agent, after: Agent) => {
    if (after.owner === undefined && isActing(before)) {
      throw lifecycleRefusal({ allowed: false, reason: 'owner_required' }, before.status, before.status);
    }
    if (after.owner !== undefined && !isSameOwner(before.owner, after.owner)) await assertAlive(after.owner, owners);
    await placement.assertEditFits(before, after);
  };
  const recordEdit = async (members: readonly string[], [before, after]: readonly [Agent, Agent], by: AgentEditor) => {
    const rest = members.filter((name) => name !== 'owner');
    if (rest.length > 0) await recordBy(audit, by, { type: 'agent.updated', agentId: after.id, action: rest.join(' ') });
    const owner = after.owner ?? before.owner;
    if (!members.includes('owner') || owner === undefined) return;
    const action = after.owner === undefined ? 'removed' : 'set';
    await recordBy(audit, by, { type: 'agent.owner_changed', agentId: after.id, subjectId: owner.id, action });
  };

  const create = (input: NewAgent, by: AgentEditor): Promise<Agent> =>
    db.transaction(async () => {
      const id = ids.next('agt');
      const details = detailsOfNew(id, input);
      await assertStatus(details, input.status ?? 'proposed', by);
      if (details.owner !== undefined) await assertAlive(details.owner, owners);
      const { parentId } = details;
      if (parentId !== undefined) await placement.assertNewFits({ ...details, parentId }, input.status ?? 'proposed');
      const agent = newAgent(id, details, { input, by, at: clock.now() });
      await store.insert(agent);
      await recordBy(audit, by, { type: 'agent.proposed', agentId: id });
      if (agent.status === 'active') await recordBy(audit, by, { type: 'agent.activated', agentId: id });
      return agent;
    });
  const update = (id: string, { changes, version }: AgentEdit, by: AgentEditor): Promise<Agent> =>
    db.transaction(async () => {
      const before = await store.find(id);
      if (before === undefined || before.removedAt !== undefined) throw noSuchAgent();
      if (version !== undefined && version !== before.version) throw changedMeanwhile();
      const after: Agent = { ...before, ...readDetails({ ...detailsIn(before), ...changes }), updatedAt: clock.now() };
      const members = changedMembers(before, after);
      if (members.length === 0) return before;
      await assertFits(before, after);
      assertEnd(before, after, by);
      const stored = await store.update(after, before.version);
      if (stored === undefined) throw changedMeanwhile();
      await recordEdit(members, [before, stored], by);
      await deps.onEdited?.(before, stored);
      return stored;
    });
  return { create, update };
}
