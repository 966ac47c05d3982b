import { failed, type Finding, fine, warning } from '../finding.ts';
import { documentTrouble, type Look } from './probes.ts';
import { differenceOf } from './subject.ts';
import type { Ways } from './this-server.ts';

/** The recommended bound of the document, in bytes (draft-ietf-oauth-client-id-metadata-document §6.6). */
const MOST_BYTES = 5 * 1024;
const CHECK = 'metadata document';

/** Whether an address can be a client_id (client ID metadata documents §3): https, a path, no dot segments, no fragment. */
function judgeForm(text: string): Finding | undefined {
  const url = new URL(text);
  const path = text.slice(url.origin.length).split(/[?#]/, 1)[0] ?? '';
  const isLoopback = url.hostname === 'localhost' || url.hostname === '127.0.0.1';
  if (url.protocol !== 'https:' && !isLoopback) return failed(CHECK, 'Its address is not https.', 'Serve it over https.');
  if (url.pathname === '/')
    return failed(CHECK, 'Its address has no path, so it cannot be a client_id.', 'Give it a path, such as /client.json.');
  if (path.split('/').some((segment) => segment === '.' || segment === '..'))
    return failed(CHECK, 'Its address has dot segments, so it cannot be a client_id.', 'Write the path out.');
  if (text.includes('#'))
    return failed(CHECK, 'Its address has a fragment, so it cannot be a client_id.', 'Take away the # and what follows.');
  return undefined;
}

function judgeProof(document: Readonly<Record<string, unknown>>): Finding | undefined {
  const { token_endpoint_auth_method: method, jwks, jwks_uri: jwksUri } = document;
  const next = 'Use none, or private_key_jwt with jwks or jwks_uri.';
  if (document['client_secret'] !== undefined || document['client_secret_expires_at'] !== undefined)
    return failed(CHECK, 'It holds a client secret, which everybody can read.', 'Take the secret out, and count it as lost.');
  if (typeof method === 'string' && method.startsWith('client_secret'))
    return failed(CHECK, 'It proves itself by a shared secret, which a public document cannot have.', next);
  if (method === 'private_key_jwt' && jwks === undefined && jwksUri === undefined)
    return failed(CHECK, 'It proves itself by a key and names none.', next);
  return undefined;
}

/** What a client ID metadata document says, held against the rules this kind of registration has (standards: §3 and §4 of its draft). */
export function judgeDocument(
  look: Look,
  { text, redirectFaultOf }: { text: string; redirectFaultOf: (uris: readonly string[]) => string | undefined },
): readonly Finding[] {
  const form = judgeForm(text);
  if (form !== undefined) return [form];
  const trouble = documentTrouble(look);
  if (trouble !== undefined || !look.ok) return [failed(CHECK, `It ${trouble?.words ?? 'is not there'}.`, trouble?.next ?? '')];
  const { object: document = {}, bytes } = look.seen;
  const { client_id: clientId, redirect_uris: redirects } = document;
  const uris = Array.isArray(redirects) ? redirects.filter((each) => typeof each === 'string') : [];
  const fault = uris.length === 0 ? 'is missing' : redirectFaultOf(uris);
  const findings: (Finding | undefined)[] = [
    bytes > MOST_BYTES
      ? failed(CHECK, `It has ${bytes} bytes; 5,120 are read.`, 'Make it smaller: keys can be behind jwks_uri.')
      : undefined,
    typeof clientId !== 'string' ? failed(CHECK, 'It has no client_id.', `Write "client_id": "${text}".`) : undefined,
    typeof clientId === 'string' && clientId !== text
      ? failed(CHECK, `Its client_id is not its own address: ${differenceOf(text, clientId)}.`, `Write "client_id": "${text}".`)
      : undefined,
    judgeProof(document),
    fault === undefined
      ? undefined
      : failed(CHECK, `A redirect address ${fault}.`, 'Name redirect_uris: https, or http on 127.0.0.1, [::1] or localhost.'),
    new URL(text).search === ''
      ? undefined
      : warning(CHECK, 'Its address has a query, which a client_id should not have.', 'Choose one without.'),
  ];
  const wrong = findings.filter((finding) => finding !== undefined);
  return wrong.length > 0 ? wrong : [fine(CHECK, 'It is JSON, names its own address, and its redirect addresses may be used.')];
}

/** Whether software that is known by its document alone gets in here. */
export function judgeDocumentWay(ways: Ways, isKnown: boolean): Finding {
  const check = 'registration';
  if (isKnown) return fine(check, 'It is known here.');
  if (ways.documents) return fine(check, 'It is not known yet; it will be when a person first signs in for it.');
  const next = 'Register the software by hand in /console/clients, and paste the client_id it gets.';
  return failed(check, 'This server takes no client by its metadata document.', next);
}
