import type { Clock } from '../../platform/clock.ts';
import type { Job } from '../../platform/jobs.ts';
import type { CardService } from './service.ts';
import type { CardStore, StoredCard } from './store.ts';

const EVERY_SECONDS = 60;
/** One run reads at most this many, a few at a time: at worst it lasts as long as it may take until the next. */
const A_RUN = 96;
const AT_ONCE = 8;

/** Reads the cards again whose time has come; what a run does not reach is first in the next. */
export function cardJob(deps: {
  readonly clock: Clock;
  readonly store: Pick<CardStore, 'listDue'>;
  readonly cards: Pick<CardService, 'reread'>;
}): Job {
  const { clock, store, cards } = deps;
  const work = async (queue: Iterator<StoredCard>) => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) await cards.reread(next.value);
  };
  return {
    name: 'agent-cards',
    everySeconds: EVERY_SECONDS,
    async run() {
      const queue = (await store.listDue(clock.now(), A_RUN)).values();
      const workers = await Promise.allSettled(Array.from({ length: AT_ONCE }, () => work(queue)));
      for (const worker of workers) if (worker.status === 'rejected') throw worker.reason;
    },
  };
}
