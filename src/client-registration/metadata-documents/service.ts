import { secondsAfter } from '../../platform/clock.ts';
import { AppError } from '../../platform/errors.ts';
import type { ChangedBy, OnStopped } from '../audit-trail.ts';
import type { Budget } from './budget.ts';
import { checkDocumentUrl } from './document-url.ts';
import { type DocumentPolicy, isWelcome } from './domain-policy.ts';
import { STALE_IF_ERROR_SECONDS } from './freshness.ts';
import { introduce, type Reader, type ReadingDeps } from './reading.ts';
import type { StoredDocument } from './store.ts';

/** Whether a client_id that is an address may be used now. */
export type Admission =
  | { readonly ok: true }
  /** `words`: a sentence for whoever made the client. Undefined: policy turned it away and said why. */
  | { readonly ok: false; readonly words: string | undefined };

/** The use cases around metadata documents. */
export interface MetadataDocuments {
  /** False while administrators have them switched off. */
  isSupported(): Promise<boolean>;
  /**
   * Judges a client_id that is an address: reads its document the first time and when it is stale, so that the record of the
   * client says what the document says. `from` is the network address that asks, which bounds how many new ones it may bring.
   */
  admit(clientId: string, from: string | undefined): Promise<Admission>;
  find(clientId: string): Promise<StoredDocument | undefined>;
  /** Reads a document now, on an administrator's word. Undefined: it holds; else why not. @throws {AppError} `not_found` */
  readAgain(clientId: string): Promise<string | undefined>;
  /**
   * An administrator names an address before it came, or one that is here, also one that was removed: it is taken whatever the
   * list of domains says. Joins the transaction under way. @throws {AppError} `invalid_input`
   */
  approve(address: string, by: ChangedBy): Promise<void>;
  /** Reads stale documents of clients in use; returns how many. */
  rereadDue(): Promise<number>;
  /** Removes clients that came by themselves, belong to no agent and that nobody let in within two hours. */
  forgetUnused(): Promise<number>;
}

/** What the use cases stand on. */
export interface DocumentServiceDeps extends ReadingDeps {
  readonly reader: Reader;
  readonly budget: Budget;
  readonly policy: () => Promise<DocumentPolicy>;
  /** http on loopback counts, for development. */
  readonly allowsLoopback: boolean;
  /** Whether policy lets the client not even authenticate; it records why. */
  readonly turnsAway: ((clientId: string) => Promise<boolean>) | undefined;
  readonly isLinked: (clientId: string) => Promise<boolean>;
  readonly onStopped: OnStopped;
}

const RETRY_SECONDS = 60;
const IN_USE_SECONDS = 14 * 86_400;
/** Longer than a sign-in that is under way may take (`ttl.Interaction`); who comes later is read again. */
const UNUSED_SECONDS = 7_200;
const BATCH = 20;
/** More than a batch, so that documents that are not welcome any more keep no others from their turn. */
const LOOKED_AT = 200;
const SYSTEM: ChangedBy = { kind: 'system', id: 'client-registration' };

const OK: Admission = { ok: true };
const refused = (words: string): Admission => ({ ok: false, words });
const unread = (words: string) => refused(`The metadata document of this client_id cannot be used. ${words}`);
const OFF = refused('This server does not take metadata documents as client_id.');
const NOT_LISTED = refused('This server takes metadata documents of listed hosts only, and the host of this client_id is not one of them.');
const REFUSED = refused('An administrator decided that this software does not act for people here.');
const REMOVED = refused('An administrator removed this client.');
const TOO_MANY = refused('Too many applications that are not known here are being looked up. Try again in a minute.');

/** What a document that is not fresh any more still does while its host does not answer. */
function mayStandIn({ read, isPutAway }: StoredDocument, now: Date): boolean {
  return !isPutAway && read !== undefined && now < secondsAfter(read.freshUntil, STALE_IF_ERROR_SECONDS);
}

function admission(deps: DocumentServiceDeps) {
  const { store, clock, reader, budget } = deps;
  const readNew = async (url: URL, from: string | undefined): Promise<Admission> => {
    if (!budget.maySeek(from)) return TOO_MANY;
    const fault = await reader.read(url, undefined);
    if (fault !== undefined) return unread(fault.message);
    const stored = await store.find(url.href);
    if (stored === undefined || stored.clientStatus === 'deleted') return REMOVED;
    return stored.isRefused ? REFUSED : OK;
  };
  /** What was found out a moment ago, where asking again would only make everybody wait. */
  const knownFault = (stored: StoredDocument, now: Date) => {
    const { failing, triedAt } = stored;
    if (failing === undefined || triedAt === undefined) return undefined;
    if (failing.kind === 'unreachable' && mayStandIn(stored, now)) {
      return now < secondsAfter(triedAt, RETRY_SECONDS) ? { kind: failing.kind, message: failing.words } : undefined;
    }
    return budget.mayRetry(stored.url) ? undefined : { kind: failing.kind, message: failing.words };
  };
  return async (url: URL, { stored, from }: { stored: StoredDocument | undefined; from: string | undefined }): Promise<Admission> => {
    if (stored === undefined) return readNew(url, from);
    if (stored.clientStatus === 'deleted') return REMOVED;
    if (stored.isRefused) return REFUSED;
    if (await deps.turnsAway?.(url.href)) return { ok: false, words: undefined };
    const now = clock.now();
    if (stored.read !== undefined && now < stored.read.freshUntil && !stored.isPutAway) return OK;
    const fault = knownFault(stored, now) ?? (await reader.read(url, stored));
    if (fault === undefined || (fault.kind === 'unreachable' && mayStandIn(stored, now))) return OK;
    return unread(fault.message);
  };
}

async function approve(deps: DocumentServiceDeps, address: string, by: ChangedBy): Promise<void> {
  const { store, clients, audit, allowsLoopback } = deps;
  const checked = checkDocumentUrl(address, { allowsLoopback });
  if (!checked.ok) throw new AppError('invalid_input', `The address ${checked.reason}.`, { member: '/url' });
  const isNew = await introduce(deps, address, { name: checked.url.hostname, client: { metadata: {}, scopes: undefined } });
  const isRevived = !isNew && (await store.reviveClient(address));
  if ((await store.lock(address)) === undefined) throw new AppError('conflict', 'Another client has this identifier.', { member: '/url' });
  await store.noteApproved(address);
  await clients.admit(address);
  const type = isNew || isRevived ? 'client.registered' : 'client.updated';
  await audit.record({ type, actor: by, clientId: address, action: 'metadata_document' });
}

async function forgetUnused(deps: DocumentServiceDeps): Promise<number> {
  const { db, store, clock, audit } = deps;
  const madeBefore = secondsAfter(clock.now(), -UNUSED_SECONDS);
  const forget = (url: string) =>
    db.transaction(async () => {
      if ((await deps.isLinked(url)) || !(await store.removeUnused(url))) return 0;
      await audit.record({ type: 'client.deleted', actor: SYSTEM, clientId: url, cause: 'unused' });
      await deps.onStopped(url, { cause: 'client.deleted', by: SYSTEM });
      return 1;
    });
  let count = 0;
  let urls = await store.listUnused({ madeBefore, after: '', limit: BATCH });
  while (urls.length > 0) {
    for (const url of urls) count += await forget(url);
    urls = await store.listUnused({ madeBefore, after: urls.at(-1) ?? '', limit: BATCH });
  }
  return count;
}

/** The use cases over store and reader. */
export function createDocumentService(deps: DocumentServiceDeps): MetadataDocuments {
  const { store, clock, reader, allowsLoopback } = deps;
  const judge = admission(deps);
  return {
    isSupported: async () => (await deps.policy()).mode !== 'off',
    find: store.find,
    async admit(clientId, from) {
      const policy = await deps.policy();
      if (policy.mode === 'off') return OFF;
      const checked = checkDocumentUrl(clientId, { allowsLoopback });
      if (!checked.ok) return refused(`This client_id is no address of a metadata document: it ${checked.reason}.`);
      const { url } = checked;
      const stored = await store.find(clientId);
      if (!isWelcome(url.hostname, policy, { isApproved: stored?.isApproved === true })) return NOT_LISTED;
      return judge(url, { stored, from });
    },
    async readAgain(clientId) {
      const stored = await store.find(clientId);
      if (stored === undefined || stored.clientStatus === 'deleted') throw new AppError('not_found', 'There is no such document.');
      return (await reader.read(new URL(clientId), stored))?.message;
    },
    approve: (address, by) => deps.db.transaction(() => approve(deps, address, by)),
    async rereadDue() {
      const policy = await deps.policy();
      const now = clock.now();
      const bounds = { usedSince: secondsAfter(now, -IN_USE_SECONDS), triedBefore: secondsAfter(now, -RETRY_SECONDS), limit: LOOKED_AT };
      const due = await store.listDue(bounds);
      const welcome = due.filter((each) => isWelcome(new URL(each.url).hostname, policy, each)).slice(0, BATCH);
      await Promise.all(welcome.map((each) => reader.read(new URL(each.url), each)));
      return welcome.length;
    },
    forgetUnused: () => forgetUnused(deps),
  };
}
