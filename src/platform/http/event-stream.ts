import { PassThrough } from 'node:stream';
import type { Context } from 'koa';
import { AppError } from '../errors.ts';

const BUFFERED_BYTES = 256 * 1024;
const RECONNECT_MS = 2000;

/** One event as the browser gets it (WHATWG HTML §9.2). `data` may have several lines. */
export interface ServerSentEvent {
  readonly id?: string;
  readonly event?: string;
  readonly data: string;
}

/** One open stream to one browser. */
export interface EventStream {
  /** What the browser saw last before it lost the connection (`Last-Event-ID`); undefined on a first visit. */
  readonly lastEventId: string | undefined;
  /** Sends an event; false when the stream has ended. A reader that lags behind by 256 KB is cut off and comes back by itself. */
  send(event: ServerSentEvent): boolean;
  /** Runs when the stream ends, whoever ended it; at once when it has. */
  onEnd(listener: () => void): void;
  end(): void;
}

/** All streams of this server. */
export interface EventStreams {
  /** Answers `ctx` with a stream. Throws `too_many_requests` when the session or the server has too many. */
  open(ctx: Context, owner: { sessionId: string }): EventStream;
  /** Ends every stream and opens no more: the first step of the drain. */
  endAll(): void;
  readonly count: number;
}

const oneLine = (text: string): string => text.replaceAll(/[\r\n\0]/g, '');

function encode({ id, event, data }: ServerSentEvent): string {
  const head = `${id === undefined ? '' : `id: ${oneLine(id)}\n`}${event === undefined ? '' : `event: ${oneLine(event)}\n`}`;
  return `${head}${data
    .split(/\r\n|\r|\n/)
    .map((line) => `data: ${line}\n`)
    .join('')}\n`;
}

function startAnswer(ctx: Context): PassThrough {
  const pipe = new PassThrough();
  ctx.req.socket.setNoDelay(true);
  ctx.req.socket.setTimeout(0);
  ctx.status = 200;
  ctx.body = pipe;
  ctx.set({ 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
  pipe.write(`retry: ${RECONNECT_MS}\n\n`);
  return pipe;
}

/** Server-sent events with a heartbeat, at most `maxPerSession` a session and `maxTotal` in all. */
export function createEventStreams(limits: { heartbeatSeconds: number; maxPerSession: number; maxTotal: number }): EventStreams {
  const open = new Set<EventStream>();
  const perSession = new Map<string, number>();
  let isClosed = false;

  const admit = (sessionId: string): void => {
    if (isClosed) throw new AppError('unavailable', 'The server is about to restart.', { retryAfterSeconds: 2 });
    const mine = perSession.get(sessionId) ?? 0;
    if (mine < limits.maxPerSession && open.size < limits.maxTotal) {
      perSession.set(sessionId, mine + 1);
      return;
    }
    throw new AppError('too_many_requests', 'Too many live pages are open. Close one and reload.', { retryAfterSeconds: 10 });
  };
  const release = (sessionId: string): void => {
    const rest = (perSession.get(sessionId) ?? 1) - 1;
    if (rest <= 0) perSession.delete(sessionId);
    else perSession.set(sessionId, rest);
  };

  const start = (ctx: Context, sessionId: string): EventStream => {
    const pipe = startAnswer(ctx);
    const listeners: (() => void)[] = [];
    let hasEnded = false;
    const heartbeat = setInterval(() => pipe.write(': still here\n\n'), limits.heartbeatSeconds * 1000);
    const stream: EventStream = {
      lastEventId: ctx.get('last-event-id').slice(0, 200) || undefined,
      send: (event) => {
        if (hasEnded) return false;
        pipe.write(encode(event));
        if (pipe.writableLength + ctx.res.writableLength > BUFFERED_BYTES) stream.end();
        return !hasEnded;
      },
      onEnd: (listener) => {
        if (hasEnded) listener();
        else listeners.push(listener);
      },
      end: () => {
        if (hasEnded) return;
        hasEnded = true;
        clearInterval(heartbeat);
        open.delete(stream);
        release(sessionId);
        pipe.end();
        for (const listener of listeners) listener();
      },
    };
    heartbeat.unref();
    ctx.res.once('close', stream.end);
    open.add(stream);
    return stream;
  };

  return {
    open: (ctx, owner) => {
      admit(owner.sessionId);
      return start(ctx, owner.sessionId);
    },
    endAll: () => {
      isClosed = true;
      for (const stream of [...open]) stream.end();
    },
    get count() {
      return open.size;
    },
  };
}
