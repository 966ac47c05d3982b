import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import type { ResourceScope, ResourceServer } from './resource-server.ts';
import type { ResourceTool } from './tools/tool.ts';

/** A page of records, oldest first; `after` is the id of the last one seen. */
export interface PageRequest {
  readonly after?: string | undefined;
  readonly limit: number;
}

/** Resource servers, their scopes and their credentials in SQL. */
export interface ResourceServerStore {
  findByIdentifier(identifier: string): Promise<ResourceServer | undefined>;
  find(id: string): Promise<ResourceServer | undefined>;
  list(page: PageRequest): Promise<ResourceServer[]>;
  count(): Promise<number>;
  /** False when the identifier is taken. */
  insert(server: ResourceServer): Promise<boolean>;
  update(server: ResourceServer): Promise<void>;
  remove(id: string): Promise<boolean>;
  addClient(id: string, clientId: string): Promise<void>;
  removeClient(id: string, clientId: string): Promise<boolean>;
  clientsOf(id: string): Promise<string[]>;
  /** The identifiers of the resource servers a client belongs to. */
  resourcesOfClient(clientId: string): Promise<string[]>;
}

interface Row {
  readonly id: string;
  readonly identifier: string;
  readonly name: string;
  readonly kind: string;
  readonly sensitivity: string;
  readonly token_ttl_seconds: number | null;
  readonly algorithm: string;
  readonly created_at: Date;
  readonly scopes: readonly ResourceScope[];
  readonly tools: readonly ResourceTool[] | null;
  readonly tools_open: boolean | null;
}

const SELECT = `SELECT r.id, r.identifier, r.name, r.kind, r.sensitivity, r.token_ttl_seconds, r.algorithm, r.created_at, r.tools, r.tools_open,
  COALESCE((SELECT json_agg(json_build_object('name', s.name, 'description', s.description, 'risk', s.risk) ORDER BY s.position)
            FROM resource_scopes s WHERE s.resource_server_id = r.id), '[]'::json) AS scopes
  FROM resource_servers r`;

function fromRow(row: Row | undefined): ResourceServer | undefined {
  if (row === undefined) return undefined;
  const { token_ttl_seconds: ttl, created_at: createdAt, kind, sensitivity, algorithm, tools, tools_open: areOpen, ...rest } = row;
  return {
    ...rest,
    kind: kind as ResourceServer['kind'],
    sensitivity: sensitivity as ResourceServer['sensitivity'],
    algorithm: algorithm as ResourceServer['algorithm'],
    tokenTtlSeconds: ttl ?? undefined,
    tools: tools ?? [],
    hasOpenTools: areOpen === true,
    createdAt,
  };
}

async function writeScopes(db: Db, { id, scopes }: ResourceServer): Promise<void> {
  await db.prisma.resourceScope.deleteMany({ where: { resourceServerId: id } });
  await db.prisma.resourceScope.createMany({ data: scopes.map((scope, position) => ({ ...scope, position, resourceServerId: id })) });
}

function columnsOf({ name, kind, sensitivity, tokenTtlSeconds, algorithm, tools, hasOpenTools }: ResourceServer) {
  const told = { tools: tools.map((tool) => ({ ...tool })), toolsOpen: hasOpenTools };
  return { name, kind, sensitivity, algorithm, tokenTtlSeconds: tokenTtlSeconds ?? null, ...told };
}

/** The store over PostgreSQL; the lookup every token request makes is one prepared statement. */
export function createResourceServerStore({ db, clock }: { db: Db; clock: Clock }): ResourceServerStore {
  const one = async (name: string, where: string, value: string) =>
    fromRow(await db.row<Row>({ name, text: `${SELECT} WHERE ${where}`, values: [value] }));
  return {
    findByIdentifier: (identifier) => one('resource-server-by-identifier', 'r.identifier = $1', identifier),
    find: (id) => one('resource-server-by-id', 'r.id = $1', id),
    async list({ after, limit }) {
      const text = `${SELECT} WHERE r.id > $1 ORDER BY r.id LIMIT $2`;
      const rows = await db.rows<Row>({ name: 'resource-servers', text, values: [after ?? '', limit] });
      return rows.map((row) => fromRow(row) as ResourceServer);
    },
    count: () => db.prisma.resourceServer.count(),
    async insert(server) {
      const { count } = await db.prisma.resourceServer.createMany({
        data: [
          { id: server.id, identifier: server.identifier, ...columnsOf(server), createdAt: server.createdAt, updatedAt: server.createdAt },
        ],
        skipDuplicates: true,
      });
      if (count === 1) await writeScopes(db, server);
      return count === 1;
    },
    async update(server) {
      await db.prisma.resourceServer.update({ where: { id: server.id }, data: { ...columnsOf(server), updatedAt: clock.now() } });
      await writeScopes(db, server);
    },
    remove: async (id) => (await db.prisma.resourceServer.deleteMany({ where: { id } })).count === 1,
    async addClient(resourceServerId, clientId) {
      await db.prisma.resourceServerClient.create({ data: { resourceServerId, clientId, createdAt: clock.now() } });
    },
    removeClient: async (resourceServerId, clientId) =>
      (await db.prisma.resourceServerClient.deleteMany({ where: { resourceServerId, clientId } })).count === 1,
    clientsOf: async (resourceServerId) =>
      (await db.prisma.resourceServerClient.findMany({ where: { resourceServerId }, orderBy: { clientId: 'asc' } })).map(
        (row) => row.clientId,
      ),
    async resourcesOfClient(clientId) {
      const rows = await db.rows<{ identifier: string }>({
        name: 'resources-of-client',
        text: `SELECT r.identifier FROM resource_server_clients c JOIN resource_servers r ON r.id = c.resource_server_id WHERE c.client_id = $1`,
        values: [clientId],
      });
      return rows.map((row) => row.identifier);
    },
  };
}
