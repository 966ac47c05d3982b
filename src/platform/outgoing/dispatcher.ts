import type { Logger } from 'pino';
import { type Dispatcher, fetch as send, type RequestInit as SendInit, type Response as Answer } from 'undici';
import { type AgentDeps, createGuardedAgent } from './guarded-agent.ts';
import { OutgoingError, type OutgoingReason } from './outgoing-error.ts';

/** One outgoing request. `maxBytes` counts the answer's body after decompression; `timeoutMs` covers everything from name to last byte. */
export interface OutgoingRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly maxBytes?: number;
  readonly timeoutMs?: number;
}

/** The answer, read to its end. Any status that is not a redirect counts as an answer. */
export interface OutgoingResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** The one way out of this server (R21). */
export interface Outgoing {
  /** Throws `OutgoingError`. */
  fetch(url: string | URL, request?: OutgoingRequest): Promise<OutgoingResponse>;
  /** The same for callers that speak the fetch API (the engine's `fetch` hook): the body is read and bounded before it resolves. */
  engineFetch(url: string | URL, options?: RequestInit): Promise<Response>;
  /** For libraries that take an undici dispatcher: addresses are guarded; redirects, sizes and times are then theirs to bound. */
  readonly dispatcher: Dispatcher;
  /** Whether http to this machine is let out: this server is for development. */
  readonly allowsLoopback: boolean;
  /** Closes every connection; requests under way fail. */
  close(): Promise<void>;
}

/** What the dispatcher needs. `allowLoopback` is the explicit development flag of R21. */
export interface OutgoingDeps extends AgentDeps {
  readonly log: Pick<Logger, 'debug' | 'warn'>;
}

const MAX_BYTES = 256 * 1024;
const TIMEOUT_MS = 5_000;
const IN_FLIGHT = 128;
const REDIRECTS = [300, 301, 302, 303, 305, 306, 307, 308];
const NO_BODY = [204, 205, 304];
// Hop-by-hop or about the encoded form; a caller's Host would speak to another site than the one that was checked.
const NOT_SENT = ['host', 'connection', 'content-length', 'transfer-encoding', 'upgrade', 'expect', 'cookie', 'accept-encoding'];
const NOT_RETURNED = ['content-encoding', 'content-length', 'transfer-encoding', 'set-cookie'];

/** Only https, or http to a name of this machine with the development flag; no user information. */
function checkUrl(url: string | URL, allowLoopback: boolean): URL {
  if (!URL.canParse(String(url))) throw new OutgoingError('url');
  const parsed = new URL(url);
  const isLocalName = /^(localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(parsed.hostname);
  const isAllowed = parsed.protocol === 'https:' || (parsed.protocol === 'http:' && allowLoopback && isLocalName);
  if (!isAllowed || parsed.username !== '' || parsed.password !== '') throw new OutgoingError('url');
  parsed.hash = '';
  return parsed;
}

function reasonOf(error: unknown, signal: AbortSignal): OutgoingReason {
  let current = error;
  for (let step = 0; step < 5 && current instanceof Error; step += 1) {
    if (current instanceof OutgoingError) return current.reason;
    if (current.name === 'ConnectTimeoutError') return 'timeout';
    current = current.cause;
  }
  return signal.aborted ? 'timeout' : 'connection';
}

async function readBounded(answer: Answer, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let received = 0;
  for await (const chunk of answer.body ?? []) {
    received += chunk.byteLength;
    if (received > maxBytes) throw new OutgoingError('too_large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, received);
}

interface Exchange {
  readonly dispatcher: Dispatcher;
  readonly init: Omit<SendInit, 'headers'> & { readonly headers: Readonly<Record<string, string>> };
  readonly maxBytes: number;
}

async function exchange(url: URL, { dispatcher, init, maxBytes }: Exchange): Promise<OutgoingResponse> {
  const headers = new Headers(Object.entries(init.headers));
  for (const name of NOT_SENT) headers.delete(name);
  const answer = await send(url, { ...init, headers: Object.fromEntries(headers), redirect: 'manual', dispatcher });
  if (REDIRECTS.includes(answer.status)) throw new OutgoingError('redirect');
  if (Number(answer.headers.get('content-length') ?? 0) > maxBytes) throw new OutgoingError('too_large');
  const body = await readBounded(answer, maxBytes);
  const kept = [...answer.headers].filter(([name]) => !NOT_RETURNED.includes(name));
  return { status: answer.status, headers: new Headers(kept), body };
}

/** What of the fetch API's options goes out: method, headers, a body in memory. Everything else is decided here. */
function toRequest(options: RequestInit): OutgoingRequest {
  const { body } = options;
  if (
    body !== undefined &&
    body !== null &&
    typeof body !== 'string' &&
    !(body instanceof Uint8Array) &&
    !(body instanceof URLSearchParams)
  ) {
    throw new TypeError('outgoing: only text, bytes and forms are sent');
  }
  const headers = new Headers(options.headers);
  if (body instanceof URLSearchParams && !headers.has('content-type'))
    headers.set('content-type', 'application/x-www-form-urlencoded;charset=UTF-8');
  return {
    method: options.method ?? 'GET',
    headers: Object.fromEntries(headers),
    ...(body === undefined || body === null ? {} : { body: body instanceof URLSearchParams ? body.toString() : body }),
  };
}

/** The guarded dispatcher: resolve, check every address, pin, https, no redirects, bounded size, time and number (R21). */
export function createOutgoing(deps: OutgoingDeps): Outgoing {
  const { allowLoopback, log } = deps;
  const dispatcher = createGuardedAgent(deps);
  let inFlight = 0;

  const run = async (target: string | URL, request: OutgoingRequest, outer?: AbortSignal): Promise<OutgoingResponse> => {
    const url = checkUrl(target, allowLoopback);
    if (inFlight >= IN_FLIGHT) throw new OutgoingError('busy');
    const { method = 'GET', headers = {}, body, maxBytes = MAX_BYTES, timeoutMs = TIMEOUT_MS } = request;
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), timeoutMs);
    const signal = outer === undefined ? limit.signal : AbortSignal.any([limit.signal, outer]);
    const init = { method, headers, signal, ...(body === undefined ? {} : { body }) };
    inFlight += 1;
    try {
      const response = await exchange(url, { dispatcher, init, maxBytes });
      log.debug({ host: url.host, status: response.status }, 'outgoing request');
      return response;
    } catch (error) {
      const reason = reasonOf(error, signal);
      log.warn({ host: url.host, reason }, 'outgoing request failed');
      throw new OutgoingError(reason);
    } finally {
      // Whatever is still being read or written ends here: an answer we refused is not drained.
      clearTimeout(timer);
      limit.abort();
      inFlight -= 1;
    }
  };

  return {
    fetch: (url, request = {}) => run(url, request),
    engineFetch: async (url, options = {}) => {
      const { status, headers, body } = await run(url, toRequest(options), options.signal ?? undefined);
      return new Response(NO_BODY.includes(status) ? null : Buffer.from(body), { status, headers });
    },
    dispatcher,
    allowsLoopback: allowLoopback,
    close: () => dispatcher.destroy(),
  };
}
