/** Bounds of our own on what a host says about its document, in seconds. */
export const FRESH_SECONDS = { least: 60, unsaid: 600, most: 86_400 } as const;

/** How long a document that is stale may still stand in while its host does not answer (RFC 5861 §4), in seconds. */
export const STALE_IF_ERROR_SECONDS = 7 * 86_400;

function secondsOf(value: string | null): number | undefined {
  return value !== null && /^\d{1,10}$/.test(value.trim()) ? Number(value) : undefined;
}

function maxAgeOf(cacheControl: string): number | undefined {
  const [, seconds] = /(?:^|[\s,])max-age\s*=\s*"?(\d{1,10})"?\s*(?:,|$)/i.exec(cacheControl) ?? [];
  return seconds === undefined ? undefined : Number(seconds);
}

/** Until `Expires`, by the host's own clock when it tells it (RFC 9111 §4.2.1); a date that is none means now. */
function expiresIn(headers: Headers, now: Date): number | undefined {
  const expires = headers.get('expires');
  if (expires === null) return undefined;
  const from = Date.parse(headers.get('date') ?? '') || now.getTime();
  const until = Date.parse(expires);
  return Number.isNaN(until) ? 0 : (until - from) / 1000;
}

/**
 * For how many seconds an answer is fresh by its headers (RFC 9111 §4.2), at least a minute and at most a day: `max-age` less
 * `Age`, else `Expires`, else ten minutes. A host that forbids keeping gets the minute.
 */
export function freshSecondsOf(headers: Headers, now: Date): number {
  const cacheControl = headers.get('cache-control') ?? '';
  const isForbidden = /(?:^|[\s,])no-(?:store|cache)\s*(?:,|$)/i.test(cacheControl);
  const said = isForbidden ? 0 : (maxAgeOf(cacheControl) ?? expiresIn(headers, now) ?? FRESH_SECONDS.unsaid);
  const left = said - (secondsOf(headers.get('age')) ?? 0);
  return Math.floor(Math.min(FRESH_SECONDS.most, Math.max(FRESH_SECONDS.least, left)));
}
