import DataLoader from 'dataloader';
import { isDatabaseUnavailable } from './availability.ts';

/** One statement for many: the answers in the order of the keys. A key may come twice. */
export type AskForMany<Key, Value> = (keys: readonly Key[]) => Promise<readonly Value[]>;

/** How askers are gathered. */
export interface Gathering {
  /** Most keys of one statement. */
  readonly most: number;
  /** Most statements under way at once; who comes meanwhile waits for the next one. */
  readonly lanes: number;
}

const GATHERING: Gathering = { most: 64, lanes: 3 };

type Answer<Value> = Promise<readonly (Value | Error)[]>;

/** An error of the statement itself may be one key's fault: then each is asked alone, so that nobody pays for another's. */
async function askFairly<Key, Value>(ask: AskForMany<Key, Value>, keys: readonly Key[]): Answer<Value> {
  try {
    return await ask(keys);
  } catch (error) {
    if (keys.length === 1 || isDatabaseUnavailable(error)) throw error;
    const alone = await Promise.allSettled(keys.map((key) => ask([key])));
    return alone.map((outcome) => (outcome.status === 'fulfilled' ? (outcome.value[0] as Value) : (outcome.reason as Error)));
  }
}

/**
 * Gathers what requests ask within one turn of the event loop, and while earlier statements are under way, into one statement
 * each: a lone request waits for nobody, under load the cost of a round trip and of a commit is shared. An answer is never
 * older than its question: who asks while a statement is under way gets the next one.
 */
export function together<Key, Value>(ask: AskForMany<Key, Value>, { most, lanes } = GATHERING): (key: Key) => Promise<Value> {
  const waiting: (() => void)[] = [];
  let underWay = 0;
  const depart = (dispatch: () => void): void => {
    if (underWay === lanes) {
      waiting.push(dispatch);
      return;
    }
    underWay += 1;
    setImmediate(dispatch);
  };
  const arrive = (): void => {
    const next = waiting.shift();
    if (next === undefined) underWay -= 1;
    else next();
  };
  const loader = new DataLoader<Key, Value>((keys) => askFairly(ask, keys).finally(arrive), {
    cache: false,
    maxBatchSize: most,
    batchScheduleFn: depart,
  });
  return (key) => loader.load(key);
}
