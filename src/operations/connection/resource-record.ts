import { failed, type Finding, fine, warning } from '../finding.ts';

/** A resource server as far as the walk reads it. */
export interface KnownResource {
  readonly identifier: string;
  readonly name: string;
  readonly scopes: readonly { readonly name: string }[];
}

const IDENTITY: ReadonlySet<string> = new Set(['openid', 'offline_access', 'profile', 'email', 'address', 'phone']);

/** Other spellings under which an address may have been registered: with or without a slash, or a path above it. */
export function neighboursOf(url: URL): readonly string[] {
  const path = url.pathname.replace(/\/+$/, '');
  const parts = path.split('/').filter((part) => part !== '');
  const above = parts.slice(0, 4).map((_part, index) => `${url.origin}/${parts.slice(0, index).join('/')}`);
  return [...new Set([`${url.origin}${path}`, `${url.origin}${path}/`, ...above.reverse(), url.origin])].filter(
    (each) => each !== url.href,
  );
}

/** Whether the resource is registered here under this address. `near` is one that is registered and nearly the same. */
export function judgeRecord(found: KnownResource | undefined, near: KnownResource | undefined): Finding {
  const check = 'resource server';
  if (found !== undefined) return fine(check, `It is registered as ${found.name}.`);
  if (near !== undefined) {
    const words = `It is not registered here; ${near.identifier} is, and resources are compared letter by letter.`;
    return failed(check, words, 'Register this address in /console/resource-servers, or give clients the registered one.');
  }
  return failed(check, 'It is not registered here, so nobody gets a token for it.', 'Register it in /console/resource-servers.');
}

/** The scopes the server asks for, held against its record. The names come from the other side and are not repeated. */
export function judgeScopes(asked: readonly string[], { scopes }: KnownResource): Finding | undefined {
  const check = 'scopes';
  const named = asked.filter((scope) => !IDENTITY.has(scope));
  const unknown = named.filter((scope) => !scopes.some(({ name }) => name === scope));
  if (named.length === 0) return undefined;
  if (unknown.length === 0) return fine(check, 'Every scope it asks for is on its record.');
  const known =
    scopes.length === 0
      ? 'none is on its record'
      : `on its record are ${scopes
          .slice(0, 10)
          .map(({ name }) => name)
          .join(', ')}`;
  const words = `${unknown.length} of ${named.length} scopes it asks for ${unknown.length === 1 ? 'is' : 'are'} not known here; ${known}.`;
  const next = 'Add them to the record in /console/resource-servers, or take them out of its challenge and scopes_supported.';
  return unknown.length === named.length ? failed(check, words, next) : warning(check, words, next);
}
