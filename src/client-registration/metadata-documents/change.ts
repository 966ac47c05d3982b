import canonicalize from 'canonicalize';
import { type StoredMetadata, textsOf } from '../client.ts';

/** What about a document decides who the client is to people. */
export type DecisiveMember = 'keys' | 'name' | 'redirect_hosts';

/** A change after which nobody's consent holds any more, with a sentence for each part of it. */
export interface DocumentChange {
  readonly members: readonly DecisiveMember[];
  readonly words: string;
}

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
const PROOFS = ['token_endpoint_auth_method', 'token_endpoint_auth_signing_alg', 'jwks', 'jwks_uri'];
const HERE = 'the person’s own computer';

/** Who receives what goes to these addresses: hosts, private schemes, and this computer as one. */
function receiversOf(redirectUris: readonly string[]): readonly string[] {
  const receivers = redirectUris.flatMap((uri) => {
    if (!URL.canParse(uri)) return [];
    const { protocol, hostname } = new URL(uri);
    if (protocol !== 'https:' && protocol !== 'http:') return [protocol];
    return LOOPBACK.has(hostname) ? [HERE] : [hostname];
  });
  return [...new Set(receivers)];
}

/**
 * What of a change people have to look at (§6.3 of the draft): other keys or another way of proving itself, another name, another
 * host that receives answers. A host that is gone, another path, another logo just apply. Undefined: nothing of that.
 */
export function decisiveChange(before: StoredMetadata, after: StoredMetadata): DocumentChange | undefined {
  const hasOtherProof = PROOFS.some((name) => canonicalize(before[name] ?? null) !== canonicalize(after[name] ?? null));
  const known = receiversOf(textsOf(before['redirect_uris']));
  const added = receiversOf(textsOf(after['redirect_uris'])).filter((receiver) => !known.includes(receiver));
  const [was, is] = [String(before['client_name']), String(after['client_name'])];
  const parts = [
    ...(hasOtherProof ? [{ member: 'keys', words: 'It proves itself in another way, or by other keys.' } as const] : []),
    ...(was === is ? [] : [{ member: 'name', words: `Its name was ${was} and is ${is} now.` } as const]),
    ...(added.length === 0 ? [] : [{ member: 'redirect_hosts', words: `Its answers may go to ${added.join(', ')} now.` } as const]),
  ];
  if (parts.length === 0) return undefined;
  return { members: parts.map(({ member }) => member), words: parts.map(({ words }) => words).join(' ') };
}
