import { type StoredMetadata, textsOf } from '../client.ts';
import { checkRedirectUri } from '../redirect-uri.ts';

/**
 * How far it is proven that two registrations are the same software (security rule R14): the address of its metadata document, a
 * statement signed by somebody we believe, the https host that its answers go to, or only what it says of itself.
 */
export const proofs = ['document', 'statement', 'redirect_host', 'claimed'] as const;
export type Proof = (typeof proofs)[number];

/** What software is recognised by. */
export interface SoftwareIdentity {
  readonly proof: Proof;
  /** Unique: the same key is the same software. */
  readonly key: string;
  /** What it calls itself. */
  readonly name: string;
}

/** Software that comes by itself, however often it registers. */
export interface Software extends SoftwareIdentity {
  readonly id: string;
  /** An administrator bound the redirect host: whatever sends its answers there is this software. */
  readonly isBound: boolean;
  /** The agents it acts and acted as, the newest last. */
  readonly agentIds: readonly string[];
  /** The only resources its instances may ask for; undefined: any that is registered. */
  readonly resources: readonly string[] | undefined;
  readonly refusedAt: Date | undefined;
  readonly refusedBy: string | undefined;
  /** How often it registered. */
  readonly registrations: number;
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
}

const LONGEST_PART = 200;

/** A self-given name as it is compared: case, spaces and what stands in brackets (`Claude Code (my server)`) do not count. */
function comparedName(name: string): string {
  const plain = name.normalize('NFKC').toLowerCase();
  const without = plain
    .replaceAll(/\s*[([{][^)\]}]*[)\]}]/g, ' ')
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
  return (without === '' ? plain.trim() : without).slice(0, LONGEST_PART);
}

/** Where a redirect leads, without what changes from one installation to the next (a port of loopback, a path). */
function familyOf(uri: string): string {
  const checked = checkRedirectUri(uri, 'native');
  if (!checked.ok) return 'other';
  if (checked.kind === 'loopback') return 'loopback';
  return checked.kind === 'https' ? `https://${new URL(uri).host}` : new URL(uri).protocol;
}

/**
 * What software that registered without a token is recognised by. Where all its answers go to one https host, the host says who it
 * is, whatever it calls itself; else its `software_id` (RFC 7591 §2) or its name, and the kind of place its answers go to.
 */
export function identityOf(metadata: StoredMetadata, clientId: string): SoftwareIdentity {
  const { client_name: given, software_id: softwareId } = metadata;
  const families = [...new Set(textsOf(metadata['redirect_uris']).map(familyOf))].toSorted();
  const [family] = families;
  const name = typeof given === 'string' && given.trim() !== '' ? given.trim() : (family?.replace('https://', '') ?? clientId);
  if (families.length === 1 && family?.startsWith('https://') === true) {
    return { proof: 'redirect_host', key: `redirect_host ${family}`, name };
  }
  const said =
    typeof softwareId === 'string' && softwareId !== '' ? `id ${softwareId.slice(0, LONGEST_PART)}` : `name ${comparedName(name)}`;
  return { proof: 'claimed', key: `claimed ${said} ${families.join(' ')}`.slice(0, 1_000), name };
}

/** The identity of software that somebody we believe signed a statement about (RFC 7591 §2.3). */
export function statedIdentity({ issuer, softwareId }: { issuer: string; softwareId: string }, name: string): SoftwareIdentity {
  return { proof: 'statement', key: `statement ${issuer} ${softwareId}`, name };
}

/** The identity of the software behind a metadata document. */
export function documentIdentity(url: string, name: string): SoftwareIdentity {
  return { proof: 'document', key: `document ${url}`, name };
}

/**
 * Whether what was decided about the software holds for whoever shows the same key: who it is, is proven, or an administrator said
 * that the host of its answers proves it (security rule R14).
 */
export function isProven({ proof, isBound }: Pick<Software, 'proof' | 'isBound'>): boolean {
  return proof === 'document' || proof === 'statement' || (proof === 'redirect_host' && isBound);
}
