import { setImmediate as turn } from 'node:timers/promises';
import type { AuditRecorder } from '../../audit/index.ts';
import { type Clock, secondsAfter } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import type { Changer } from '../../platform/http/changed-by.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Logger } from '../../platform/log.ts';
import type { StoredDecision } from '../decision.ts';
import type { PoliciesInForce } from '../policy-set/loading.ts';
import type { Policy } from '../policy-set/policy-set.ts';
import type { PolicySetService } from '../policy-set/service.ts';
import type { TrialStore } from './store.ts';
import { addTo, firstIdAt, type NewTrial, NOTHING_FOUND, type Trial, trialLimits, withDraft } from './trial.ts';

/** What a draft of the policies would have decided. */
export interface WhatIfService {
  /** Begins a trial and returns it at once. @throws {AppError} `invalid_input` with what is wrong with a text; `too_many_requests`. */
  start(input: NewTrial, by: Changer): Promise<Trial>;
  /** How far it got, and what it found. @throws {AppError} `not_found` */
  get(id: string): Promise<Trial>;
  /** Gets on with what a server left behind that ended, and removes what is old. */
  tidy(): Promise<void>;
}

/** What it stands on. */
export interface WhatIfDeps {
  readonly db: Pick<Db, 'detached' | 'transaction'>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly audit: AuditRecorder;
  readonly log: Pick<Logger, 'error'>;
  readonly store: TrialStore;
  readonly decisions: {
    listFrom(page: { readonly after: string; readonly until: string; readonly limit: number }): Promise<StoredDecision[]>;
  };
  readonly policies: Pick<PolicySetService, 'current' | 'check'>;
  readonly inForce: Pick<PoliciesInForce, 'engineOf'>;
}

const DAY = 86_400;
const BATCH = 500;
/** Requests get their turn in between. */
const AT_ONCE = 25;
const LEFT_SECONDS = 30;

function periodOf({ since, until }: NewTrial, now: Date): { since: Date; until: Date } {
  const end = until === undefined ? now : new Date(Math.min(new Date(until).getTime(), now.getTime()));
  const begin = since === undefined ? secondsAfter(end, -DAY) : new Date(since);
  if (begin >= end) throw new AppError('invalid_input', 'The period ends before it begins.', { member: '/since' });
  if (begin < secondsAfter(end, -trialLimits.days * DAY))
    throw new AppError('invalid_input', `A period has at most ${trialLimits.days} days.`, { member: '/since' });
  return { since: begin, until: end };
}

/** Trials over the decisions that are kept: in batches, each kept before the next, so that a page can tell how far it got. */
export function createWhatIfService(deps: WhatIfDeps): WhatIfService {
  const { db, clock, ids, audit, log, store, decisions, policies, inForce } = deps;

  const draftOf = async (texts: readonly string[]): Promise<Policy[]> => {
    const draft: Policy[] = [];
    for (const [index, text] of texts.entries()) {
      const checked = await policies.check(text);
      if (!checked.ok)
        throw new AppError('invalid_input', checked.faults[0]?.message ?? '', { member: `/policies/${index}`, faults: checked.faults });
      draft.push({ id: checked.id, text, state: 'in_force' });
    }
    return draft;
  };
  const step = async (trial: Trial, engine: Awaited<ReturnType<PoliciesInForce['engineOf']>>): Promise<Trial | undefined> => {
    const limit = Math.min(BATCH, trialLimits.decisions - trial.result.seen);
    const batch = limit === 0 ? [] : await decisions.listFrom({ after: trial.position, until: firstIdAt(trial.until), limit });
    let found = trial.result;
    for (let first = 0; first < batch.length; first += AT_ONCE) {
      found = addTo(found, batch.slice(first, first + AT_ONCE), engine);
      await turn();
    }
    const isFull = found.seen >= trialLimits.decisions;
    const next = {
      state: batch.length < limit || isFull ? ('done' as const) : ('running' as const),
      position: batch.at(-1)?.id ?? trial.position,
      result: isFull ? { ...found, isCut: true } : found,
      touchedAt: clock.now(),
    };
    return (await store.advance(trial, next)) ? { ...trial, ...next } : undefined;
  };
  const run = async (trial: Trial): Promise<void> => {
    const engine = await inForce.engineOf(trial.policies);
    try {
      let at: Trial | undefined = trial;
      while (at?.state === 'running') at = await step(at, engine);
    } catch (error) {
      log.error({ err: error, trial: trial.id }, 'a trial of policies failed');
      const latest = await store.find(trial.id);
      if (latest !== undefined) await store.advance(latest, { ...latest, state: 'failed', touchedAt: clock.now() });
    } finally {
      engine.dispose();
    }
  };
  const begin = (trial: Trial) =>
    void db
      .detached(() => run(trial))
      .catch((error: unknown) => log.error({ err: error, trial: trial.id }, 'a trial of policies was left'));
  return {
    async start(input, by) {
      const now = clock.now();
      const period = periodOf(input, now);
      const draft = await draftOf(input.policies);
      const { version, policies: set } = await policies.current();
      if ((await store.countRunning()) >= trialLimits.running)
        throw new AppError('too_many_requests', 'Other trials are under way: wait until one is done.', { retryAfterSeconds: 10 });
      const trial: Trial = {
        id: ids.next('trl'),
        baseVersion: version,
        policies: withDraft(set, draft, input.remove),
        draft,
        ...period,
        state: 'running',
        position: firstIdAt(period.since),
        result: NOTHING_FOUND,
        startedBy: by.id,
        startedAt: now,
        touchedAt: now,
      };
      const names = [...draft.map(({ id }) => id), ...input.remove.map((id) => `without ${id}`)];
      const action = names.join(', ').slice(0, 2_000) || 'what is in force';
      await db.transaction(async () => {
        await store.insert(trial);
        await audit.record({ type: 'policy.tried', actor: by, resource: trial.id, action });
      });
      begin(trial);
      return trial;
    },
    async get(id) {
      const trial = await store.find(id);
      if (trial === undefined) throw new AppError('not_found', 'There is no such trial: it is kept for a week.');
      return trial;
    },
    async tidy() {
      const now = clock.now();
      await store.purge(secondsAfter(now, -trialLimits.keptDays * DAY));
      const left = await store.findLeft(secondsAfter(now, -LEFT_SECONDS));
      if (left !== undefined) await run(left);
    },
  };
}
