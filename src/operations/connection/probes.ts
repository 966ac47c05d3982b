import type { Outgoing, OutgoingRequest } from '../../platform/outgoing/dispatcher.ts';
import { OutgoingError, type OutgoingReason } from '../../platform/outgoing/outgoing-error.ts';

/** What the other side answered: kept inside the walk, never repeated to anybody (security rule R21). */
export interface Seen {
  readonly status: number;
  readonly isJson: boolean;
  /** The body, when it is a JSON object. */
  readonly object: Readonly<Record<string, unknown>> | undefined;
  /** Of the body. */
  readonly bytes: number;
  /** WWW-Authenticate. */
  readonly challenge: string | undefined;
}

/** An answer, or why there is none. */
export type Look = { readonly ok: true; readonly seen: Seen } | { readonly ok: false; readonly reason: OutgoingReason };

/** The requests of a walk. Three rounds of them, each at most three seconds long, bound it to ten seconds. */
export interface Probes {
  /** Reads a document. */
  look(url: string): Promise<Look>;
  /** Speaks to an MCP server as a client does that connects; `token` undefined: without one. */
  knock(url: string, token: string | undefined): Promise<Look>;
  /** Sends a registration that no server may accept (RFC 7591 §3.2.2): only whether it is asked for a token matters. */
  offerNothing(url: string): Promise<Look>;
}

const MAX_BYTES = 64 * 1024;
const TIMEOUT_MS = 3_000;
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;
const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'behalf-doctor', version: '1' } },
};

function objectIn(body: Uint8Array): Seen['object'] {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Seen['object']) : undefined;
  } catch {
    return undefined;
  }
}

/** Probes through the guarded way out. */
export function createProbes(outgoing: Pick<Outgoing, 'fetch'>): Probes {
  const ask = async (url: string, request: OutgoingRequest): Promise<Look> => {
    try {
      const { status, headers, body } = await outgoing.fetch(url, { maxBytes: MAX_BYTES, timeoutMs: TIMEOUT_MS, ...request });
      const isJson = JSON_TYPE.test(headers.get('content-type') ?? '');
      const challenge = headers.get('www-authenticate') ?? undefined;
      return { ok: true, seen: { status, isJson, object: isJson ? objectIn(body) : undefined, bytes: body.byteLength, challenge } };
    } catch (error) {
      if (error instanceof OutgoingError) return { ok: false, reason: error.reason };
      throw error;
    }
  };
  return {
    look: (url) => ask(url, { headers: { accept: 'application/json' } }),
    knock: (url, token) =>
      ask(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify(INITIALIZE),
      }),
    offerNothing: (url) =>
      ask(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify({ client_name: 'behalf doctor', redirect_uris: ['javascript:doctor'] }),
      }),
  };
}

const REASONS = {
  url: ['is not one this server may call', 'Use https, without user information.'],
  address: [
    'leads to an inner address, which this server does not call',
    'Clients outside that network cannot reach it either: give it a public https address.',
  ],
  connection: ['could not be reached', 'Look at its name, its port and its certificate, and whether it runs.'],
  redirect: ['answers with a redirect, which clients do not follow here', 'Serve the document itself at this address.'],
  too_large: ['answers with more than 64 KB', 'Answer with the document alone.'],
  timeout: ['took longer than three seconds, or never ended its answer', 'Look at what it waits for.'],
  busy: ['was not called: too many requests are under way', 'Try again in a moment.'],
} as const satisfies Record<OutgoingReason, readonly [words: string, next: string]>;

/** Why there was no answer, as the end of a sentence, and how to mend it. */
export function reasonWords(reason: OutgoingReason): { readonly words: string; readonly next: string } {
  const [words, next] = REASONS[reason];
  return { words, next };
}

/** Why an answer is no JSON document, as the end of a sentence, and how to mend it; undefined: it is one. */
export function documentTrouble(look: Look): { readonly words: string; readonly next: string } | undefined {
  if (!look.ok) return reasonWords(look.reason);
  const { status, isJson, object } = look.seen;
  if (status !== 200)
    return { words: `answers ${status} instead of 200`, next: 'Serve the document there, to everybody, without a token.' };
  if (!isJson)
    return {
      words: 'answers with something that is not application/json',
      next: 'Send it as application/json: clients read nothing else.',
    };
  if (object === undefined) return { words: 'answers with something that is not a JSON object', next: 'Look at it with a JSON parser.' };
  return undefined;
}
