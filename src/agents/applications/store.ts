import type { Db } from '../../platform/db/db.ts';
import { keySet, keysOf } from '../../platform/db/row-set.ts';
import { AppError } from '../../platform/errors.ts';
import { columnsOf, createListing, type ScimFound, type ScimListQuery } from '../../scim/index.ts';
import type { Agent } from '../agent.ts';
import { AGENT_COLUMNS, type AgentRow, toAgent } from '../row.ts';
import type { Application, ApplicationAgent, ApplicationDetails, ApplicationLink } from './application.ts';
import { applicationDefinition, LAST_ACCESSED } from './definition.ts';

/** Applications in SQL, and which agents belong to them. */
export interface ApplicationStore {
  find(id: string): Promise<Application | undefined>;
  /** The same, held against other writers until the transaction ends. */
  lock(id: string): Promise<Application | undefined>;
  /** One page of SCIM. */
  page(query: ScimListQuery): Promise<ScimFound<Application>>;
  /** Newest first, those older than `cursor`, at most `limit`; and how many there are in all. */
  list(request: { readonly cursor?: string | undefined; readonly limit: number }): Promise<readonly Application[]>;
  count(): Promise<number>;
  /** The applications of each agent, oldest first, at most 100 each; an agent without any is left out. */
  linksOf(agentIds: readonly string[]): Promise<ReadonlyMap<string, readonly ApplicationLink[]>>;
  /** The agents of one application as pages show them. */
  agentsOf(id: string): Promise<readonly Agent[]>;
  /** Those of these ids that no agent has. */
  missingAgents(ids: readonly string[]): Promise<readonly string[]>;
  /** @throws {AppError} `conflict` (`uniqueness`) when the name or the external id is taken. */
  insert(application: NewApplication): Promise<void>;
  /** False when the version is no longer `version`. @throws {AppError} `conflict` (`uniqueness`). */
  update(application: Pick<Application, 'id' | 'updatedAt'> & ApplicationDetails, version: number): Promise<boolean>;
  /** False when there is none at `version`. */
  remove(id: string, version: number): Promise<boolean>;
}

/** An application before its first write. */
export type NewApplication = ApplicationDetails & Pick<Application, 'id' | 'source' | 'createdAt'>;

interface Row {
  readonly id: string;
  readonly name: string;
  readonly display_name: string | null;
  readonly description: string | null;
  readonly is_active: boolean;
  readonly urls: Application['urls'];
  readonly oauth_configuration: Application['oAuthConfiguration'];
  readonly external_identifiers: Application['externalIdentifiers'];
  readonly external_id: string | null;
  readonly source: string;
  readonly version: number;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly agents: Application['agents'];
  readonly last_accessed_at: Date | null;
}

const DETAIL_COLUMNS = [
  'name',
  'display_name',
  'description',
  'is_active',
  'urls',
  'oauth_configuration',
  'external_identifiers',
  'external_id',
];
const AGENTS = `(SELECT coalesce(json_agg(json_build_object('id', agents.id, 'name', agents.display_name, 'type', part.type) ORDER BY part.position), '[]')
  FROM agentic_application_agents part JOIN agents ON agents.id = part.agent_id
  WHERE part.application_id = agentic_applications.id AND agents.removed_at IS NULL)`;
const COLUMNS = `${[...DETAIL_COLUMNS, 'id', 'source', 'version', 'created_at', 'updated_at'].map((name) => `agentic_applications.${name}`).join(', ')},
  ${AGENTS} AS agents, ${LAST_ACCESSED} AS last_accessed_at`;
const SCIM_ROWS = { select: COLUMNS, from: 'agentic_applications', where: 'true', id: 'agentic_applications.id' };
const MAX_LINKS = 100;

function toApplication(row: Row): Application {
  return {
    id: row.id,
    name: row.name,
    displayName: row.display_name ?? undefined,
    description: row.description ?? undefined,
    isActive: row.is_active,
    urls: row.urls,
    oAuthConfiguration: row.oauth_configuration,
    externalIdentifiers: row.external_identifiers,
    externalId: row.external_id ?? undefined,
    agents: row.agents,
    source: row.source,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    lastAccessedAt: row.last_accessed_at ?? undefined,
  };
}

/** In the order of `DETAIL_COLUMNS`. */
function detailValues(details: ApplicationDetails): readonly unknown[] {
  const { name, displayName, description, isActive, urls, oAuthConfiguration, externalIdentifiers, externalId } = details;
  const lists = [urls, oAuthConfiguration, externalIdentifiers].map((list) => JSON.stringify(list));
  return [name, displayName, description, isActive, ...lists, externalId];
}

function asRefusal(error: unknown): unknown {
  const { code, constraint } = (error ?? {}) as { code?: string; constraint?: string };
  if (code !== '23505') return error;
  const scimType = 'uniqueness';
  if (constraint === 'agentic_applications_name_taken') {
    return new AppError('conflict', 'Another application has this name.', { member: 'name', scimType });
  }
  if (constraint === 'agentic_applications_external_id_taken') {
    return new AppError('conflict', 'Another application from this source has this externalId.', { member: 'externalId', scimType });
  }
  return error;
}

function reads(db: Db) {
  const find = async (id: string) => {
    const text = `SELECT ${COLUMNS} FROM agentic_applications WHERE id = $1`;
    const row = await db.row<Row>({ name: 'application-find', text, values: [id] });
    return row && toApplication(row);
  };
  return {
    find,
    /** Two statements: one that waits for the lock would still see the agents of before. */
    async lock(id: string) {
      await db.rows({ name: 'application-lock', text: 'SELECT 1 FROM agentic_applications WHERE id = $1 FOR UPDATE', values: [id] });
      return find(id);
    },
    async list({ cursor, limit }: { readonly cursor?: string | undefined; readonly limit: number }) {
      const text = `SELECT ${COLUMNS} FROM agentic_applications WHERE $1::text IS NULL OR id < $1 ORDER BY id DESC LIMIT $2`;
      return (await db.rows<Row>({ name: 'application-list', text, values: [cursor, limit] })).map(toApplication);
    },
    async count() {
      const text = 'SELECT count(*)::int AS total FROM agentic_applications';
      return (await db.row<{ total: number }>({ name: 'application-count', text, values: [] }))?.total ?? 0;
    },
    async linksOf(agentIds: readonly string[]) {
      const text = `SELECT wanted.id AS agent_id, link.* FROM unnest(${keysOf('$1')}) AS wanted(id) CROSS JOIN LATERAL (
          SELECT application.id, coalesce(application.display_name, application.name) AS name, part.type
          FROM agentic_application_agents part JOIN agentic_applications application ON application.id = part.application_id
          WHERE part.agent_id = wanted.id ORDER BY part.application_id LIMIT ${MAX_LINKS}
        ) AS link ORDER BY link.id`;
      const rows = await db.rows<ApplicationLink & { agent_id: string }>({ name: 'application-links', text, values: [keySet(agentIds)] });
      return Map.groupBy(rows, (row) => row.agent_id);
    },
    async agentsOf(id: string) {
      const text = `SELECT ${AGENT_COLUMNS} FROM agentic_application_agents part JOIN agents ON agents.id = part.agent_id
        WHERE part.application_id = $1 AND agents.removed_at IS NULL ORDER BY part.position`;
      return (await db.rows<AgentRow>({ name: 'application-agents', text, values: [id] })).map(toAgent);
    },
    async missingAgents(ids: readonly string[]) {
      const text = `SELECT wanted.id FROM unnest(${keysOf('$1')}) AS wanted(id)
        WHERE NOT EXISTS (SELECT 1 FROM agents WHERE agents.id = wanted.id AND agents.removed_at IS NULL)`;
      return (await db.rows<{ id: string }>({ name: 'application-missing-agents', text, values: [keySet(ids)] })).map(({ id }) => id);
    },
  };
}

function writes(db: Db) {
  const places = DETAIL_COLUMNS.map((_, index) => `$${index + 1}`).join(', ');
  const [next, later] = [DETAIL_COLUMNS.length + 1, DETAIL_COLUMNS.length + 2];
  const run = async <Result extends object>(name: string, text: string, values: readonly unknown[]) => {
    try {
      return await db.row<Result>({ name, text, values });
    } catch (error) {
      throw asRefusal(error);
    }
  };
  /** Those that are not named any more go, deleted agents with them. */
  const setAgents = async (id: string, agents: readonly ApplicationAgent[]) => {
    const gone = `DELETE FROM agentic_application_agents WHERE application_id = $1 AND NOT agent_id = ANY($2::text[])`;
    await db.rows({ name: 'application-drop-agents', text: gone, values: [id, agents.map((agent) => agent.id)] });
    const text = `INSERT INTO agentic_application_agents (application_id, agent_id, type, position)
      SELECT $1, named.id, named.type, named.position FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS named(id, type, position)
      ON CONFLICT (application_id, agent_id) DO UPDATE SET type = EXCLUDED.type, position = EXCLUDED.position`;
    const values = [id, agents.map((agent) => agent.id), agents.map(({ type }) => type)];
    await db.rows({ name: 'application-set-agents', text, values });
  };
  return {
    async insert(application: NewApplication) {
      const { id, source, createdAt, agents } = application;
      const text = `INSERT INTO agentic_applications (${DETAIL_COLUMNS.join(', ')}, id, source, version, created_at, updated_at)
        VALUES (${places}, $${next}, $${later}, 1, $${later + 1}, $${later + 1})`;
      await run('application-insert', text, [...detailValues(application), id, source, createdAt]);
      if (agents.length > 0) await setAgents(id, agents);
    },
    async update(application: Pick<Application, 'id' | 'updatedAt'> & ApplicationDetails, version: number) {
      const { id, updatedAt, agents } = application;
      const text = `UPDATE agentic_applications SET (${DETAIL_COLUMNS.join(', ')}) = ROW(${places}), version = version + 1, updated_at = $${next}
        WHERE id = $${later} AND version = $${later + 1} RETURNING id`;
      const row = await run('application-update', text, [...detailValues(application), updatedAt, id, version]);
      if (row === undefined) return false;
      await setAgents(id, agents);
      return true;
    },
    async remove(id: string, version: number) {
      const text = 'DELETE FROM agentic_applications WHERE id = $1 AND version = $2 RETURNING id';
      return (await run('application-remove', text, [id, version])) !== undefined;
    },
  };
}

/** The store over PostgreSQL. */
export function createApplicationStore({ db }: { readonly db: Db }): ApplicationStore {
  const listed = createListing<Row>({ db, rows: SCIM_ROWS, columns: columnsOf(applicationDefinition) });
  return {
    ...reads(db),
    ...writes(db),
    async page(query) {
      const { rows, ...page } = await listed(query);
      return { ...page, rows: rows.map(toApplication) };
    },
  };
}
