import { type Agent, type Agents, type AgentEditor, createAgents, type NewAgent, type Surroundings } from '../../src/agents/index.ts';
import { createCorrelation } from '../../src/audit/correlation.ts';
import { type AuditService, createAuditService } from '../../src/audit/service.ts';
import { createAuditStore } from '../../src/audit/store.ts';
import { redirectFaultOf } from '../../src/client-registration/index.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { createDb, type Db } from '../../src/platform/db/db.ts';
import { createLogger } from '../../src/platform/log.ts';
import { createOutgoing } from '../../src/platform/outgoing/dispatcher.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { freshDatabase } from '../support/database.ts';

/** A registry on a database of its own, with people in real tables and a clock that tests move. */
export interface Registry {
  readonly db: Db;
  readonly agents: Agents;
  readonly audit: AuditService;
  readonly clock: Clock;
  /** Agents whose tokens were ended, in order. */
  readonly stopped: string[];
  /** Owners that were held, in order. */
  readonly ownersAsked: string[];
  /** Accounts that are the only administrator. */
  readonly soleAdministrators: Set<string>;
  advance(seconds: number): void;
  /** Makes the next hook fail. */
  failNextStop(): void;
  addPerson(name: string): Promise<string>;
  /** Somebody's agent that may act, unless told otherwise. */
  addAgent(ownerId: string, input?: Partial<NewAgent>): Promise<Agent>;
  disable(accountId: string): Promise<void>;
  /** With somebody in it unless told otherwise. */
  addGroup(name: string, members?: readonly string[]): Promise<string>;
  sql<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** The types of the events about an agent, sorted: ids of one millisecond have no order. */
  eventsOf(agentId: string): Promise<string[]>;
  close(): Promise<void>;
}

export const issuer = new URL('https://issuer.example/tenant');
export const administrator: AgentEditor = { kind: 'account', id: 'usr_administrator', party: 'administrator' };

export const noSurroundings: Surroundings = {
  whatWouldFall: async () => ({ below: 0, tokens: 3, handedOn: 1, approvals: 2, people: 0 }),
  reachOf: async () => [],
  credentialsOf: async (clientIds) => clientIds.map((clientId) => ({ clientId, name: clientId, detail: 'a key', lastUsedAt: undefined })),
  budgetsOf: async () => [],
  lastDelegationOf: async () => undefined,
};

export async function openRegistry(home = issuer): Promise<Registry> {
  const database = await freshDatabase();
  const db = createDb({ connection: database.connection, log: { warn: () => undefined }, poolSize: 20 });
  let at = new Date('2026-06-01T12:00:00Z');
  const clock: Clock = { now: () => at, epochSeconds: () => Math.floor(at.getTime() / 1000) };
  const sql = <Row extends object>(text: string, values: readonly unknown[] = []) => db.rows<Row>({ name: '', text, values });
  const audit = createAuditService({ db, store: createAuditStore({ db }), clock, ids: randomIds, correlation: createCorrelation() });
  const stopped: string[] = [];
  const ownersAsked: string[] = [];
  const soleAdministrators = new Set<string>();
  let isFailing = false;
  const outgoing = createOutgoing({ allowLoopback: true, log: createLogger('silent') });
  const agents = createAgents({
    db,
    clock,
    ids: randomIds,
    issuer: home,
    audit,
    owners: {
      async ownerLabel({ kind, id }) {
        const [table, alive] = kind === 'user' ? ['accounts', `status = 'active'`] : ['groups', 'id IN (SELECT group_id FROM live_groups)'];
        const [row] = await sql<{ name: string; is_alive: boolean }>(`SELECT name, ${alive} AS is_alive FROM ${table} WHERE id = $1`, [id]);
        return row && { name: row.name, isAlive: row.is_alive };
      },
      findByEmail: async (email) => (await sql<{ id: string }>('SELECT id FROM accounts WHERE email = lower($1)', [email]))[0],
      async holdOwner({ kind, id }) {
        ownersAsked.push(id);
        const [table, view, column] = kind === 'user' ? ['accounts', 'live_accounts', 'account_id'] : ['groups', 'live_groups', 'group_id'];
        await sql(`SELECT 1 FROM ${table} WHERE id = $1 FOR SHARE`, [id]);
        return (await sql(`SELECT 1 FROM ${view} WHERE ${column} = $1`, [id])).length === 1;
      },
      ownerNames: async (owners) => {
        const ids = owners.map(({ id }) => id);
        const rows = await sql<{ id: string; name: string }>(
          'SELECT id, name FROM accounts WHERE id = ANY($1) UNION ALL SELECT id, name FROM groups WHERE id = ANY($1)',
          [ids],
        );
        return new Map(rows.map(({ id, name }) => [id, name]));
      },
      groupsOfAgents: async (agentIds) =>
        Map.groupBy(
          await sql<{ agent_id: string; id: string; name: string }>(
            'SELECT agent_id, id, name FROM group_agents JOIN groups ON groups.id = group_id WHERE agent_id = ANY ($1) ORDER BY name',
            [agentIds],
          ),
          ({ agent_id }) => agent_id,
        ),
      groupsOf: (accountId) => sql('SELECT group_id AS id FROM group_members WHERE account_id = $1', [accountId]),
      listGroups: () => sql('SELECT id, name FROM groups ORDER BY name'),
      list: async ({ search, limit }) => ({
        items: await sql(
          `SELECT id, name, status FROM accounts WHERE $1::text IS NULL OR position(lower($1) IN lower(name)) > 0 ORDER BY id DESC LIMIT $2`,
          [search, limit],
        ),
      }),
    },
    redirectFaultOf,
    isSoleAdministrator: async (accountId) => soleAdministrators.has(accountId),
    onSuspended: async (agentId) => {
      if (isFailing) {
        isFailing = false;
        throw new Error('the cascade failed');
      }
      stopped.push(agentId);
    },
    surroundings: noSurroundings,
    outgoing,
  });
  const registry: Registry = {
    db,
    agents,
    audit,
    clock,
    stopped,
    ownersAsked,
    soleAdministrators,
    sql,
    advance: (seconds) => {
      at = new Date(at.getTime() + seconds * 1000);
    },
    failNextStop: () => {
      isFailing = true;
    },
    async addPerson(name) {
      const id = randomIds.next('usr');
      await sql(`INSERT INTO accounts (id, email, name, role, status, created_at) VALUES ($1, $2, $3, 'user', 'active', $4)`, [
        id,
        `${id}@example.com`,
        name,
        at,
      ]);
      return id;
    },
    addAgent: (ownerId, input) =>
      agents.create(
        { displayName: 'Bot', owner: { kind: 'user', id: ownerId }, status: 'active', source: 'console', ...input },
        administrator,
      ),
    disable: async (accountId) => {
      await sql(`UPDATE accounts SET status = 'disabled' WHERE id = $1`, [accountId]);
    },
    async addGroup(name, given) {
      const members = given ?? [await registry.addPerson(`Member of ${name}`)];
      const id = randomIds.next('grp');
      await sql('INSERT INTO groups (id, name, is_built_in, created_at) VALUES ($1, $2, false, $3)', [id, name, at]);
      for (const member of members)
        await sql('INSERT INTO group_members (group_id, account_id, added_at) VALUES ($1, $2, $3)', [id, member, at]);
      return id;
    },
    async eventsOf(agentId) {
      const { events } = await audit.list({ agentId, limit: 100 });
      return events.map(({ event }) => event.type as string).sort();
    },
    async close() {
      await outgoing.close();
      await db.close();
      await database.drop();
    },
  };
  return registry;
}
