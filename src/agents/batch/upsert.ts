import { isDatabaseUnavailable } from '../../platform/db/availability.ts';
import { AppError } from '../../platform/errors.ts';
import { acceptRepresentation, resourceOf, scimRefusal } from '../../scim/index.ts';
import type { Agent, NewAgent } from '../agent.ts';
import type { AgentEditor } from '../agent-event.ts';
import { withOwner } from '../scim.ts';
import { agentDefinition } from '../scim-extension.ts';
import { wantedBy } from '../scim-mapping.ts';
import { createGathering, type Gathering, type GatheringDeps, outcomeOf } from './gathering.ts';
import { type GivenValue, withGiven } from './given.ts';
import { type Owners, rememberAddresses, rememberOwners } from './remembered-owners.ts';

/** What a source says about one of its agents. What it does not say stays as it is. */
export interface UpsertRow {
  readonly externalId: string;
  readonly given: readonly GivenValue[];
  /** The id or the e-mail address of who owns it. */
  readonly ownerReference: string | undefined;
}

/** Whose rows these are, and whether they are only tried. */
export interface UpsertRequest {
  readonly source: string;
  readonly by: AgentEditor;
  readonly isDryRun: boolean;
}

/** What became, or would become, of a row. */
export type UpsertOutcome = 'created' | 'changed' | 'unchanged' | AppError;

/**
 * Brings agents of a source up to date, some at a time: one transaction for all rows; an outcome for each, in order. No external id
 * may come twice. What breaks the transaction is found by halving, so that it fails alone. New agents are proposed or active, as the
 * row says; the status of others never changes.
 * @throws {Error} when the database is away, or for a reason that no row explains; then nothing of these rows is kept.
 */
export type UpsertRows = (rows: readonly UpsertRow[]) => Promise<readonly UpsertOutcome[]>;

/** Begins to bring the agents of a source up to date. */
export type Upsert = (request: UpsertRequest) => UpsertRows;

const isStatus = ({ name }: GivenValue): boolean => name === 'status' || name === 'active';

function representationOf(agent: Agent) {
  const nobody = { clientIds: [], ownerName: undefined, parentName: undefined, groups: [], applications: [], baseUrl: '' };
  return resourceOf(agentDefinition, { agent, ...nobody });
}

async function wantedFor({ given, ownerReference }: UpsertRow, current: Agent | undefined, owners: Owners) {
  const base = current === undefined ? {} : representationOf(current);
  const said = current === undefined ? given : given.filter((one) => !isStatus(one));
  const wanted = wantedBy(agentDefinition, acceptRepresentation(agentDefinition, withGiven(base, said)), current);
  return withOwner({ ...wanted, ownerReference: ownerReference ?? wanted.ownerReference }, owners);
}

async function newAgentFor(row: UpsertRow, source: string, owners: Owners): Promise<NewAgent> {
  const { changes, status = 'proposed', ttlMinutes } = await wantedFor(row, undefined, owners);
  if (status !== 'proposed' && status !== 'active') throw scimRefusal('invalidValue', 'A new agent is proposed or active.', 'status');
  return { ...changes, status, ttlMinutes, source };
}

interface Turn {
  readonly gathering: Gathering;
  readonly owners: Owners;
  readonly request: UpsertRequest;
}

/** The outcome of one row, and the id of the agent it creates. */
async function upsertOne(row: UpsertRow, current: Agent | undefined, { gathering, owners, request }: Turn) {
  if (current === undefined) {
    const { id } = await gathering.create(await newAgentFor(row, request.source, owners), request.by);
    return { outcome: 'created', id } as const;
  }
  const { changes } = await wantedFor(row, current, owners);
  const after = await gathering.update(current.id, { changes, version: current.version }, request.by);
  return { outcome: after.version === current.version ? 'unchanged' : 'changed', id: undefined } as const;
}

/** Upserts over the use cases that make and change one agent. */
export function createUpsert(deps: GatheringDeps): Upsert {
  const { db, batchStore } = deps;

  const upsertTogether = (rows: readonly UpsertRow[], directory: Owners, request: UpsertRequest): Promise<readonly UpsertOutcome[]> =>
    db.transaction(async () => {
      const held = await batchStore.lockBySource(
        request.source,
        rows.map(({ externalId }) => externalId),
      );
      const known = new Map(held.map((agent) => [agent.externalId, agent]));
      const owners = rememberOwners(directory);
      const gathering = createGathering({ ...deps, owners }, held);
      const done = [];
      for (const row of rows) done.push(await outcomeOf(() => upsertOne(row, known.get(row.externalId), { gathering, owners, request })));
      const refused = await gathering.flush();
      if (request.isDryRun) db.rollback();
      return done.map((one) => (one instanceof AppError ? one : (refused.get(one.id ?? '') ?? one.outcome)));
    });
  const upsertHalving = async (
    rows: readonly UpsertRow[],
    directory: Owners,
    request: UpsertRequest,
  ): Promise<readonly UpsertOutcome[]> => {
    try {
      return await upsertTogether(rows, directory, request);
    } catch (error) {
      if (isDatabaseUnavailable(error)) throw error;
      if (rows.length === 1) {
        if (error instanceof AppError) return [error];
        throw error;
      }
      const middle = Math.ceil(rows.length / 2);
      const first = await upsertHalving(rows.slice(0, middle), directory, request);
      return [...first, ...(await upsertHalving(rows.slice(middle), directory, request))];
    }
  };
  return (request) => {
    const directory = { ...deps.owners, findByEmail: rememberAddresses(deps.owners) };
    return async (rows) => (rows.length === 0 ? [] : upsertHalving(rows, directory, request));
  };
}
