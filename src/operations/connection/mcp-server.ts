import { failed, type Finding, fine, warning } from '../finding.ts';
import { type TokenChallenge, tokenChallengeOf } from './challenge.ts';
import { documentTrouble, type Look, reasonWords, type Seen } from './probes.ts';
import { differenceOf } from './subject.ts';

const WELL_KNOWN = '/.well-known/oauth-protected-resource';
const PROTECT = 'Protect it: refuse every request without a token for it, with 401 and a challenge (RFC 6750 §3, RFC 9728 §5.1).';

/** Where clients look for the document of a protected resource (RFC 9728 §3.1): below its own path, then at the root. */
export function wellKnownOf(url: URL): readonly string[] {
  const path = url.pathname === '/' ? '' : url.pathname;
  return [...new Set([`${url.origin}${WELL_KNOWN}${path}${url.search}`, `${url.origin}${WELL_KNOWN}`])];
}

/** Whether the address can be a resource indicator that clients send (RFC 8707 §2, MCP authorization "Canonical Server URI"). */
export function judgeAddress(url: URL, text: string): readonly Finding[] {
  const check = 'address';
  const isLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (url.protocol !== 'https:' && !isLoopback)
    return [failed(check, 'It is not https, so clients refuse it.', 'Give it a certificate and an https address.')];
  if (url.hash !== '' || text.includes('#'))
    return [failed(check, 'It has a fragment, which a resource must not have (RFC 8707 §2).', 'Take away the # and what follows.')];
  if (text.toLowerCase().startsWith(url.origin) && !text.startsWith(url.origin))
    return [
      warning(check, 'Scheme and host are not in lower case; clients may spell them otherwise.', 'Write them in lower case everywhere.'),
    ];
  return [fine(check, isLoopback ? 'It is on this machine.' : 'It is https.')];
}

function judgeStatus(check: string, { status }: Seen): Finding | undefined {
  if (status === 401) return undefined;
  if (status >= 200 && status < 300) return failed(check, `It answers ${status} without any token: it is not protected.`, PROTECT);
  if (status === 421)
    return failed(
      check,
      'It answers 421: it does not know the host it is called by.',
      'Let the proxy in front of it pass Host as it came.',
    );
  const notThere =
    'Compare the path with the server’s own; if this is the metadata document of a client, it must be JSON with its client_id.';
  if (status === 404 || status === 405)
    return failed(check, `It answers ${status} to a request as MCP clients send it: no MCP server is there.`, notThere);
  return failed(
    check,
    `It answers ${status} instead of 401 to a request without a token, so clients do not learn where to get one.`,
    PROTECT,
  );
}

/** What the server says to a client that has no token (MCP authorization, RFC 6750 §3, RFC 9728 §5.1). */
export function judgeChallenge(look: Look): { readonly challenge: TokenChallenge | undefined; readonly findings: readonly Finding[] } {
  const check = 'challenge';
  if (!look.ok) {
    const { words, next } = reasonWords(look.reason);
    return { challenge: undefined, findings: [failed(check, `The server ${words}.`, next)] };
  }
  const challenge = tokenChallengeOf(look.seen.challenge);
  const wrong = judgeStatus(check, look.seen);
  if (wrong !== undefined) return { challenge, findings: [wrong] };
  if (challenge === undefined) {
    const next = 'Answer with WWW-Authenticate: Bearer resource_metadata="…" (RFC 9728 §5.1).';
    return { challenge, findings: [failed(check, 'It answers 401 without a challenge that asks for a bearer token.', next)] };
  }
  if (challenge.resourceMetadata === undefined) {
    const words = 'The challenge does not say where the resource metadata is; clients then guess it from the address.';
    return { challenge, findings: [warning(check, words, `Add resource_metadata="…" to it.`)] };
  }
  const scopes = challenge.scopes.length === 0 ? '' : ' and which scopes it wants';
  return { challenge, findings: [fine(check, `It answers 401 and says where its resource metadata is${scopes}.`)] };
}

/** What the server says to a token that this server never signed. */
export function judgeForgery(look: Look): readonly Finding[] {
  const check = 'call';
  if (!look.ok)
    return [failed(check, `With a token that nobody signed the server ${reasonWords(look.reason).words}.`, reasonWords(look.reason).next)];
  const { status, challenge } = look.seen;
  if (status >= 200 && status < 300) {
    const next = 'Let it check signature, issuer and audience of every token; the package behalf/resource-server does.';
    return [failed(check, `It answers ${status} to a token that nobody signed.`, next)];
  }
  if (status !== 401)
    return [
      warning(check, `It answers ${status} instead of 401 to a token that is not valid.`, 'Answer 401, so that clients ask for a new one.'),
    ];
  if (tokenChallengeOf(challenge)?.error !== 'invalid_token') {
    const words = 'It refuses a token that nobody signed, without saying that the token is what is wrong.';
    return [warning(check, words, 'Add error="invalid_token" to the challenge (RFC 6750 §3.1): clients then get a new one.')];
  }
  return [fine(check, 'It refuses a token that nobody signed.')];
}

/** A document that was found, or the reasons why clients find none. `url` is where it was found. */
export interface FoundMetadata {
  readonly document: Readonly<Record<string, unknown>> | undefined;
  readonly findings: readonly Finding[];
}

/**
 * Which document clients read (RFC 9728 §3, MCP authorization): the one the challenge names, or else the first well-known one
 * that is there. `looks` are in that order; the first belongs to the challenge if it named one.
 */
export function findMetadata(looks: readonly Look[], isNamed: boolean): FoundMetadata {
  const check = 'resource metadata';
  const [first, ...rest] = looks.map((look) => ({ look, trouble: documentTrouble(look) }));
  const document = (look: Look | undefined) => (look?.ok === true ? look.seen.object : undefined);
  if (isNamed && first?.trouble !== undefined) {
    const { words, next } = first.trouble;
    return { document: undefined, findings: [failed(check, `The address that the challenge names ${words}.`, next)] };
  }
  const isThere = (each: typeof first) => each !== undefined && each.trouble === undefined;
  const wellKnown = (isNamed ? rest : [first, ...rest]).find(isThere);
  if (isNamed && wellKnown === undefined) {
    const words = 'It is found through the challenge alone; clients that do not read challenges find nothing.';
    return { document: document(first?.look), findings: [warning(check, words, `Serve it at ${WELL_KNOWN} followed by the path, too.`)] };
  }
  if (wellKnown !== undefined) return { document: document(isNamed ? first?.look : wellKnown.look), findings: [] };
  const told = first?.trouble ?? { words: 'is not there', next: '' };
  return { document: undefined, findings: [failed(check, `The well-known address below the path ${told.words}.`, told.next)] };
}

function judgeServers(servers: unknown, issuer: string): Finding | undefined {
  const check = 'resource metadata';
  const named = Array.isArray(servers) ? servers.filter((each) => typeof each === 'string') : [];
  const next = `Write "authorization_servers": ["${issuer}"].`;
  if (named.length === 0) return failed(check, 'It names no authorization server.', next);
  if (named[0] === issuer) return undefined;
  if (named.includes(issuer))
    return warning(check, 'It names another authorization server before this one, and clients take the first.', next);
  const near = named.find((each) => each.replace(/\/$/, '') === issuer.replace(/\/$/, ''));
  if (near !== undefined)
    return failed(
      check,
      'It names this server with another slash at the end; issuers are compared letter by letter (RFC 8414 §3.3).',
      next,
    );
  return failed(check, 'It names another authorization server, not this one.', next);
}

/** What the document says, held against the address as clients call it and against our issuer (RFC 9728 §3.3). */
export function judgeMetadata(document: Readonly<Record<string, unknown>>, asked: { url: string; issuer: string }): readonly Finding[] {
  const check = 'resource metadata';
  const { resource } = document;
  const findings: Finding[] = [];
  const next = `Write "resource": "${asked.url}", or give clients the address it names.`;
  if (typeof resource !== 'string') findings.push(failed(check, 'It does not name its resource.', next));
  else if (resource !== asked.url)
    findings.push(failed(check, `It names another resource than the address clients call: ${differenceOf(asked.url, resource)}.`, next));
  const servers = judgeServers(document['authorization_servers'], asked.issuer);
  if (servers !== undefined) findings.push(servers);
  return findings.length > 0 ? findings : [fine(check, 'It names the address as clients call it, and this server.')];
}
