import { AppError } from '../../platform/errors.ts';
import type { Agent } from '../agent.ts';
import type { AgentAudit, AgentEvent } from '../agent-event.ts';
import { createEditing } from '../editing.ts';
import { changedMeanwhile } from '../status.ts';
import { takenRefusal } from '../store.ts';
import type { Owners } from './remembered-owners.ts';
import type { AgentBatchStore } from './store.ts';

/** What a batch is written with; `owners` may remember what it was asked. */
export type GatheringDeps = Omit<Parameters<typeof createEditing>[0], 'audit' | 'owners'> & {
  readonly audit: Pick<AgentAudit, 'recordMany'>;
  readonly owners: Owners;
  readonly batchStore: AgentBatchStore;
};

/** The use cases of editing, whose writes wait until they are flushed. */
export interface Gathering extends ReturnType<typeof createEditing> {
  /**
   * Writes what was gathered, in one statement each for new agents, changed agents and events. Returns the new agents that broke
   * a rule of uniqueness: nothing is written of those. @throws {AppError} when a changed agent cannot be stored, for all of them.
   */
  flush(): Promise<ReadonlyMap<string, AppError>>;
}

/** What became of work that may be refused: its result, or the refusal. Everything else is thrown. */
export async function outcomeOf<Result>(work: () => Promise<Result>): Promise<Result | AppError> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

/**
 * Many agents, each judged by the very use case that makes or changes one; only the store beneath it keeps what it is given until
 * all are judged. `held` are agents that the transaction has locked. Two of a batch do not see each other, so agents with a
 * parent, whose place depends on others, do not belong into one.
 */
export function createGathering(deps: GatheringDeps, held: readonly Agent[] = []): Gathering {
  const { store, batchStore, audit } = deps;
  const known = new Map(held.map((agent) => [agent.id, agent]));
  const [created, changed, events]: [Agent[], Agent[], AgentEvent[]] = [[], [], []];
  const edits: (readonly [before: Agent, after: Agent])[] = [];
  const editing = createEditing({
    ...deps,
    store: {
      ...store,
      find: async (id) => known.get(id) ?? store.find(id),
      insert: async (agent) => void created.push(agent),
      async update(agent, version) {
        const after = { ...agent, version: version + 1 };
        changed.push(after);
        return after;
      },
    },
    audit: { record: async (event) => void events.push(event) },
    // what follows from an edit reads what was written
    onEdited: async (before, after) => void edits.push([before, after]),
  });
  const refusalsOf = async (refused: readonly Agent[]) => {
    const rules = refused.length === 0 ? [] : await batchStore.rulesTaken(refused);
    const refusalOf = ({ member }: (typeof rules)[number]) => (member === undefined ? changedMeanwhile() : takenRefusal(member));
    return new Map(rules.map((rule) => [rule.id, refusalOf(rule)]));
  };
  return {
    ...editing,
    async flush() {
      const stored = await batchStore.insert(created);
      const refused = await refusalsOf(created.filter(({ id }) => !stored.has(id)));
      if ((await batchStore.update(changed)) < changed.length) throw changedMeanwhile();
      const kept = events.filter(({ agentId }) => !refused.has(agentId));
      if (kept.length > 0) await audit.recordMany(kept);
      for (const [before, after] of edits) await deps.onEdited?.(before, after);
      return refused;
    },
  };
}
