import { type StoredMetadata, textsOf } from '../client.ts';

const MOST_HOSTS = 20;
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** Where a redirect leads, without what differs between installations: the port of a loopback address, path and query. */
function familyOf(uri: string): string {
  if (!URL.canParse(uri)) return '';
  const { protocol, hostname } = new URL(uri);
  return LOOPBACK.has(hostname) ? 'loopback' : `${protocol}//${hostname}`;
}

/**
 * What registrations of the same software have in common: the id it gives itself (RFC 7591 §2 `software_id`), or else its name and
 * where its redirects lead. It is what the software says of itself: good for counting, never for trust (security rule R14).
 */
export function softwareKeyOf(metadata: StoredMetadata): string {
  const { software_id: id, client_name: name } = metadata;
  if (typeof id === 'string' && id !== '') return JSON.stringify(['id', id]);
  const families = [...new Set(textsOf(metadata['redirect_uris']).map(familyOf))].sort().slice(0, MOST_HOSTS);
  return JSON.stringify(['name', typeof name === 'string' ? name.trim().toLowerCase() : '', ...families]);
}
