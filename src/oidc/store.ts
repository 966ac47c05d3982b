import { createHash } from 'node:crypto';
import { type Clock, secondsAfter } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { purge } from '../platform/db/purge.ts';
import { byteaOf, type Columns, rowSet, rowsOf } from '../platform/db/row-set.ts';
import type { Vault } from '../platform/vault.ts';
import { createArtifactSeal } from './artifact-seal.ts';

/** An engine payload as stored, with what the columns know. */
export interface StoredArtifact {
  readonly payload: Record<string, unknown>;
  readonly consumedAt: Date | undefined;
}

/** A stored artifact with its times. */
export interface ListedArtifact {
  /** SHA-256 of its value: what names it without opening it. */
  readonly hash: Buffer;
  readonly payload: Record<string, unknown>;
  readonly createdAt: Date;
  readonly expiresAt: Date | undefined;
}

/** What the columns of an artifact are filled from; everything else is only in the encrypted payload. */
export interface ArtifactInput {
  readonly model: string;
  readonly value: string;
  readonly payload: Record<string, unknown>;
  /** Lifetime from now; undefined = does not expire. */
  readonly ttlSeconds: number | undefined;
  /** The family of refresh tokens it ends with, if it has one. */
  readonly familyHash?: Buffer | undefined;
}

/** Whose artifacts; a grant is named by the SHA-256 of its id. */
export type ArtifactParty = { readonly clientIds: readonly string[] } | { readonly accountId: string } | { readonly grantHash: Buffer };

/** The engine's storage in SQL. Values are hashed here and nowhere else, payloads sealed and opened here. */
export interface ArtifactStore {
  upsert(input: ArtifactInput): Promise<void>;
  find(model: string, value: string): Promise<StoredArtifact | undefined>;
  /** By the hash alone: for what is known only by it, like the grant a token was issued under. */
  findByHash(model: string, idHash: Buffer): Promise<StoredArtifact | undefined>;
  findBy(model: string, column: 'uid_hash' | 'user_code_hash', value: string): Promise<StoredArtifact | undefined>;
  /** Marks as used; false when it was used before, or is gone. Of N callers exactly one gets true. */
  consume(model: string, value: string): Promise<boolean>;
  destroy(model: string, value: string): Promise<void>;
  destroyByGrant(model: string, grantId: string): Promise<void>;
  /**
   * Adds members to an artifact that was not used yet, known by its hash; false when it is used, expired or gone. `expiresAt`
   * replaces its end. Whoever reads it meanwhile sees all of the change or nothing.
   */
  amend(model: string, idHash: Buffer, change: { members: Record<string, unknown>; expiresAt?: Date }): Promise<boolean>;
  /** Everything of one kind that an account has and that has not expired, the newest first; at most 100. */
  listOf(model: string, accountId: string): Promise<ListedArtifact[]>;
  /** How many grants of people are in force. */
  countGrants(): Promise<number>;
  /** Removes what an account has of one kind: one by its uid, all, or all but one; returns how many went. */
  destroyOf(model: string, accountId: string, which: { uid?: string | undefined; exceptUid?: string | undefined }): Promise<number>;
  /** Destroys everything that could still give a party a token: of these clients, of a person with their sign-ins, or of a grant. */
  destroyAuthority(party: ArtifactParty): Promise<void>;
  /** Records an identifier that may be used once; false when it was used before. Not undone by a rollback. */
  recordOnce(key: string, expiresAt: Date): Promise<boolean>;
  /** Removes up to `limit` expired rows of each kind; returns how many went. */
  purge(limit: number): Promise<number>;
}

/** SHA-256 of a value a client holds: the key under which the database knows it. */
export function hashOf(value: string): Buffer {
  return createHash('sha256').update(value).digest();
}

interface Row {
  readonly id_hash: Buffer;
  readonly payload: Buffer;
  readonly consumed_at: Date | null;
}

/** What a request adds to a family that ends at the same moment is there, and not found. */
const IN_LIVING_FAMILY = `(artifact.family_hash IS NULL
  OR (SELECT count(*) FROM ended_refresh_families ended WHERE ended.family_hash = artifact.family_hash) = 0)`;

/** What leads to tokens. A client's registration access token does not, and must outlast a suspension. */
const AUTHORITY = [
  ...['AccessToken', 'AuthorizationCode', 'BackchannelAuthenticationRequest', 'ClientCredentials', 'DeviceCode', 'Grant'],
  ...['PushedAuthorizationRequest', 'RefreshToken'],
];

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function hashOrNull(value: unknown): Buffer | null {
  return typeof value === 'string' ? hashOf(value) : null;
}

/** The store over PostgreSQL. */
export function createArtifactStore(deps: { db: Db; vault: Vault; clock: Clock }): ArtifactStore {
  const { db, clock } = deps;
  const seal = createArtifactSeal(deps);
  const open = (model: string, row: Row | undefined): StoredArtifact | undefined =>
    row === undefined ? undefined : { payload: seal.open(model, row), consumedAt: row.consumed_at ?? undefined };
  const findByHash = async (model: string, idHash: Buffer) => {
    const text = `SELECT id_hash, payload, consumed_at FROM oidc_artifacts artifact WHERE model = $1 AND id_hash = $2 AND ${IN_LIVING_FAMILY}`;
    return open(model, await db.row<Row>({ name: 'artifact-find', text, values: [model, idHash] }));
  };
  const recordOnce = db.together((records: readonly ReplayRecord[]) => insertReplayRecords(db, records));
  return {
    async upsert({ model, value, payload, ttlSeconds, familyHash }) {
      const idHash = hashOf(value);
      const now = clock.now();
      await db.rows({
        name: 'artifact-upsert',
        text: `INSERT INTO oidc_artifacts (model, id_hash, payload, grant_hash, uid_hash, user_code_hash, account_id, client_id, created_at, expires_at, family_hash)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
               ON CONFLICT (model, id_hash) DO UPDATE SET payload = excluded.payload, grant_hash = excluded.grant_hash, uid_hash = excluded.uid_hash,
                 user_code_hash = excluded.user_code_hash, account_id = excluded.account_id, client_id = excluded.client_id, expires_at = excluded.expires_at`,
        values: [
          model,
          idHash,
          seal.seal(model, idHash, payload),
          hashOrNull(payload['grantId']),
          hashOrNull(payload['uid']),
          hashOrNull(payload['userCode']),
          text(payload['accountId']),
          text(payload['clientId']),
          now,
          ttlSeconds === undefined ? null : secondsAfter(now, ttlSeconds),
          familyHash ?? null,
        ],
      });
    },
    find: (model, value) => findByHash(model, hashOf(value)),
    findByHash,
    async findBy(model, column, value) {
      return open(
        model,
        await db.row<Row>({
          name: `artifact-find-${column}`,
          text: `SELECT id_hash, payload, consumed_at FROM oidc_artifacts WHERE model = $1 AND ${column} = $2 ORDER BY created_at DESC LIMIT 1`,
          values: [model, hashOf(value)],
        }),
      );
    },
    async consume(model, value) {
      const row = await db.row({
        name: 'artifact-consume',
        text: 'UPDATE oidc_artifacts SET consumed_at = $3 WHERE model = $1 AND id_hash = $2 AND consumed_at IS NULL RETURNING id_hash',
        values: [model, hashOf(value), clock.now()],
      });
      return row !== undefined;
    },
    async destroy(model, value) {
      await db.rows({
        name: 'artifact-destroy',
        text: 'DELETE FROM oidc_artifacts WHERE model = $1 AND id_hash = $2',
        values: [model, hashOf(value)],
      });
    },
    async destroyByGrant(model, grantId) {
      await db.rows({
        name: 'artifact-destroy-grant',
        text: 'DELETE FROM oidc_artifacts WHERE model = $1 AND grant_hash = $2',
        values: [model, hashOf(grantId)],
      });
    },
    amend: (model, idHash, { members, expiresAt }) =>
      db.transaction(async () => {
        const now = clock.now();
        const row = await db.row<Row>({
          name: 'artifact-find-unused',
          text: `SELECT id_hash, payload, consumed_at FROM oidc_artifacts
                 WHERE model = $1 AND id_hash = $2 AND consumed_at IS NULL AND (expires_at IS NULL OR expires_at > $3) FOR UPDATE`,
          values: [model, idHash, now],
        });
        const stored = open(model, row);
        if (stored === undefined) return false;
        const end = expiresAt === undefined ? {} : { exp: Math.floor(expiresAt.getTime() / 1000) };
        const payload: Record<string, unknown> = { ...stored.payload, ...members, ...end };
        await db.rows({
          name: 'artifact-amend',
          text: 'UPDATE oidc_artifacts SET payload = $3, grant_hash = $4, expires_at = coalesce($5, expires_at) WHERE model = $1 AND id_hash = $2',
          values: [model, idHash, seal.seal(model, idHash, payload), hashOrNull(payload['grantId']), expiresAt ?? null],
        });
        return true;
      }),
    async countGrants() {
      const row = await db.row<{ count: number }>({
        name: 'artifact-count-grants',
        text: `SELECT count(*)::int AS count FROM live_grants WHERE expires_at IS NULL OR expires_at > $1`,
        values: [clock.now()],
      });
      return row?.count ?? 0;
    },
    async listOf(model, accountId) {
      const rows = await db.rows<Row & { created_at: Date; expires_at: Date | null }>({
        name: 'artifact-list-of',
        text: `SELECT id_hash, payload, consumed_at, created_at, expires_at FROM oidc_artifacts
               WHERE account_id = $2 AND model = $1 AND (expires_at IS NULL OR expires_at > $3) ORDER BY created_at DESC LIMIT 100`,
        values: [model, accountId, clock.now()],
      });
      return rows.map((row) => ({
        hash: row.id_hash,
        payload: open(model, row)?.payload ?? {},
        createdAt: row.created_at,
        expiresAt: row.expires_at ?? undefined,
      }));
    },
    async destroyOf(model, accountId, { uid, exceptUid }) {
      const gone = await db.rows({
        name: 'artifact-destroy-of',
        text: `DELETE FROM oidc_artifacts WHERE account_id = $2 AND model = $1
               AND ($3::bytea IS NULL OR uid_hash = $3) AND ($4::bytea IS NULL OR uid_hash IS DISTINCT FROM $4) RETURNING 1 AS one`,
        values: [model, accountId, hashOrNull(uid), hashOrNull(exceptUid)],
      });
      return gone.length;
    },
    destroyAuthority: (party) => destroyAuthority(db, party),
    recordOnce: (key, expiresAt) => db.detached(() => recordOnce({ keyHash: hashOf(key), expiresAt })),
    async purge(limit) {
      const expired = { column: 'expires_at', before: clock.now() };
      let gone = 0;
      for (const table of ['oidc_artifacts', 'oidc_replay_records', 'oidc_ended_families'])
        gone += await purge(db, { table, ...expired }, limit);
      return gone;
    },
  };
}

interface ReplayRecord {
  readonly keyHash: Buffer;
  readonly expiresAt: Date;
}

const REPLAY_RECORD: Columns = [
  ['key_hash', 'bytea'],
  ['expires_at', 'timestamptz'],
];

/** Whether each record is new. In one order, so that two servers that record the same ones wait for each other instead of ending in a deadlock. */
async function insertReplayRecords(db: Db, records: readonly ReplayRecord[]): Promise<boolean[]> {
  const rows = await db.rows<{ key_hash: Buffer }>({
    name: 'replay-record',
    text: `INSERT INTO oidc_replay_records (key_hash, expires_at)
           SELECT key_hash, expires_at FROM ${rowsOf('$1', REPLAY_RECORD, 'record')} ORDER BY key_hash ON CONFLICT DO NOTHING RETURNING key_hash`,
    values: [rowSet(records.map(({ keyHash, expiresAt }) => ({ key_hash: byteaOf(keyHash), expires_at: expiresAt })))],
  });
  const fresh = new Set(rows.map((row) => row.key_hash.toString('hex')));
  // of two in one statement the first is the new one: `delete` is true once
  return records.map(({ keyHash }) => fresh.delete(keyHash.toString('hex')));
}

async function destroyAuthority(db: Db, party: ArtifactParty): Promise<void> {
  if ('clientIds' in party) {
    const text = 'DELETE FROM oidc_artifacts WHERE model = ANY($1) AND client_id = ANY($2)';
    await db.rows({ name: 'artifact-destroy-clients', text, values: [AUTHORITY, [...party.clientIds]] });
    return;
  }
  if ('accountId' in party) {
    const text = 'DELETE FROM oidc_artifacts WHERE model = ANY($1) AND account_id = $2';
    await db.rows({ name: 'artifact-destroy-account', text, values: [[...AUTHORITY, 'Session', 'Interaction'], party.accountId] });
    return;
  }
  const text = `DELETE FROM oidc_artifacts WHERE grant_hash = $1 OR (model = 'Grant' AND id_hash = $1)`;
  await db.rows({ name: 'artifact-destroy-whole-grant', text, values: [party.grantHash] });
}
