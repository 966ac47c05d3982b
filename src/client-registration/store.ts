import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { keySet, keysOf } from '../platform/db/row-set.ts';
import type { Bounds, ClientKind, ClientPurpose, ClientRecord, StoredMetadata } from './client.ts';
import type { SecretHashes } from './client-secrets.ts';

/** A client with the hashes of its secrets. */
export interface StoredClient {
  readonly record: ClientRecord;
  readonly secrets: SecretHashes;
}

/** A client as it is written the first time. */
export type NewClient = Omit<
  ClientRecord,
  | 'hasSecret'
  | 'secretRotatedAt'
  | 'previousSecretUntil'
  | 'version'
  | 'createdAt'
  | 'updatedAt'
  | 'lastUsedAt'
  | 'status'
  | 'softwareId'
  | 'admittedAt'
  | 'reapedAt'
> & {
  readonly softwareId?: string | undefined;
  readonly softwareKey?: string | undefined;
  readonly secretHash: Buffer | undefined;
};

/** What of a client can change. */
export type ClientChange = Partial<
  Pick<
    ClientRecord,
    'name' | 'metadata' | 'scopes' | 'bounds' | 'isManagement' | 'hasGovernance' | 'defaultResource' | 'defaultScope' | 'status'
  >
>;

/** Which clients are wanted, in the order of their ids. */
export interface ClientQuery {
  /** Part of the name or of the client_id. */
  readonly search?: string | undefined;
  readonly purpose?: ClientPurpose | undefined;
  readonly after?: string | undefined;
  readonly limit: number;
}

/** Clients in SQL. */
export interface ClientStore {
  /** Active and disabled ones; one statement, made at every token request. */
  find(clientId: string): Promise<StoredClient | undefined>;
  /** The same under a lock that holds until the transaction ends. */
  findForUpdate(clientId: string): Promise<StoredClient | undefined>;
  /** The name of the software behind a `svc_…`. */
  findNameOfService(serviceId: string): Promise<string | undefined>;
  /** Without those that nobody let in yet, unless they are searched for. */
  list(query: ClientQuery): Promise<ClientRecord[]>;
  count(): Promise<number>;
  /** False when the id was ever given out. */
  insert(client: NewClient): Promise<boolean>;
  /** The same, and one use of the initial access token less, in one statement; false when it has none left, ended or was revoked. */
  insertEnrolled(client: NewClient & { readonly initialAccessTokenId: string }): Promise<boolean>;
  update(clientId: string, change: ClientChange): Promise<void>;
  /** Replaces the secret; the one before works until `previousUntil`. Undefined: the client has none any more. */
  setSecret(clientId: string, secret: { readonly hash: Buffer | undefined; readonly previousUntil: Date | undefined }): Promise<void>;
  /** Forgets everything but that the id was given out; false when it is not there. */
  remove(clientId: string): Promise<boolean>;
  /** Whether an id was given out and taken back. */
  wasRemoved(clientId: string): Promise<boolean>;
  touch(clientId: string, unlessSince: Date): Promise<void>;
  /** It is an instance of other software from now on, which nobody has let in. */
  moveTo(clientId: string, softwareId: string): Promise<void>;
  /** Nobody has let it in any more. */
  unadmit(clientId: string): Promise<void>;
  /** A person let it act for them; the first time counts. */
  admit(clientId: string): Promise<void>;
  putAway(clientId: string): Promise<void>;
  /** False when it was not put away. */
  revive(clientId: string): Promise<boolean>;
}

interface Row {
  readonly client_id: string;
  readonly name: string;
  readonly kind: ClientKind;
  readonly purpose: ClientPurpose;
  readonly service_id: string | null;
  readonly status: 'active' | 'disabled';
  readonly metadata: StoredMetadata;
  readonly scopes: readonly string[] | null;
  readonly bounds: Bounds;
  readonly is_management: boolean;
  readonly has_governance: boolean;
  readonly default_resource: string | null;
  readonly default_scope: string | null;
  readonly secret_hash: Buffer | null;
  readonly previous_secret_hash: Buffer | null;
  readonly previous_secret_until: Date | null;
  readonly secret_rotated_at: Date | null;
  readonly initial_access_token_id: string | null;
  readonly software_id: string | null;
  readonly admitted_at: Date | null;
  readonly reaped_at: Date | null;
  readonly version: number;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly last_used_at: Date | null;
}

const SELECT = 'SELECT * FROM clients';
/** What registered by itself and waits for a first yes stands under its software, not among the clients. */
const LET_IN = '(software_id IS NULL OR admitted_at IS NOT NULL)';

function recordOf(row: Row): ClientRecord {
  return {
    id: row.client_id,
    name: row.name,
    kind: row.kind,
    purpose: row.purpose,
    serviceId: row.service_id ?? undefined,
    status: row.status,
    metadata: row.metadata,
    scopes: row.scopes ?? undefined,
    bounds: row.bounds,
    isManagement: row.is_management,
    hasGovernance: row.has_governance,
    defaultResource: row.default_resource ?? undefined,
    defaultScope: row.default_scope ?? undefined,
    hasSecret: row.secret_hash !== null,
    secretRotatedAt: row.secret_rotated_at ?? undefined,
    previousSecretUntil: row.previous_secret_until ?? undefined,
    initialAccessTokenId: row.initial_access_token_id ?? undefined,
    softwareId: row.software_id ?? undefined,
    admittedAt: row.admitted_at ?? undefined,
    reapedAt: row.reaped_at ?? undefined,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    lastUsedAt: row.last_used_at ?? undefined,
  };
}

function storedOf(row: Row | undefined): StoredClient | undefined {
  if (row === undefined) return undefined;
  const secrets = {
    current: row.secret_hash ?? undefined,
    previous: row.previous_secret_hash ?? undefined,
    previousUntil: row.previous_secret_until ?? undefined,
  };
  return { record: recordOf(row), secrets };
}

const json = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));

const COLUMNS = `client_id, name, kind, purpose, service_id, status, metadata, scopes, bounds, is_management, has_governance,
  default_resource, default_scope, secret_hash, secret_rotated_at, initial_access_token_id, version, created_at, updated_at, software_id, software_key`;
const VALUES = `$1::text, $2::text, $3::text, $4::text, $5::text, 'active', $6::jsonb, $7::jsonb, $8::jsonb, $9::boolean, $10::boolean,
  $11::text, $12::text, $13::bytea, CASE WHEN $13::bytea IS NULL THEN NULL ELSE $15::timestamptz END, $14::text, 1, $15::timestamptz, $15::timestamptz, $16::text, $17::text`;

function valuesOf(client: NewClient, now: Date): unknown[] {
  return [
    client.id,
    client.name,
    client.kind,
    client.purpose,
    client.serviceId ?? null,
    json(client.metadata),
    json(client.scopes),
    json(client.bounds),
    client.isManagement,
    client.hasGovernance,
    client.defaultResource ?? null,
    client.defaultScope ?? null,
    client.secretHash ?? null,
    client.initialAccessTokenId ?? null,
    now,
    client.softwareId ?? null,
    client.softwareKey ?? null,
  ];
}

const CHANGES = [
  ['name', 'name', 'text'],
  ['metadata', 'metadata', 'jsonb'],
  ['scopes', 'scopes', 'jsonb'],
  ['bounds', 'bounds', 'jsonb'],
  ['isManagement', 'is_management', 'boolean'],
  ['hasGovernance', 'has_governance', 'boolean'],
  ['defaultResource', 'default_resource', 'text'],
  ['defaultScope', 'default_scope', 'text'],
  ['status', 'status', 'text'],
] as const;

/** A change as SET clauses: members that are not there keep their column, undefined empties it. */
function setClauses(change: ClientChange): { clauses: string[]; values: unknown[]; names: string } {
  const present = CHANGES.filter(([member]) => Object.hasOwn(change, member));
  return {
    clauses: present.map(([, column, type], index) => `${column} = $${index + 3}::${type}`),
    values: present.map(([member, , type]) => (type === 'jsonb' ? json(change[member]) : (change[member] ?? null))),
    names: present.map(([, column]) => column).join('-'),
  };
}

/** The store over PostgreSQL. */
export function createClientStore({ db, clock }: { db: Db; clock: Clock }): ClientStore {
  const find = db.together(async (clientIds: readonly string[]) => {
    const text = `${SELECT} WHERE client_id = ANY(${keysOf('$1')}) AND status <> 'deleted'`;
    const rows = await db.rows<Row>({ name: 'client-find', text, values: [keySet(clientIds)] });
    const found = new Map(rows.map((row) => [row.client_id, row]));
    return clientIds.map((id) => storedOf(found.get(id)));
  });
  return {
    find,
    async findNameOfService(serviceId) {
      const text = `SELECT name FROM clients WHERE service_id = $1 AND status <> 'deleted'`;
      return (await db.row<{ name: string }>({ name: 'client-service-name', text, values: [serviceId] }))?.name;
    },
    async findForUpdate(clientId) {
      const text = `${SELECT} WHERE client_id = $1 AND status <> 'deleted' FOR UPDATE`;
      return storedOf(await db.row<Row>({ name: 'client-find-for-update', text, values: [clientId] }));
    },
    async list({ search, purpose, after, limit }) {
      const like = search === undefined || search === '' ? null : `%${search.replace(/[\\%_]/g, '\\$&')}%`;
      const rows = await db.rows<Row>({
        name: 'client-list',
        text: `${SELECT} WHERE status <> 'deleted' AND reaped_at IS NULL AND ($2::text IS NOT NULL OR ${LET_IN}) AND client_id > $1 AND ($2::text IS NULL OR name ILIKE $2 OR client_id ILIKE $2)
               AND ($3::text IS NULL OR purpose = $3) ORDER BY client_id LIMIT $4`,
        values: [after ?? '', like, purpose ?? null, limit],
      });
      return rows.map(recordOf);
    },
    async count() {
      const text = `SELECT count(*)::int AS count FROM clients WHERE status <> 'deleted' AND reaped_at IS NULL AND ${LET_IN}`;
      return (await db.row<{ count: number }>({ name: 'client-count', text, values: [] }))?.count ?? 0;
    },
    async insert(client) {
      const text = `INSERT INTO clients (${COLUMNS}) SELECT ${VALUES} ON CONFLICT (client_id) DO NOTHING RETURNING client_id`;
      return (await db.row({ name: 'client-insert', text, values: valuesOf(client, clock.now()) })) !== undefined;
    },
    async insertEnrolled(client) {
      const text = `WITH spent AS (
          UPDATE initial_access_tokens SET uses_left = uses_left - 1
          WHERE id = $14 AND uses_left > 0 AND revoked_at IS NULL AND expires_at > $15 RETURNING id)
        INSERT INTO clients (${COLUMNS}) SELECT ${VALUES} FROM spent RETURNING client_id`;
      return (await db.row({ name: 'client-insert-enrolled', text, values: valuesOf(client, clock.now()) })) !== undefined;
    },
    async update(clientId, change) {
      const { clauses, values, names } = setClauses(change);
      const text = `UPDATE clients SET ${['version = version + 1', 'updated_at = $2', ...clauses].join(', ')} WHERE client_id = $1 AND status <> 'deleted'`;
      await db.rows({ name: `client-update-${names}`, text, values: [clientId, clock.now(), ...values] });
    },
    async setSecret(clientId, { hash, previousUntil }) {
      await db.rows({
        name: 'client-set-secret',
        text: `UPDATE clients SET previous_secret_hash = CASE WHEN $3::timestamptz IS NULL THEN NULL ELSE secret_hash END, previous_secret_until = $3,
               secret_hash = $2, secret_rotated_at = $4, updated_at = $4, version = version + 1 WHERE client_id = $1 AND status <> 'deleted'`,
        values: [clientId, hash ?? null, previousUntil ?? null, clock.now()],
      });
    },
    async remove(clientId) {
      const row = await db.row({
        name: 'client-remove',
        text: `UPDATE clients SET status = 'deleted', metadata = '{}', secret_hash = NULL, previous_secret_hash = NULL, is_management = false,
               has_governance = false, updated_at = $2, version = version + 1 WHERE client_id = $1 AND status <> 'deleted' RETURNING client_id`,
        values: [clientId, clock.now()],
      });
      return row !== undefined;
    },
    wasRemoved: async (clientId) => (await db.prisma.client.count({ where: { clientId, status: 'deleted' } })) === 1,
    async touch(clientId, unlessSince) {
      await db.rows({
        name: 'client-touch',
        text: 'UPDATE clients SET last_used_at = $2 WHERE client_id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)',
        values: [clientId, clock.now(), unlessSince],
      });
    },
    async moveTo(clientId, softwareId) {
      const text = 'UPDATE clients SET software_id = $2, admitted_at = NULL, version = version + 1 WHERE client_id = $1';
      await db.rows({ name: 'client-move', text, values: [clientId, softwareId] });
    },
    async unadmit(clientId) {
      await db.rows({ name: 'client-unadmit', text: 'UPDATE clients SET admitted_at = NULL WHERE client_id = $1', values: [clientId] });
    },
    async admit(clientId) {
      const text = 'UPDATE clients SET admitted_at = $2 WHERE client_id = $1 AND admitted_at IS NULL';
      await db.rows({ name: 'client-admit', text, values: [clientId, clock.now()] });
    },
    async putAway(clientId) {
      const text = 'UPDATE clients SET reaped_at = $2, version = version + 1 WHERE client_id = $1 AND reaped_at IS NULL';
      await db.rows({ name: 'client-put-away', text, values: [clientId, clock.now()] });
    },
    async revive(clientId) {
      const text = `UPDATE clients SET reaped_at = NULL, last_used_at = $2, version = version + 1
                    WHERE client_id = $1 AND reaped_at IS NOT NULL AND status = 'active' RETURNING client_id`;
      return (await db.row({ name: 'client-revive', text, values: [clientId, clock.now()] })) !== undefined;
    },
  };
}
