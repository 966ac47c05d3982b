import type { Ids } from '../../platform/ids.ts';
import { AppError } from '../../platform/errors.ts';
import { ownersBehind } from '../owners.ts';
import { type AnswerDeps, type Answers, createAnswers } from './answers.ts';
import { type Campaign, MAX_AGENTS, type NewCampaign, type Progress, readCampaign, readDueAt } from './campaign.ts';
import { createExpiry, type ExpiryDeps } from './expiry.ts';
import type { ItemKey, ItemStore, Waiting } from './items/store.ts';
import type { AskedAgent } from './row.ts';
import type { CampaignStore, Reach } from './store.ts';

/** What the use cases stand on. */
export interface CertificationDeps extends AnswerDeps, ExpiryDeps {
  readonly ids: Ids;
  readonly campaigns: CampaignStore;
  readonly items: ItemStore;
}

/** A campaign and how far it is. */
export interface CampaignInProgress {
  readonly campaign: Campaign;
  readonly progress: Progress;
}

/** What an owner is asked: a page of it, and what was stopped because nobody answered. */
export interface AskedOfOwner extends Waiting {
  readonly asked: readonly AskedAgent[];
  readonly expired: readonly AskedAgent[];
  readonly nextCursor: ItemKey | undefined;
}

/** Owners confirm their agents by a date, or the agents are suspended. Every change is one transaction with its audit event. */
export interface CertificationService
  extends Answers,
    Pick<CampaignStore, 'running'>,
    Pick<ItemStore, 'list' | 'unanswered' | 'waitingFor'> {
  /** How many agents of how many owners it would ask. @throws {AppError} `invalid_input`. */
  preview(input: NewCampaign): Promise<Reach>;
  /** Asks for every agent of the scope. @throws {AppError} `invalid_input`, `conflict` (nobody to ask, or too many). */
  start(input: NewCampaign, by: string): Promise<Campaign>;
  /** @throws {AppError} `not_found`. */
  get(id: string): Promise<CampaignInProgress>;
  /** Undefined when there is none of this id. */
  nameOf(id: string): Promise<string | undefined>;
  /** A page, newest first. */
  listCampaigns(query: {
    readonly cursor: string | undefined;
    readonly limit: number;
  }): Promise<{ readonly items: readonly CampaignInProgress[]; readonly nextCursor: string | undefined }>;
  /** Gives owners more time. @throws {AppError} `not_found`, `invalid_input`, `conflict` (over, or not later than now). */
  extend(id: string, dueAt: Date, by: string): Promise<Campaign>;
  /** Ends it without suspending anybody. @throws {AppError} `not_found`, `invalid_input` (no reason), `conflict` (over). */
  cancel(id: string, reason: string, by: string): Promise<Campaign>;
  askedOf(accountId: string, page: { readonly cursor: ItemKey | undefined; readonly limit: number }): Promise<AskedOfOwner>;
  countAsked(accountId: string): Promise<Waiting>;
  /** The periodic work: see expiry.ts. */
  settle(): Promise<void>;
}

const MAX_REASON = 300;
const MAX_EXPIRED = 20;

const actorOf = (id: string) => ({ kind: 'account', id }) as const;

function createCampaigns({ db, clock, ids, audit, campaigns }: CertificationDeps) {
  const find = async (id: string): Promise<Campaign> => {
    const found = await campaigns.find(id);
    if (found === undefined) throw new AppError('not_found', 'There is no such certification.');
    return found;
  };
  const isOver = () => new AppError('conflict', 'This certification is over already.');
  const assertSize = ({ agents }: Pick<Reach, 'agents'>) => {
    if (agents === 0) throw new AppError('conflict', 'No active agent is like this: there is nobody to ask.');
    if (agents <= MAX_AGENTS) return;
    throw new AppError('conflict', `One certification asks for at most ${MAX_AGENTS.toLocaleString('en-GB')} agents: choose fewer.`);
  };
  return {
    find,
    preview: async (input: NewCampaign) => campaigns.reachOf(readCampaign(input, clock.now()).scope, clock.now()),
    start: (input: NewCampaign, by: string) =>
      db.transaction(async () => {
        const now = clock.now();
        const read = readCampaign(input, now);
        assertSize(await campaigns.reachOf(read.scope, now));
        const id = ids.next('crt');
        const { agents, owners } = await campaigns.insert({ ...read, id, by, at: now });
        assertSize({ agents });
        const action = `agents ${agents} owners ${owners}`;
        await audit.record({ type: 'certification.started', actor: actorOf(by), resource: id, action });
        return find(id);
      }),
    extend: (id: string, dueAt: Date, by: string) =>
      db.transaction(async () => {
        const before = await find(id);
        if (before.closedAt !== undefined) throw isOver();
        if (readDueAt(dueAt, clock.now()) <= before.dueAt) {
          throw new AppError('invalid_input', 'The new date is later than the one owners know.', { member: 'dueAt' });
        }
        const extended = await campaigns.extend(id, dueAt);
        if (extended === undefined) throw isOver();
        const action = `until ${dueAt.toISOString()}`;
        await audit.record({ type: 'certification.extended', actor: actorOf(by), resource: id, action });
        return extended;
      }),
    cancel: (id: string, reason: string, by: string) =>
      db.transaction(async () => {
        const why = reason.trim();
        if (why === '' || why.length > MAX_REASON) {
          throw new AppError('invalid_input', `Say why, in at most ${MAX_REASON} characters.`, { member: 'reason' });
        }
        await find(id);
        const cancelled = await campaigns.cancel(id, { id: by, reason: why, at: clock.now() });
        if (cancelled === undefined) throw isOver();
        await audit.record({ type: 'certification.cancelled', actor: actorOf(by), resource: id, cause: why });
        return cancelled;
      }),
  };
}

/** The use cases over the stores. */
export function createCertificationService(deps: CertificationDeps): CertificationService {
  const { clock, owners, campaigns, items } = deps;
  const { find, ...changes } = createCampaigns(deps);
  const withProgress = async (found: readonly Campaign[]): Promise<CampaignInProgress[]> => {
    const progress = await campaigns.progressOf(found.map(({ id }) => id));
    return found.flatMap((campaign) => {
      const counts = progress.get(campaign.id);
      return counts === undefined ? [] : [{ campaign, progress: counts }];
    });
  };
  const countAsked = async (accountId: string) => items.countAsked(await ownersBehind(accountId, owners), clock.now());
  return {
    ...changes,
    ...createAnswers(deps),
    running: campaigns.running,
    list: items.list,
    unanswered: items.unanswered,
    waitingFor: items.waitingFor,
    async get(id) {
      const [found] = await withProgress([await find(id)]);
      if (found === undefined) throw new TypeError('a certification without its counts');
      return found;
    },
    nameOf: async (id) => (await campaigns.find(id))?.name,
    async listCampaigns({ cursor, limit }) {
      const found = await campaigns.list({ cursor, limit: limit + 1 });
      const page = found.slice(0, limit);
      return { items: await withProgress(page), nextCursor: found.length > limit ? page.at(-1)?.id : undefined };
    },
    async askedOf(accountId, { cursor, limit }) {
      const behind = await ownersBehind(accountId, owners);
      const now = clock.now();
      const [found, expired, waiting] = await Promise.all([
        items.askedOf({ owners: behind, now, cursor, limit: limit + 1 }),
        items.expiredOf(behind, MAX_EXPIRED),
        items.countAsked(behind, now),
      ]);
      const asked = found.slice(0, limit);
      return { ...waiting, asked, expired, nextCursor: found.length > limit ? asked.at(-1)?.item : undefined };
    },
    countAsked,
    settle: createExpiry(deps),
  };
}
