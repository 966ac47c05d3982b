import { type Clock, secondsAfter } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import type { Outgoing } from '../../platform/outgoing/dispatcher.ts';
import { type Agent, type AgentOwner, ownerOf } from '../agent.ts';
import { type AgentAudit, type AgentEditor, recordBy } from '../agent-event.ts';
import { isActing } from '../lifecycle.ts';
import type { OwnerDirectory } from '../owners.ts';
import type { AgentService } from '../service.ts';
import { type AgentCard, changedMembers, decisiveChanges } from './card.ts';
import { type Fetched, fetchCard, readCardUrl } from './fetching.ts';
import { nextReading, nextTry } from './pace.ts';
import type { CardStore, StoredCard } from './store.ts';

/** A card that somebody wants an agent made of. */
export interface CardRequest {
  readonly url: string;
  /** An id or an e-mail address; empty: nobody yet. */
  readonly owner: string;
  /** Only say what would happen. */
  readonly isDryRun?: true;
  /** The content hash of the card that was looked at before; another one is a `conflict`. */
  readonly expected?: string;
}

/** What became, or would become, of a card. */
export interface CardOutcome {
  readonly outcome: 'created' | 'changed' | 'unchanged';
  readonly agent: Agent;
  readonly url: string;
  readonly card: AgentCard;
  /** The members that changed. */
  readonly members: readonly string[];
}

/** The use cases around agent cards. */
export interface CardService {
  /** Makes an agent of a card, or brings the one that came from it up to date. @throws {AppError} `invalid_input`, `conflict`. */
  add(request: CardRequest, by: AgentEditor): Promise<CardOutcome>;
  find(agentId: string): Promise<StoredCard | undefined>;
  /** Which of these agents have a card that changed in the last 30 days, for the page of whoever answers for them. */
  changedLately(agentIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** Reads a card again that is kept; a failure is noted, not thrown. */
  reread(stored: StoredCard): Promise<void>;
}

/** What the use cases stand on. */
export interface CardServiceDeps {
  readonly db: Pick<Db, 'transaction' | 'rollback'>;
  readonly clock: Clock;
  readonly outgoing: Pick<Outgoing, 'fetch'>;
  readonly store: CardStore;
  readonly agents: Pick<AgentService, 'create' | 'update' | 'setStatus' | 'get'>;
  readonly owners: Pick<OwnerDirectory, 'findByEmail'>;
  readonly audit: Pick<AgentAudit, 'record'>;
}

/** Who changes an agent because its card changed. */
const CARDS: AgentEditor = { kind: 'system', id: 'agent-cards', party: 'system' };
const MAX_ACTION = 1_000;
const MAX_FAILURE = 300;
const LATELY_SECONDS = 30 * 86_400;

/** The use cases over the store and the registry. */
export function createCardService(deps: CardServiceDeps): CardService {
  const { db, clock, outgoing, store, agents } = deps;

  const ownerFor = async (reference: string): Promise<AgentOwner | undefined> => {
    if (reference === '') return undefined;
    const id = reference.includes('@') ? (await deps.owners.findByEmail(reference))?.id : reference;
    const owner = id === undefined ? undefined : ownerOf(id);
    if (owner === undefined)
      throw new AppError('invalid_input', 'The owner is a person or group that exists and is active.', { member: 'owner' });
    return owner;
  };
  const make = async (
    url: URL,
    { card, etag }: Exclude<Fetched, string>,
    { owner, by }: { owner: AgentOwner | undefined; by: AgentEditor },
  ) => {
    const { name, description } = card.facts;
    const described = { displayName: name, description, externalId: url.href, source: `a2a:${url.origin}` };
    const provisioned = { protocols: [{ type: 'A2A', specificationUrl: url.href }] };
    const agent = await agents.create({ ...described, owner, provisioned }, by);
    const at = clock.now();
    await store.insert({ agentId: agent.id, url: url.href, card, etag, at, nextAt: nextReading(agent.id, at) });
    return { outcome: 'created', agent, url: url.href, card, members: [] } as const;
  };
  /** What the card says of itself follows the card, unless somebody here said it better. */
  const follow = async (agent: Agent, before: AgentCard, after: AgentCard) => {
    if (agent.status === 'retired') return;
    const changes = {
      ...(agent.displayName === before.facts.name ? { displayName: after.facts.name } : {}),
      ...(agent.description === before.facts.description ? { description: after.facts.description } : {}),
    };
    await agents.update(agent.id, { changes }, CARDS);
    const decisive = decisiveChanges(before.facts, after.facts);
    if (decisive.length === 0 || !isActing(agent)) return;
    await agents.setStatus(agent.id, 'underReview', { by: CARDS, reason: `Its agent card changed: ${decisive.join(', ')}.` });
  };
  /** Compares what was read with what is kept; runs in a transaction, with the card held. */
  const apply = async (agentId: string, fetched: Fetched) => {
    const stored = await store.lock(agentId);
    if (stored === undefined) throw new AppError('not_found', 'This agent came from no agent card.');
    const agent = await agents.get(agentId);
    const at = clock.now();
    const reading = { agentId, at, nextAt: nextReading(agentId, at) };
    const card = fetched === 'not_modified' ? stored : fetched.card;
    const members = changedMembers(stored.members, card.members);
    const etag = fetched === 'not_modified' ? stored.etag : fetched.etag;
    const about = { agent, url: stored.url, card, members };
    if (members.length === 0) {
      await store.noteUnchanged({ ...reading, etag });
      return { ...about, outcome: 'unchanged' } as const;
    }
    await store.noteChanged({ ...reading, etag, card, members });
    await recordBy(deps.audit, CARDS, { type: 'agent.card_changed', agentId, action: members.join(' ').slice(0, MAX_ACTION) });
    await follow(agent, stored, card);
    return { ...about, agent: await agents.get(agentId), outcome: 'changed' } as const;
  };
  const upsert = async (url: URL, fetched: Exclude<Fetched, string>, { owner, by }: { owner: AgentOwner | undefined; by: AgentEditor }) => {
    const known = await store.findByUrl(url.href);
    if (known === undefined) return make(url, fetched, { owner, by });
    const done = await apply(known.agentId, fetched);
    if (owner === undefined || done.agent.owner !== undefined) return done;
    return { ...done, agent: await agents.update(known.agentId, { changes: { owner } }, by) };
  };
  const add: CardService['add'] = async ({ url: text, owner: reference, isDryRun, expected }, by) => {
    const url = readCardUrl(text);
    const owner = await ownerFor(reference);
    const fetched = await fetchCard(outgoing, url.href, undefined);
    if (fetched === 'not_modified') throw new Error('the card was asked for without a condition');
    if (expected !== undefined && expected !== fetched.card.contentHash)
      throw new AppError('conflict', 'The card changed since you looked at it: look again.', { member: 'url' });
    const run = () =>
      db.transaction(async () => {
        const done = await upsert(url, fetched, { owner, by });
        if (isDryRun === true) db.rollback();
        return done;
      });
    try {
      return await run();
    } catch (error) {
      // of two who add the same card at once the second finds what the first made
      if (!(error instanceof AppError) || error.details.scimType !== 'uniqueness') throw error;
      return run();
    }
  };
  return {
    find: store.findByAgent,
    changedLately: async (agentIds) => new Set(await store.listChanged(agentIds, secondsAfter(clock.now(), -LATELY_SECONDS))),
    add,
    async reread({ agentId, url, etag, failing }) {
      try {
        const fetched = await fetchCard(outgoing, url, etag);
        await db.transaction(() => apply(agentId, fetched));
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        const at = clock.now();
        await store.noteFailure({ agentId, reason: error.message.slice(0, MAX_FAILURE), at, nextAt: nextTry(failing?.times ?? 0, at) });
      }
    },
  };
}
