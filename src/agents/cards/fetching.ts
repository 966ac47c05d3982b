import { AppError } from '../../platform/errors.ts';
import type { Outgoing } from '../../platform/outgoing/dispatcher.ts';
import { OutgoingError } from '../../platform/outgoing/outgoing-error.ts';
import { type AgentCard, readCard } from './card.ts';

/** What an answer brought: a card, or nothing new. */
export type Fetched = { readonly card: AgentCard; readonly etag: string | undefined } | 'not_modified';

const MAX_BYTES = 256 * 1024;
const TIMEOUT_MS = 5_000;
const MAX_URL = 512;
const WELL_KNOWN = '/.well-known/agent-card.json';
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;
const ETAG = /^(?:W\/)?"[\x21\x23-\x7e]{0,200}"$/;

const refusal = (words: string) => new AppError('invalid_input', words, { member: 'url' });

/**
 * The address of a card as it is kept: a bare host stands for its well-known card (A2A §8.2, RFC 8615).
 * @throws {AppError} `invalid_input` when it is no address, carries user information, or is longer than 512 characters.
 */
export function readCardUrl(text: string): URL {
  const trimmed = text.trim();
  if (trimmed.length > MAX_URL || !URL.canParse(trimmed))
    throw refusal(`Give the address of the card: https, at most ${MAX_URL} characters.`);
  const url = new URL(trimmed);
  if (!['https:', 'http:'].includes(url.protocol) || url.username !== '' || url.password !== '')
    throw refusal('The address of a card is https, without user information.');
  url.hash = '';
  if (url.pathname === '/' && url.search === '') url.pathname = WELL_KNOWN;
  if (url.href.length > MAX_URL) throw refusal(`Give the address of the card: https, at most ${MAX_URL} characters.`);
  return url;
}

/**
 * Reads a card through the guarded way out (security rule R21): no redirects, at most 256 KB and five seconds, JSON only.
 * @throws {AppError} `invalid_input` in words for whoever asked; nothing of the answer is repeated.
 */
export async function fetchCard(outgoing: Pick<Outgoing, 'fetch'>, url: string, etag: string | undefined): Promise<Fetched> {
  const headers = { accept: 'application/json', ...(etag === undefined ? {} : { 'if-none-match': etag }) };
  try {
    const answer = await outgoing.fetch(url, { headers, maxBytes: MAX_BYTES, timeoutMs: TIMEOUT_MS });
    if (answer.status === 304 && etag !== undefined) return 'not_modified';
    if (answer.status !== 200) throw refusal(`The host answered ${answer.status} instead of a card.`);
    if (!JSON_TYPE.test(answer.headers.get('content-type') ?? '')) throw refusal('The host answered with something that is not JSON.');
    const given = answer.headers.get('etag') ?? '';
    return { card: readCard(Buffer.from(answer.body).toString('utf8')), etag: ETAG.test(given) ? given : undefined };
  } catch (error) {
    if (error instanceof OutgoingError) throw refusal(error.message);
    throw error;
  }
}
