import { AppError } from '../../platform/errors.ts';
import type { Agent, NewAgent } from '../agent.ts';
import type { AgentEditor } from '../agent-event.ts';
import type { AgentService } from '../service.ts';
import { createGathering, type GatheringDeps, outcomeOf } from './gathering.ts';
import { rememberOwners } from './remembered-owners.ts';

/** Makes many agents at once. */
export interface BatchCreation {
  /**
   * One transaction for all, and an outcome for each in order: the agent, or why there is none. A refusal among the inputs is its own
   * outcome. When it throws, none of them exists, but for those with a parent, which are made one by one afterwards.
   */
  createMany(inputs: readonly (NewAgent | AppError)[], by: AgentEditor): Promise<readonly (Agent | AppError)[]>;
}

/** Creation over the use case that makes one agent. */
export function createBatchCreation(deps: GatheringDeps & { readonly service: Pick<AgentService, 'create'> }): BatchCreation {
  const { db, service } = deps;
  return {
    async createMany(inputs, by) {
      const outcomes = new Map<number, Agent | AppError>();
      const single: [number, NewAgent][] = [];
      await db.transaction(async () => {
        const gathering = createGathering({ ...deps, owners: rememberOwners(deps.owners) });
        for (const [index, input] of inputs.entries()) {
          if (input instanceof AppError) outcomes.set(index, input);
          else if (input.parentId !== undefined) single.push([index, input]);
          else outcomes.set(index, await outcomeOf(() => gathering.create(input, by)));
        }
        const refused = await gathering.flush();
        for (const [index, outcome] of outcomes) {
          const refusal = outcome instanceof AppError ? undefined : refused.get(outcome.id);
          if (refusal !== undefined) outcomes.set(index, refusal);
        }
      });
      for (const [index, input] of single) outcomes.set(index, await outcomeOf(() => service.create(input, by)));
      return inputs.map((_input, index) => outcomes.get(index) ?? new AppError('conflict', 'The agent was not made: try again.'));
    },
  };
}
