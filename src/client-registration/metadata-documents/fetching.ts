import type { Outgoing } from '../../platform/outgoing/dispatcher.ts';
import { OutgoingError, type OutgoingReason } from '../../platform/outgoing/outgoing-error.ts';
import { DocumentFault } from './document-fault.ts';
import { freshSecondsOf } from './freshness.ts';

/** By what a host recognises that nothing changed (RFC 9110 §13.1). */
export interface Validators {
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
}

/** What a host answered: a body, or that the one we have still holds. */
export type Fetched = Validators & { readonly body: string | undefined; readonly freshSeconds: number };

/** draft-ietf-oauth-client-id-metadata-document §6.6. */
const MAX_BYTES = 5 * 1024;
const TIMEOUT_MS = 5_000;
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;
const ETAG = /^(?:W\/)?"[\x21\x23-\x7e]{0,200}"$/;
const HTTP_DATE = /^[A-Za-z0-9 ,:]{20,40}$/;
const NOT_NOW: ReadonlySet<number> = new Set([408, 425, 429]);
const UNREACHABLE: ReadonlySet<OutgoingReason> = new Set(['connection', 'timeout', 'busy']);

function headersFor({ etag, lastModified }: Validators): Record<string, string> {
  return {
    accept: 'application/json',
    ...(etag === undefined ? {} : { 'if-none-match': etag }),
    ...(etag === undefined && lastModified !== undefined ? { 'if-modified-since': lastModified } : {}),
  };
}

function matching(value: string | null, shape: RegExp): string | undefined {
  return value !== null && shape.test(value) ? value : undefined;
}

async function ask(outgoing: Pick<Outgoing, 'fetch'>, url: string, known: Validators) {
  try {
    return await outgoing.fetch(url, { headers: headersFor(known), maxBytes: MAX_BYTES, timeoutMs: TIMEOUT_MS });
  } catch (error) {
    if (!(error instanceof OutgoingError)) throw error;
    if (error.reason === 'too_large') throw new DocumentFault('invalid', `It is larger than ${MAX_BYTES} bytes.`);
    throw new DocumentFault(UNREACHABLE.has(error.reason) ? 'unreachable' : 'invalid', error.message);
  }
}

/**
 * Asks for a document through the guarded way out (security rule R21): only 200 counts, no redirects, JSON, at most 5 KB and five
 * seconds. Asks by condition when something is known of it. @throws {DocumentFault}
 */
export async function fetchDocument(
  outgoing: Pick<Outgoing, 'fetch'>,
  url: string,
  { known, now }: { readonly known: Validators; readonly now: Date },
): Promise<Fetched> {
  const { status, headers, body } = await ask(outgoing, url, known);
  const isConditional = known.etag !== undefined || known.lastModified !== undefined;
  const freshSeconds = freshSecondsOf(headers, now);
  const etag = matching(headers.get('etag'), ETAG);
  const lastModified = matching(headers.get('last-modified'), HTTP_DATE);
  if (status === 304 && isConditional) {
    return { body: undefined, freshSeconds, etag: etag ?? known.etag, lastModified: lastModified ?? known.lastModified };
  }
  if (status !== 200) {
    const kind = status >= 500 || NOT_NOW.has(status) ? 'unreachable' : 'invalid';
    throw new DocumentFault(kind, `Its host answered ${status}; only 200 counts.`);
  }
  if (!JSON_TYPE.test(headers.get('content-type') ?? '')) throw new DocumentFault('invalid', 'Its content type is not application/json.');
  return { body: Buffer.from(body).toString('utf8'), freshSeconds, etag, lastModified };
}
