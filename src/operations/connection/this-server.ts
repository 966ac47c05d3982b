import { failed, type Finding, fine, untried, warning } from '../finding.ts';
import { documentTrouble, type Look } from './probes.ts';

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** What of our own metadata matters to software that wants to connect, as it read it. */
export interface OwnMetadata {
  readonly document: Readonly<Record<string, unknown>> | undefined;
  readonly findings: readonly Finding[];
}

/** Where clients look for our metadata, in their order (RFC 8414 §3.1, §5, OpenID Connect Discovery §4). */
export function metadataAddresses(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const inserted = [`${origin}/.well-known/oauth-authorization-server${path}`, `${origin}/.well-known/openid-configuration${path}`];
  return path === '' ? inserted : [...inserted, `${issuer}/.well-known/openid-configuration`];
}

/** One address, as a client reads it: undefined when nothing is wrong with it. */
function judgeForm(look: Look, address: string, issuer: string): Finding | undefined {
  const check = 'server metadata';
  if (!look.ok && look.reason === 'address') {
    const words =
      'The address of this server leads to an inner one, so the doctor does not call it; clients outside that network cannot either.';
    return warning(check, words, 'If clients are outside, set BEHALF_ISSUER to a public https address.');
  }
  if (look.ok && look.seen.status === 421)
    return failed(check, `${address} answers 421: the proxy passes another Host.`, 'Let the proxy pass Host as it came.');
  const trouble = documentTrouble(look);
  if (trouble !== undefined) {
    const next = look.ok ? 'Let the proxy pass this path through, also beside the path of the issuer.' : trouble.next;
    return failed(check, `${address} ${trouble.words}.`, next);
  }
  const document = (look.ok ? look.seen.object : undefined) ?? {};
  if (document['issuer'] !== issuer) {
    const words = `${address} names another issuer than ${issuer}; clients compare letter by letter (RFC 8414 §3.3).`;
    return failed(check, words, 'Something else answers there: look at the proxy, and at BEHALF_ISSUER of every server.');
  }
  const { code_challenge_methods_supported: methods } = document;
  if (!Array.isArray(methods) || !methods.includes('S256'))
    return failed(
      check,
      `${address} does not announce S256, so MCP clients stop.`,
      'Look at what answers there: this server announces it.',
    );
  return undefined;
}

/** Our metadata, read from outside at every address at which clients look. `looks` are in the order of `metadataAddresses`. */
export function judgeOwnMetadata(looks: readonly Look[], issuer: string): OwnMetadata {
  const addresses = metadataAddresses(issuer);
  const judged = looks.map((look, index) => judgeForm(look, addresses[index] ?? issuer, issuer));
  const wrong = judged.filter((finding) => finding !== undefined);
  const isInner = looks.some((look) => !look.ok && look.reason === 'address');
  const good = looks.find((look, index) => look.ok && judged[index] === undefined);
  const document = good?.ok === true ? good.seen.object : undefined;
  if (isInner) return { document, findings: wrong.slice(0, 1) };
  if (wrong.length > 0) return { document, findings: wrong };
  return { document, findings: [fine('server metadata', `It is found at all ${looks.length} addresses, with the issuer ${issuer}.`)] };
}

/** Whether clients that reach the MCP server reach this one: on this machine alone it is no use to those elsewhere. */
export function judgeReach(mcpServer: URL, issuer: string): readonly Finding[] {
  const isLoopback = ({ hostname }: URL) => LOOPBACK.has(hostname);
  if (!isLoopback(new URL(issuer)) || isLoopback(mcpServer)) return [];
  const words = 'This server is reached from this machine only; clients of the MCP server that are elsewhere do not find it.';
  return [warning('server metadata', words, 'Set BEHALF_ISSUER to a public https address.')];
}

/** Which ways in are open: `documents` for client ID metadata documents, `dynamic` for registration (RFC 7591). */
export interface Ways {
  readonly documents: boolean;
  readonly dynamic: 'open' | 'with a token' | 'closed' | 'unknown';
}

/** The ways our metadata announces; `offer` is what the registration endpoint said to a registration without a token. */
export function waysIn(document: OwnMetadata['document'], offer: Look | undefined): Ways {
  const methods = document?.['token_endpoint_auth_methods_supported'];
  const isPublicOffered = Array.isArray(methods) && methods.includes('none');
  const documents = document?.['client_id_metadata_document_supported'] === true && isPublicOffered;
  if (document === undefined) return { documents, dynamic: 'unknown' };
  if (document['registration_endpoint'] === undefined) return { documents, dynamic: 'closed' };
  if (offer?.ok !== true || offer.seen.status === 429 || offer.seen.status >= 500) return { documents, dynamic: 'unknown' };
  if (offer.seen.status === 401 || offer.seen.status === 403) return { documents, dynamic: 'with a token' };
  return { documents, dynamic: 'open' };
}

const DYNAMIC = {
  open: 'by registering itself',
  'with a token': 'by registering itself with an enrolment token',
  closed: undefined,
  unknown: undefined,
} as const satisfies Record<Ways['dynamic'], string | undefined>;

/** How software without a client_id gets in (MCP authorization: pre-registered, metadata document, dynamic, asking the user). */
export function judgeWays(ways: Ways): Finding {
  const check = 'registration';
  if (ways.dynamic === 'unknown' && !ways.documents)
    return untried(check, 'How software gets in was not tried, because this server was not read from outside.');
  const named = [
    ways.documents ? 'by its metadata document' : undefined,
    DYNAMIC[ways.dynamic],
    'with a client_id an administrator gave it',
  ];
  const words = `Software gets in ${named.filter((each) => each !== undefined).join(', or ')}.`;
  if (ways.documents || ways.dynamic === 'open') return fine(check, words);
  const next = 'For software that cannot send an enrolment token, make a client in /console/clients and paste its client_id.';
  return warning(check, `${words} Most MCP clients know none of these by themselves.`, next);
}
