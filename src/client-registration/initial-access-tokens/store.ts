import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import type { Bounds, InitialAccessToken } from '../client.ts';

/** Initial access tokens in SQL; a use is counted where the client is inserted (../store.ts). */
export interface InitialAccessTokenStore {
  /** One that can be used now, by the hash of its value under any of the keys in force. */
  findUsable(hashes: readonly Buffer[]): Promise<InitialAccessToken | undefined>;
  find(id: string): Promise<InitialAccessToken | undefined>;
  /** Those that administrators made, newest first; `after` is the id of the last one seen. */
  list(page: { readonly after?: string | undefined; readonly limit: number }): Promise<InitialAccessToken[]>;
  count(): Promise<number>;
  insert(token: InitialAccessToken, hash: Buffer): Promise<void>;
  /** Removes up to `limit` of those that agents asked for and that ended before; returns how many went. */
  purgeOfAgents(before: Date, limit: number): Promise<number>;
  /** False when it was revoked before or is not there. */
  revoke(id: string): Promise<boolean>;
}

interface Row {
  readonly id: string;
  readonly name: string;
  readonly owner_kind: 'user' | 'group';
  readonly owner_id: string;
  readonly agent_state: 'active' | 'proposed';
  readonly agent_ttl_minutes: number | null;
  readonly bounds: Bounds;
  readonly uses_left: number;
  readonly uses_total: number;
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly revoked_at: Date | null;
  readonly parent_id: string | null;
  readonly parent_client: string | null;
  readonly agent_until: Date | null;
}

function parentIn({ parent_id: agentId, parent_client: clientId, agent_until: until }: Row): InitialAccessToken['parent'] {
  return agentId === null || clientId === null ? undefined : { agentId, clientId, agentUntil: until ?? undefined };
}

function fromRow(row: Row): InitialAccessToken {
  return {
    id: row.id,
    name: row.name,
    owner: { kind: row.owner_kind, id: row.owner_id },
    agentState: row.agent_state,
    agentTtlMinutes: row.agent_ttl_minutes ?? undefined,
    bounds: row.bounds,
    usesLeft: row.uses_left,
    usesTotal: row.uses_total,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at ?? undefined,
    parent: parentIn(row),
  };
}

const SELECT = `SELECT id, name, owner_kind, owner_id, agent_state, agent_ttl_minutes, bounds, uses_left, uses_total, created_at, expires_at, revoked_at,
  parent_id, parent_client, agent_until FROM initial_access_tokens`;

/** The store over PostgreSQL. */
export function createInitialAccessTokenStore({ db, clock }: { db: Db; clock: Clock }): InitialAccessTokenStore {
  const one = (row: Row | undefined) => (row === undefined ? undefined : fromRow(row));
  return {
    findUsable: async (hashes) =>
      one(
        await db.row<Row>({
          name: 'initial-access-token-usable',
          text: `${SELECT} WHERE token_hash = ANY($1) AND revoked_at IS NULL AND uses_left > 0 AND expires_at > $2`,
          values: [hashes, clock.now()],
        }),
      ),
    find: async (id) => one(await db.row<Row>({ name: 'initial-access-token', text: `${SELECT} WHERE id = $1`, values: [id] })),
    async list({ after, limit }) {
      const text = `${SELECT} WHERE parent_id IS NULL AND ($1::text IS NULL OR id < $1) ORDER BY id DESC LIMIT $2`;
      return (await db.rows<Row>({ name: 'initial-access-tokens', text, values: [after ?? null, limit] })).map(fromRow);
    },
    count: () => db.prisma.initialAccessToken.count({ where: { parentId: null } }),
    async insert({ owner, bounds, parent, ...token }, hash) {
      await db.rows({
        name: 'initial-access-token-insert',
        text: `INSERT INTO initial_access_tokens (id, token_hash, name, owner_kind, owner_id, agent_state, bounds, uses_left, uses_total, created_at, expires_at,
                 parent_id, parent_client, agent_until, agent_ttl_minutes)
               VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, $10, $11, $12, $13, $14, $15)`,
        values: [
          token.id,
          hash,
          token.name,
          owner.kind,
          owner.id,
          token.agentState,
          JSON.stringify(bounds),
          token.usesLeft,
          token.usesTotal,
          token.createdAt,
          token.expiresAt,
          parent?.agentId,
          parent?.clientId,
          parent?.agentUntil,
          token.agentTtlMinutes,
        ],
      });
    },
    async purgeOfAgents(before, limit) {
      const text = `DELETE FROM initial_access_tokens WHERE id = ANY(ARRAY(
          SELECT id FROM initial_access_tokens WHERE parent_id IS NOT NULL AND expires_at < $1 ORDER BY expires_at LIMIT $2)) RETURNING 1 AS one`;
      return (await db.rows({ name: 'initial-access-tokens-purge', text, values: [before, limit] })).length;
    },
    async revoke(id) {
      const text = 'UPDATE initial_access_tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING id';
      return (await db.row({ name: 'initial-access-token-revoke', text, values: [id, clock.now()] })) !== undefined;
    },
  };
}
