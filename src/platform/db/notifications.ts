import type { PoolClient } from 'pg';
import type { Logger } from '../log.ts';
import type { Db } from './db.ts';

/**
 * Word between servers on one database (LISTEN/NOTIFY). A message may be lost while a connection is down: it is a reason to
 * look, never the only one. Whoever listens also looks by itself from time to time, and `onReconnect` tells when words may be missing.
 */
export interface Notifications {
  /** Sends with the transaction under way; received only if it commits. */
  notify(channel: string, payload: string): Promise<void>;
  on(channel: string, handler: (payload: string) => void): void;
  onReconnect(handler: () => void): void;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const RETRY_MS = 500;

/** Channels are our own constants; the check keeps it so, because LISTEN takes no parameter. */
function assertChannel(channel: string): void {
  if (!/^[a-z_]{1,60}$/.test(channel)) throw new Error(`${channel} is not a channel name`);
}

/** One listening connection for the whole server. */
export function createNotifications(deps: { db: Db; log: Pick<Logger, 'warn'> }): Notifications {
  const { db, log } = deps;
  const handlers = new Map<string, ((payload: string) => void)[]>();
  const reconnected: (() => void)[] = [];
  let client: PoolClient | undefined;
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;

  const connect = async (): Promise<void> => {
    const fresh = await db.dedicated();
    const lost = () => {
      if (client !== fresh) return;
      client = undefined;
      fresh.release(true);
      retry();
    };
    fresh.on('error', lost);
    fresh.on('end', lost);
    fresh.on('notification', ({ channel, payload }) => {
      for (const handler of handlers.get(channel) ?? []) handler(payload ?? '');
    });
    for (const channel of handlers.keys()) await fresh.query(`LISTEN ${channel}`);
    client = fresh;
  };
  const retry = (): void => {
    if (isStopped) return;
    timer = setTimeout(() => {
      connect().then(
        () =>
          reconnected.forEach((handler) => {
            handler();
          }),
        () => {
          log.warn('not listening to other servers; trying again');
          retry();
        },
      );
    }, RETRY_MS);
    timer.unref();
  };
  return {
    async notify(channel, payload) {
      await db.rows({ name: 'notify', text: 'SELECT pg_notify($1, $2)', values: [channel, payload] });
    },
    on(channel, handler) {
      assertChannel(channel);
      handlers.set(channel, [...(handlers.get(channel) ?? []), handler]);
    },
    onReconnect: (handler) => void reconnected.push(handler),
    start: connect,
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      const last = client;
      client = undefined;
      last?.release(true);
    },
  };
}
