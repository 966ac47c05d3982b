const LOOPBACK = /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(?::\d*)?(?=\/|$)/;

/** On loopback the port is the system's choice at run time (RFC 8252 §7.3). */
function withoutLoopbackPort(uri: string): string {
  return uri.replace(LOOPBACK, 'http://$1');
}

/**
 * Whether a redirect URI is one of those a pattern names: the same letter by letter, or, when the pattern ends in `/*`, anything
 * below it. The port of a loopback address does not count.
 */
export function matchesRedirectPattern(uri: string, pattern: string): boolean {
  const [candidate, wanted] = [withoutLoopbackPort(uri), withoutLoopbackPort(pattern)];
  if (!wanted.endsWith('/*')) return candidate === wanted;
  return candidate.startsWith(wanted.slice(0, -1)) && !candidate.includes('/../') && !/%2e|\\/i.test(candidate);
}
