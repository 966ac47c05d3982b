import { type Clock, secondsAfter } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import type { Vault } from '../../platform/vault.ts';
import { createArtifactSeal } from '../artifact-seal.ts';
import { hashOf } from '../store.ts';

/** A refresh token as it lies in the database, with what names its family. */
export interface StoredRefreshToken {
  readonly payload: Record<string, unknown>;
  /** Names the family: the same for the first token and all that replaced it. */
  readonly familyHash: Buffer;
  /** When it was replaced. */
  readonly replacedAt: Date | undefined;
  readonly expiresAt: Date;
}

/** A refresh token to be kept; the one it `replaces` keeps it, sealed, so that it can be given a second time. */
export interface NewRefreshToken {
  readonly value: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly ttlSeconds: number;
  /** Undefined: it begins a family of its own. */
  readonly familyHash: Buffer | undefined;
  readonly replaces: string | undefined;
}

/**
 * What became of a claim: it is ours to replace, somebody replaced it before, or it is gone. Of N callers on whatever servers
 * exactly one is told `claimed`, unless that one's transaction is undone.
 */
export type Claim =
  | { readonly is: 'claimed' }
  | { readonly is: 'replaced'; readonly replacedAt: Date; readonly successor: string | undefined }
  | { readonly is: 'gone' };

/** SQL of refresh tokens and their families. One statement each, but for the claim that comes too late. */
export interface RefreshTokenStore {
  /** Undefined too when its family was ended. */
  find(value: string): Promise<StoredRefreshToken | undefined>;
  insert(token: NewRefreshToken): Promise<void>;
  /** Takes the token for replacing it, and holds it until the transaction ends. Who comes later waits, and is told what replaced it. */
  claim(value: string): Promise<Claim>;
  /** Moves the end of a token that is not replaced. */
  extend(value: string, expiresAt: Date): Promise<void>;
  /**
   * Ends a family with all it could still lead to; false when it was ended before. What a request under way on another server
   * adds to it a moment later is born dead. `keptUntil`: when nothing of it could be alive anyway.
   */
  endFamily(familyHash: Buffer, keptUntil: Date): Promise<boolean>;
  /** Forgets up to `limit` successors of tokens that were replaced before this time; returns how many. */
  forgetSuccessors(replacedBefore: Date, limit: number): Promise<number>;
}

interface Row {
  readonly id_hash: Buffer;
  readonly payload: Buffer;
  readonly family_hash: Buffer;
  readonly consumed_at: Date | null;
  readonly expires_at: Date;
}

const MODEL = 'RefreshToken';
const SUCCESSORS = 'refresh-successors';

/** Tokens of before there were families are the first of their own. */
const FIND = `SELECT a.id_hash, a.payload, coalesce(a.family_hash, a.id_hash) AS family_hash, a.consumed_at, a.expires_at FROM oidc_artifacts a
  WHERE a.model = '${MODEL}' AND a.id_hash = $1
    AND (SELECT count(*) FROM ended_refresh_families ended WHERE ended.family_hash = coalesce(a.family_hash, a.id_hash)) = 0`;

const INSERT = `WITH replaced AS (UPDATE oidc_artifacts SET successor = $9 WHERE model = '${MODEL}' AND id_hash = $10)
  INSERT INTO oidc_artifacts (model, id_hash, payload, grant_hash, account_id, client_id, created_at, expires_at, family_hash)
  VALUES ('${MODEL}', $1, $2, $3, $4, $5, $6, $7, $8)`;

/** The store over PostgreSQL. */
export function createRefreshTokenStore(deps: { db: Db; vault: Vault; clock: Clock }): RefreshTokenStore {
  const { db, vault, clock } = deps;
  const artifacts = createArtifactSeal(deps);
  return {
    async find(value) {
      const row = await db.row<Row>({ name: 'refresh-token-find', text: FIND, values: [hashOf(value)] });
      if (row === undefined) return undefined;
      const { family_hash: familyHash, consumed_at: replacedAt, expires_at: expiresAt } = row;
      return { payload: artifacts.open(MODEL, row), familyHash, replacedAt: replacedAt ?? undefined, expiresAt };
    },
    async insert({ value, payload, ttlSeconds, familyHash, replaces }) {
      const idHash = hashOf(value);
      const now = clock.now();
      const of = (member: string) => (typeof payload[member] === 'string' ? String(payload[member]) : null);
      const grantId = of('grantId');
      const before = replaces === undefined ? null : hashOf(replaces);
      await db.rows({
        name: 'refresh-token-insert',
        text: INSERT,
        values: [
          ...[idHash, artifacts.seal(MODEL, idHash, payload), grantId === null ? null : hashOf(grantId), of('accountId'), of('clientId')],
          ...[now, secondsAfter(now, ttlSeconds), familyHash ?? idHash],
          ...[before === null ? null : vault.seal(SUCCESSORS, value, before.toString('hex')), before],
        ],
      });
    },
    async claim(value) {
      const idHash = hashOf(value);
      const claimed = await db.row({
        name: 'refresh-token-claim',
        text: `UPDATE oidc_artifacts SET consumed_at = $2 WHERE model = '${MODEL}' AND id_hash = $1 AND consumed_at IS NULL RETURNING id_hash`,
        values: [idHash, clock.now()],
      });
      if (claimed !== undefined) return { is: 'claimed' };
      const row = await db.row<{ consumed_at: Date; successor: Buffer | null }>({
        name: 'refresh-token-replaced',
        text: `SELECT consumed_at, successor FROM oidc_artifacts WHERE model = '${MODEL}' AND id_hash = $1`,
        values: [idHash],
      });
      if (row === undefined) return { is: 'gone' };
      const { successor, consumed_at: replacedAt } = row;
      const opened = successor === null ? undefined : vault.open(SUCCESSORS, successor, idHash.toString('hex')).toString();
      return { is: 'replaced', replacedAt, successor: opened };
    },
    async extend(value, expiresAt) {
      const text = `UPDATE oidc_artifacts SET expires_at = $2 WHERE model = '${MODEL}' AND id_hash = $1`;
      await db.rows({ name: 'refresh-token-extend', text, values: [hashOf(value), expiresAt] });
    },
    endFamily: (familyHash, keptUntil) =>
      db.transaction(async () => {
        // first the record, which two servers cannot write at once: only one of them goes on to the tokens
        const first = await db.row({
          name: 'refresh-family-end',
          text: `INSERT INTO oidc_ended_families (family_hash, ended_at, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING family_hash`,
          values: [familyHash, clock.now(), keptUntil],
        });
        if (first === undefined) return false;
        const text = `DELETE FROM oidc_artifacts WHERE family_hash = $1 OR (model = '${MODEL}' AND id_hash = $1)`;
        await db.rows({ name: 'refresh-family-destroy', text, values: [familyHash] });
        return true;
      }),
    async forgetSuccessors(replacedBefore, limit) {
      const outdated = 'SELECT ctid FROM oidc_artifacts WHERE successor IS NOT NULL AND consumed_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED';
      const text = `UPDATE oidc_artifacts SET successor = NULL WHERE ctid = ANY(ARRAY(${outdated})) RETURNING 1 AS one`;
      return (await db.rows({ name: 'refresh-successors-forget', text, values: [replacedBefore, limit] })).length;
    },
  };
}
