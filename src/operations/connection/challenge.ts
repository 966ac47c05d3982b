/** One challenge of a WWW-Authenticate header (RFC 9110 §11.6.1). Names are lower case. */
export interface AuthenticateChallenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** What a challenge for OAuth says (RFC 6750 §3, RFC 9728 §5.1). */
export interface TokenChallenge {
  readonly resourceMetadata: string | undefined;
  readonly scopes: readonly string[];
  readonly error: string | undefined;
}

const LONGEST_HEADER = 8 * 1024;
const PART = /[\s,]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/y;
const TOKEN_SCHEMES: ReadonlySet<string> = new Set(['bearer', 'dpop']);
const SCOPE = /^[\x21\x23-\x5B\x5D-\x7E]{1,128}$/;

/** The challenges of a header; what cannot be read ends the list. */
export function readChallenges(header: string): readonly AuthenticateChallenge[] {
  const found: { scheme: string; parameters: Map<string, string> }[] = [];
  const text = header.slice(0, LONGEST_HEADER);
  PART.lastIndex = 0;
  for (let part = PART.exec(text); part !== null; part = PART.exec(text)) {
    const [, name = '', quoted, bare] = part;
    const value = quoted?.replaceAll(/\\(.)/g, '$1') ?? bare;
    if (value === undefined) found.push({ scheme: name.toLowerCase(), parameters: new Map() });
    else found.at(-1)?.parameters.set(name.toLowerCase(), value);
  }
  return found;
}

/** Scope names in a list; what no scope can be is left out (RFC 6749 §3.3). */
export function scopesIn(list: readonly unknown[]): readonly string[] {
  return [...new Set(list.filter((each): each is string => typeof each === 'string' && SCOPE.test(each)))].slice(0, 200);
}

/** The first challenge that asks for a token of ours; undefined: none does. */
export function tokenChallengeOf(header: string | undefined): TokenChallenge | undefined {
  const challenge = readChallenges(header ?? '').find(({ scheme }) => TOKEN_SCHEMES.has(scheme));
  if (challenge === undefined) return undefined;
  const { parameters } = challenge;
  return {
    resourceMetadata: parameters.get('resource_metadata'),
    scopes: scopesIn((parameters.get('scope') ?? '').split(' ')),
    error: parameters.get('error'),
  };
}
