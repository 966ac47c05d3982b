import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import type { ClientRecord, StoredMetadata } from '../client.ts';
import type { MetadataDocument } from './document.ts';
import type { FaultKind } from './document-fault.ts';

/** A metadata document as it is kept. */
export interface StoredDocument {
  readonly url: string;
  /** The client it describes; a deleted one is not served, whatever its document says. */
  readonly clientStatus: ClientRecord['status'] | 'deleted';
  /** Nobody used the client for long: it comes back when its document is read again. */
  readonly isPutAway: boolean;
  /** An administrator decided that this software does not act for people here. */
  readonly isRefused: boolean;
  /** Undefined: an administrator named the address, and it was not read yet. */
  readonly read: (MetadataDocument & { readonly at: Date; readonly freshUntil: Date }) | undefined;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  readonly triedAt: Date | undefined;
  readonly failing: { readonly since: Date; readonly kind: FaultKind; readonly words: string } | undefined;
  readonly change: { readonly at: Date; readonly words: string } | undefined;
  readonly isApproved: boolean;
}

/** What a reading leaves, whether it brought something new or not. */
export interface Reading {
  readonly url: string;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  readonly at: Date;
  readonly freshUntil: Date;
}

/** Metadata documents in SQL. */
export interface DocumentStore {
  find(url: string): Promise<StoredDocument | undefined>;
  /** The same, held against other writers until the transaction ends. */
  lock(url: string): Promise<StoredDocument | undefined>;
  /** Makes the row of a client of this kind that is there; nothing when it has one, or is of another kind. */
  insert(url: string): Promise<void>;
  noteApproved(url: string): Promise<void>;
  noteRead(reading: Reading & { readonly document: MetadataDocument }): Promise<void>;
  noteUnchanged(reading: Reading): Promise<void>;
  noteChange(url: string, words: string): Promise<void>;
  noteFault(fault: { readonly url: string; readonly kind: FaultKind; readonly words: string }): Promise<void>;
  /** Stale documents of clients used since then and not asked for lately, the longest stale first. */
  listDue(bounds: { readonly usedSince: Date; readonly triedBefore: Date; readonly limit: number }): Promise<readonly StoredDocument[]>;
  /** Addresses that came before then, that no administrator named and nobody let in, in order. */
  listUnused(bounds: { readonly madeBefore: Date; readonly after: string; readonly limit: number }): Promise<readonly string[]>;
  /** Removes the client with its document if still nobody let it in; false when somebody did. */
  removeUnused(url: string): Promise<boolean>;
  /** Brings the client of an address back that was removed, its document unread; false when it was not. */
  reviveClient(url: string): Promise<boolean>;
}

interface Row {
  readonly url: string;
  readonly client_status: StoredDocument['clientStatus'];
  readonly reaped_at: Date | null;
  readonly refused_at: Date | null;
  readonly document: StoredMetadata | null;
  readonly digest: string | null;
  readonly etag: string | null;
  readonly last_modified: string | null;
  readonly fetched_at: Date | null;
  readonly fresh_until: Date | null;
  readonly tried_at: Date | null;
  readonly failing_since: Date | null;
  readonly fault_kind: FaultKind | null;
  readonly last_fault: string | null;
  readonly changed_at: Date | null;
  readonly last_change: string | null;
  readonly approved_at: Date | null;
}

const SELECT = `SELECT d.*, c.status AS client_status, c.reaped_at, s.refused_at
  FROM client_documents d JOIN clients c ON c.client_id = d.url LEFT JOIN software s ON s.id = c.software_id`;

function readOf({ document, digest, fetched_at: at, fresh_until: freshUntil }: Row): StoredDocument['read'] {
  if (document === null || digest === null || at === null || freshUntil === null) return undefined;
  return { metadata: document, digest, at, freshUntil };
}

function fromRow(row: Row): StoredDocument {
  const { failing_since: since, fault_kind: kind, last_fault: fault, changed_at: changedAt, last_change: change } = row;
  return {
    url: row.url,
    clientStatus: row.client_status,
    isPutAway: row.reaped_at !== null,
    isRefused: row.refused_at !== null,
    read: readOf(row),
    etag: row.etag ?? undefined,
    lastModified: row.last_modified ?? undefined,
    triedAt: row.tried_at ?? undefined,
    failing: since === null || kind === null || fault === null ? undefined : { since, kind, words: fault },
    change: changedAt === null || change === null ? undefined : { at: changedAt, words: change },
    isApproved: row.approved_at !== null,
  };
}

const UNUSED = `kind = 'document' AND admitted_at IS NULL AND last_used_at IS NULL AND NOT EXISTS (
  SELECT 1 FROM client_documents d WHERE d.url = clients.client_id AND d.approved_at IS NOT NULL)`;
const READ =
  'etag = $2, last_modified = $3, fetched_at = $4, tried_at = $4, fresh_until = $5, failing_since = NULL, fault_kind = NULL, last_fault = NULL';

/** The store over PostgreSQL. */
export function createDocumentStore({ db, clock }: { readonly db: Db; readonly clock: Clock }): DocumentStore {
  const one = async (name: string, rest: string, url: string) => {
    const row = await db.row<Row>({ name, text: `${SELECT} WHERE d.url = $1 ${rest}`, values: [url] });
    return row && fromRow(row);
  };
  const run = async (name: string, text: string, values: readonly unknown[]) => void (await db.rows({ name, text, values }));
  return {
    find: (url) => one('client-document', '', url),
    lock: (url) => one('client-document-lock', 'FOR UPDATE OF d', url),
    insert(url) {
      const text = `INSERT INTO client_documents (url) SELECT client_id FROM clients WHERE client_id = $1 AND kind = 'document' ON CONFLICT DO NOTHING`;
      return run('client-document-insert', text, [url]);
    },
    noteApproved: (url) =>
      run('client-document-approved', 'UPDATE client_documents SET approved_at = $2 WHERE url = $1', [url, clock.now()]),
    noteRead: ({ url, etag, lastModified, at, freshUntil, document }) =>
      run('client-document-read', `UPDATE client_documents SET ${READ}, document = $6::jsonb, digest = $7 WHERE url = $1`, [
        ...[url, etag, lastModified, at, freshUntil],
        ...[JSON.stringify(document.metadata), document.digest],
      ]),
    noteUnchanged: ({ url, etag, lastModified, at, freshUntil }) =>
      run('client-document-unchanged', `UPDATE client_documents SET ${READ} WHERE url = $1`, [url, etag, lastModified, at, freshUntil]),
    noteChange: (url, words) =>
      run('client-document-change', 'UPDATE client_documents SET changed_at = $2, last_change = $3 WHERE url = $1', [
        url,
        clock.now(),
        words,
      ]),
    noteFault({ url, kind, words }) {
      const text = `UPDATE client_documents SET tried_at = $2, failing_since = COALESCE(failing_since, $2), fault_kind = $3, last_fault = $4
        WHERE url = $1`;
      return run('client-document-fault', text, [url, clock.now(), kind, words]);
    },
    async listDue({ usedSince, triedBefore, limit }) {
      const text = `${SELECT} WHERE d.fresh_until <= $1 AND c.status = 'active' AND c.reaped_at IS NULL AND c.last_used_at > $2 AND d.tried_at <= $3
        ORDER BY d.fresh_until LIMIT $4`;
      const values = [clock.now(), usedSince, triedBefore, limit];
      return (await db.rows<Row>({ name: 'client-documents-due', text, values })).map(fromRow);
    },
    async listUnused({ madeBefore, after, limit }) {
      const text = `SELECT client_id FROM clients WHERE ${UNUSED} AND created_at < $1 AND client_id > $2 ORDER BY client_id LIMIT $3`;
      const rows = await db.rows<{ client_id: string }>({ name: 'client-documents-unused', text, values: [madeBefore, after, limit] });
      return rows.map((row) => row.client_id);
    },
    async removeUnused(url) {
      const text = `DELETE FROM clients WHERE client_id = $1 AND ${UNUSED} RETURNING client_id`;
      return (await db.row({ name: 'client-document-remove-unused', text, values: [url] })) !== undefined;
    },
    async reviveClient(url) {
      const text = `WITH back AS (UPDATE clients SET status = 'active', updated_at = $2, version = version + 1
          WHERE client_id = $1 AND kind = 'document' AND status = 'deleted' RETURNING client_id)
        UPDATE client_documents SET document = NULL, digest = NULL, fetched_at = NULL, fresh_until = NULL, failing_since = NULL, fault_kind = NULL,
          last_fault = NULL FROM back WHERE url = back.client_id RETURNING url`;
      return (await db.row({ name: 'client-document-revive', text, values: [url, clock.now()] })) !== undefined;
    },
  };
}
