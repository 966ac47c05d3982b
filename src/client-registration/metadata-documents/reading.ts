import type { AppError } from '../../platform/errors.ts';
import { type Clock, secondsAfter } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import type { Outgoing } from '../../platform/outgoing/dispatcher.ts';
import type { ChangedBy, RegistrationAudit } from '../audit-trail.ts';
import { type ClientRecord, draftRecord, type StoredMetadata } from '../client.ts';
import { OPEN_BOUNDS } from '../open-registration.ts';
import type { SoftwareService } from '../software/service.ts';
import { documentIdentity } from '../software/software.ts';
import type { ClientStore } from '../store.ts';
import { type DocumentChange, decisiveChange } from './change.ts';
import { type MetadataDocument, readDocument } from './document.ts';
import { DocumentFault } from './document-fault.ts';
import { type Fetched, fetchDocument } from './fetching.ts';
import type { DocumentStore, StoredDocument } from './store.ts';

/** What happens around a document, in the transaction that keeps it. */
export interface DocumentHooks {
  /** A document changed so that nobody's consent to it holds any more. */
  readonly onChanged: (clientId: string, change: DocumentChange) => Promise<void>;
}

/** What reading stands on. */
export interface ReadingDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly outgoing: Pick<Outgoing, 'fetch'>;
  readonly clients: Pick<ClientStore, 'insert' | 'update' | 'admit'>;
  readonly software: Pick<SoftwareService, 'meet' | 'revive'>;
  readonly store: DocumentStore;
  readonly audit: RegistrationAudit;
  readonly hooks: DocumentHooks;
  /** Metadata as the rules of registration and the engine's own take it. @throws {AppError} `invalid_input` */
  readonly judge: (record: ClientRecord, metadata: StoredMetadata) => { metadata: StoredMetadata; scopes: readonly string[] | undefined };
}

/** Reads documents and keeps what they say. */
export interface Reader {
  /**
   * Asks for the document and keeps it; a known one is asked for by condition. Everybody on this server who wants the same
   * document waits for one request. Undefined: it holds. Otherwise why not, which is noted with a known document and nowhere else.
   */
  read(url: URL, stored: StoredDocument | undefined): Promise<DocumentFault | undefined>;
}

const LONGEST_WORDS = 1_000;

/** A client of a document before anything is known of it. */
export function draftOf(clientId: string, { name, now }: { readonly name: string; readonly now: Date }): ClientRecord {
  return draftRecord({ id: clientId, name, kind: 'document', purpose: 'agent', bounds: OPEN_BOUNDS }, now);
}

interface Judged {
  readonly document: MetadataDocument;
  readonly name: string;
  readonly client: { readonly metadata: StoredMetadata; readonly scopes: readonly string[] | undefined };
}

interface Answer {
  readonly fetched: Fetched;
  /** When it was asked for: what was asked for later knows better. */
  readonly at: Date;
  readonly judged: Judged | undefined;
}

function judgedOf({ judge }: ReadingDeps, url: URL, { body, now }: { body: string; now: Date }): Judged {
  const document = readDocument(url, body);
  const name = String(document.metadata['client_name']).trim();
  try {
    return { document, name, client: judge(draftOf(url.href, { name, now }), document.metadata) };
  } catch (error) {
    const { code, message } = error as Partial<AppError>;
    if (code !== 'invalid_input') throw error;
    throw new DocumentFault('invalid', `What it says may not be registered: ${message}`);
  }
}

async function askFor(deps: ReadingDeps, url: URL, stored: StoredDocument | undefined): Promise<Answer> {
  const at = deps.clock.now();
  // a condition makes sense only for what we still have
  const { etag, lastModified } = stored?.read === undefined ? { etag: undefined, lastModified: undefined } : stored;
  const fetched = await fetchDocument(deps.outgoing, url.href, { known: { etag, lastModified }, now: at });
  return { fetched, at, judged: fetched.body === undefined ? undefined : judgedOf(deps, url, { body: fetched.body, now: at }) };
}

/** A client that a document, or an administrator, names for the first time, as an instance of its software; false when it is there. */
export async function introduce(
  deps: Pick<ReadingDeps, 'clients' | 'software' | 'store' | 'clock'>,
  url: string,
  what: Pick<Judged, 'name' | 'client'>,
): Promise<boolean> {
  const software = await deps.software.meet(documentIdentity(url, what.name));
  const { hasSecret: _, ...draft } = draftOf(url, { name: what.name, now: deps.clock.now() });
  const bounds = { ...OPEN_BOUNDS, ...(software.resources === undefined ? {} : { resources: software.resources }) };
  const isNew = await deps.clients.insert({ ...draft, ...what.client, bounds, softwareId: software.id, secretHash: undefined });
  if (isNew) await deps.store.insert(url);
  return isNew;
}

/** The client and its document, made by the first answer; of two servers that made it at once the second finds it. */
async function begin(deps: ReadingDeps, url: string, { judged }: Answer): Promise<void> {
  if (judged === undefined || !(await introduce(deps, url, judged))) return;
  const actor: ChangedBy = { kind: 'client', id: url };
  await deps.audit.record({ type: 'client.registered', actor, clientId: url, action: 'metadata_document' });
}

/** Tells what changed, in words, and lets everybody be asked again. */
async function announce(deps: ReadingDeps, url: string, { before, judged }: { before: StoredMetadata; judged: Judged }): Promise<void> {
  const change = decisiveChange(before, judged.document.metadata);
  const actor: ChangedBy = { kind: 'client', id: url };
  if (change === undefined) {
    await deps.audit.record({ type: 'client.updated', actor, clientId: url, action: 'metadata_document' });
    return;
  }
  const words = change.words.slice(0, LONGEST_WORDS);
  await deps.store.noteChange(url, words);
  await deps.audit.record({ type: 'client.document_changed', actor, clientId: url, action: change.members.join(' '), cause: words });
  await deps.hooks.onChanged(url, change);
}

/** Keeps an answer. Holds the row, so that of two servers that saw the same change one tells it. */
async function keep(deps: ReadingDeps, url: string, answer: Answer): Promise<void> {
  const { store, clients } = deps;
  const { fetched, judged, at } = answer;
  if ((await store.find(url)) === undefined) await begin(deps, url, answer);
  const stored = await store.lock(url);
  if (stored === undefined || stored.clientStatus === 'deleted') return;
  const before = stored.read;
  if (before !== undefined && before.at > at) return;
  const { etag, lastModified } = fetched;
  if (stored.isPutAway) await deps.software.revive(url);
  const reading = { url, etag, lastModified, at, freshUntil: secondsAfter(at, fetched.freshSeconds) };
  if (judged === undefined || before?.digest === judged.document.digest) return store.noteUnchanged(reading);
  await store.noteRead({ ...reading, document: judged.document });
  await clients.update(url, { name: judged.name, ...judged.client });
  if (before !== undefined) await announce(deps, url, { before: before.metadata, judged });
}

/** The reader; nothing of it belongs to the request that happens to wait. */
export function createReader(deps: ReadingDeps): Reader {
  const { db, store } = deps;
  const underWay = new Map<string, Promise<DocumentFault | undefined>>();
  const apart = <T>(work: () => Promise<T>) => db.detached(() => db.transaction(work));
  const start = async (url: URL, stored: StoredDocument | undefined) => {
    try {
      const answer = await askFor(deps, url, stored);
      await apart(() => keep(deps, url.href, answer));
      return undefined;
    } catch (error) {
      if (!(error instanceof DocumentFault)) throw error;
      if (stored !== undefined) await apart(() => store.noteFault({ url: url.href, kind: error.kind, words: error.message }));
      return error;
    }
  };
  return {
    read(url, stored) {
      const running = underWay.get(url.href) ?? start(url, stored).finally(() => underWay.delete(url.href));
      underWay.set(url.href, running);
      return running;
    },
  };
}
