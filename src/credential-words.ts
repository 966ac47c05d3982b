/**
 * How an agent's clients prove themselves, in words for its page: each key by its thumbprint, each secret by its age. Joins the
 * registry and registration, which do not know each other; surroundings.ts passes it to the page.
 */
import { calculateJwkThumbprint, type JWK } from 'jose';
import type { CredentialLine } from './agents/index.ts';
import type { ClientRecord, Clients } from './client-registration/index.ts';
import { durationWords } from './platform/http/moment.ts';

const METHODS: Readonly<Record<string, string>> = {
  none: 'no secret (public client with PKCE)',
  client_secret_basic: 'a secret',
  client_secret_post: 'a secret',
  private_key_jwt: 'its own key',
};
const MOST_KEYS = 10;
/** Enough of a thumbprint to tell keys apart at a glance; the client's page has the whole key. */
const SHOWN = 16;

/** The thumbprints of registered keys (RFC 7638); what is no key has none. */
async function thumbprintsOf({ metadata }: ClientRecord): Promise<readonly string[]> {
  const { keys } = (metadata['jwks'] ?? {}) as { keys?: readonly JWK[] };
  const found = (keys ?? []).slice(0, MOST_KEYS).map((key) => calculateJwkThumbprint(key).catch(() => undefined));
  return (await Promise.all(found)).filter((thumbprint) => thumbprint !== undefined);
}

/** Since when it has been proving itself like this: the last rotation of its secret, else the day it was registered. */
const sinceOf = ({ hasSecret, secretRotatedAt, createdAt }: ClientRecord): Date => (hasSecret ? (secretRotatedAt ?? createdAt) : createdAt);

/** `its own key DrB2kx0fXvW1yq3P…, 12 days old`; `a secret, 9 days old`; keys that are fetched have their address instead. */
async function detailOf(record: ClientRecord, now: Date): Promise<string> {
  if (record.kind === 'workload') return 'the token of its platform, no secret';
  const method = String(record.metadata['token_endpoint_auth_method']);
  const thumbprints = (await thumbprintsOf(record)).map((thumbprint) => `${thumbprint.slice(0, SHOWN)}…`);
  const address = record.metadata['jwks_uri'];
  const keys = typeof address === 'string' ? ` at ${address}` : thumbprints.length === 0 ? '' : ` ${thumbprints.join(', ')}`;
  const age = durationWords((now.getTime() - sinceOf(record).getTime()) / 1000);
  return `${METHODS[method] ?? method}${keys}, ${age} old`;
}

/** The lines about an agent's clients; those that were deleted have none. */
export async function credentialLines(
  clientIds: readonly string[],
  { clients, now }: { readonly clients: Pick<Clients, 'find'>; readonly now: Date },
): Promise<readonly CredentialLine[]> {
  const records = await Promise.all(clientIds.map((clientId) => clients.find(clientId)));
  const there = records.filter((record) => record !== undefined);
  return Promise.all(
    there.map(async (record) => ({
      clientId: record.id,
      name: record.name,
      detail: await detailOf(record, now),
      lastUsedAt: record.lastUsedAt,
    })),
  );
}
