import type { Db } from '../../platform/db/db.ts';
import type { ProvisioningToken, Refusal, TokenClient } from './provisioning-token.ts';

/** An identity provider, and what it may show. */
export interface ProvisioningClient extends TokenClient {
  readonly name: string;
}

/** Provisioning tokens in SQL. */
export interface ProvisioningTokenStore {
  /** The token behind one of these hashes, with the client it stands for; one indexed read. */
  findByHash(hashes: readonly Buffer[]): Promise<{ readonly token: ProvisioningToken; readonly client: TokenClient } | undefined>;
  find(id: string): Promise<ProvisioningToken | undefined>;
  countLiving(clientId: string, now: Date): Promise<number>;
  insert(token: ProvisioningToken, hash: Buffer): Promise<void>;
  /** False when it was revoked before or is not there. */
  revoke(id: string, at: Date): Promise<boolean>;
  /** The ids of those that were not revoked before. */
  revokeAll(clientId: string, at: Date): Promise<readonly string[]>;
  /** Clients that ever had a token, with the tokens they have and those that ended since. */
  listClients(page: {
    readonly after: string | undefined;
    readonly limit: number;
    readonly endedSince: Date;
  }): Promise<readonly { readonly client: ProvisioningClient; readonly tokens: readonly ProvisioningToken[] }[]>;
  /** Active clients marked for management, by name, at most 100. */
  choices(): Promise<readonly ProvisioningClient[]>;
  setLastUse(uses: readonly { readonly id: string; readonly from: string; readonly at: Date }[]): Promise<void>;
  /** False when one was noted since `unlessSince`. */
  noteRefusal(refusal: {
    readonly id: string;
    readonly reason: Refusal;
    readonly from: string;
    readonly at: Date;
    readonly unlessSince: Date;
  }): Promise<boolean>;
}

interface TokenRow {
  readonly id: string;
  readonly client_id: string;
  readonly ends_in: string;
  readonly may_write: boolean;
  readonly addresses: readonly string[];
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly revoked_at: Date | null;
  readonly last_used_at: Date | null;
  readonly last_used_from: string | null;
  readonly refused_at: Date | null;
  readonly refused_from: string | null;
  readonly refusal: Refusal | null;
}

interface ClientRow {
  readonly client_id: string;
  readonly name: string;
  readonly service_id: string | null;
  readonly status: string;
  readonly is_management: boolean;
  readonly has_governance: boolean;
}

const MAX_CHOICES = 100;
const MAX_LISTED = 1_000;
const TOKEN = `t.id, t.client_id, t.ends_in, t.may_write, t.addresses, t.created_at, t.expires_at, t.revoked_at, t.last_used_at, t.last_used_from,
  t.refused_at, t.refused_from, t.refusal`;
const CLIENT = 'c.client_id, c.name, c.service_id, c.status, c.is_management, c.has_governance';

function tokenOf(row: TokenRow): ProvisioningToken {
  const { last_used_at: usedAt, last_used_from: usedFrom, refused_at: refusedAt, refused_from: refusedFrom, refusal } = row;
  const isRefused = refusedAt !== null && refusedFrom !== null && refusal !== null;
  return {
    id: row.id,
    clientId: row.client_id,
    endsIn: row.ends_in,
    mayWrite: row.may_write,
    addresses: row.addresses,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at ?? undefined,
    lastUse: usedAt === null || usedFrom === null ? undefined : { at: usedAt, from: usedFrom },
    lastRefusal: isRefused ? { at: refusedAt, from: refusedFrom, reason: refusal } : undefined,
  };
}

function clientOf(row: ClientRow): ProvisioningClient {
  return {
    id: row.client_id,
    name: row.name,
    serviceId: row.service_id ?? undefined,
    isActive: row.status === 'active',
    isManagement: row.is_management,
    hasGovernance: row.has_governance,
  };
}

function reads(db: Db): Pick<ProvisioningTokenStore, 'findByHash' | 'find' | 'countLiving' | 'listClients' | 'choices'> {
  return {
    async findByHash(hashes) {
      const text = `SELECT ${TOKEN}, ${CLIENT} FROM provisioning_tokens t JOIN clients c USING (client_id) WHERE t.token_hash = ANY($1)`;
      const row = await db.row<TokenRow & ClientRow>({ name: 'provisioning-token-by-hash', text, values: [hashes] });
      return row && { token: tokenOf(row), client: clientOf(row) };
    },
    async find(id) {
      const text = `SELECT ${TOKEN} FROM provisioning_tokens t WHERE t.id = $1`;
      const row = await db.row<TokenRow>({ name: 'provisioning-token', text, values: [id] });
      return row && tokenOf(row);
    },
    async countLiving(clientId, now) {
      const text =
        'SELECT count(*)::int AS living FROM provisioning_tokens WHERE client_id = $1 AND revoked_at IS NULL AND expires_at > $2';
      return (await db.row<{ living: number }>({ name: 'provisioning-tokens-living', text, values: [clientId, now] }))?.living ?? 0;
    },
    async listClients({ after, limit, endedSince }) {
      const rows = await db.rows<ClientRow>({
        name: 'provisioning-clients',
        text: `SELECT ${CLIENT} FROM clients c WHERE c.status <> 'deleted' AND ($1::text IS NULL OR c.client_id < $1)
          AND EXISTS (SELECT 1 FROM provisioning_tokens t WHERE t.client_id = c.client_id) ORDER BY c.client_id DESC LIMIT $2`,
        values: [after, limit],
      });
      const tokens = await db.rows<TokenRow>({
        name: 'provisioning-tokens-of-clients',
        text: `SELECT ${TOKEN} FROM provisioning_tokens t WHERE t.client_id = ANY($1::text[]) AND COALESCE(t.revoked_at, t.expires_at) > $2
          ORDER BY t.id DESC LIMIT $3`,
        values: [rows.map((row) => row.client_id), endedSince, MAX_LISTED],
      });
      return rows.map((row) => ({
        client: clientOf(row),
        tokens: tokens.filter((token) => token.client_id === row.client_id).map(tokenOf),
      }));
    },
    async choices() {
      const text = `SELECT ${CLIENT} FROM clients c WHERE c.status = 'active' AND c.is_management AND c.service_id IS NOT NULL
        ORDER BY c.name, c.client_id LIMIT $1`;
      return (await db.rows<ClientRow>({ name: 'provisioning-choices', text, values: [MAX_CHOICES] })).map(clientOf);
    },
  };
}

function writes(db: Db): Omit<ProvisioningTokenStore, keyof ReturnType<typeof reads>> {
  return {
    async insert(token, hash) {
      const { id, clientId, endsIn, mayWrite, addresses, createdAt, expiresAt } = token;
      await db.rows({
        name: 'provisioning-token-insert',
        text: `INSERT INTO provisioning_tokens (id, token_hash, client_id, ends_in, may_write, addresses, created_at, expires_at)
          VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
        values: [id, hash, clientId, endsIn, mayWrite, addresses, createdAt, expiresAt],
      });
    },
    async revoke(id, at) {
      const text = 'UPDATE provisioning_tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING id';
      return (await db.row({ name: 'provisioning-token-revoke', text, values: [id, at] })) !== undefined;
    },
    async revokeAll(clientId, at) {
      const text =
        'UPDATE provisioning_tokens SET revoked_at = $2 WHERE client_id = $1 AND revoked_at IS NULL AND expires_at > $2 RETURNING id';
      return (await db.rows<{ id: string }>({ name: 'provisioning-tokens-revoke', text, values: [clientId, at] })).map(({ id }) => id);
    },
    async setLastUse(uses) {
      const text = `UPDATE provisioning_tokens t SET last_used_at = used.at, last_used_from = used.from
        FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS used(id, "from", at)
        WHERE t.id = used.id AND (t.last_used_at IS NULL OR t.last_used_at < used.at)`;
      const values = [uses.map(({ id }) => id), uses.map(({ from }) => from), uses.map(({ at }) => at)];
      await db.rows({ name: 'provisioning-tokens-last-use', text, values });
    },
    async noteRefusal({ id, reason, from, at, unlessSince }) {
      const text = `UPDATE provisioning_tokens SET refused_at = $2, refused_from = $3, refusal = $4
        WHERE id = $1 AND (refused_at IS NULL OR refused_at <= $5) RETURNING id`;
      const row = await db.row({ name: 'provisioning-token-refusal', text, values: [id, at, from, reason, unlessSince] });
      return row !== undefined;
    },
  };
}

/** The store over PostgreSQL. */
export function createProvisioningTokenStore({ db }: { readonly db: Db }): ProvisioningTokenStore {
  return { ...reads(db), ...writes(db) };
}
