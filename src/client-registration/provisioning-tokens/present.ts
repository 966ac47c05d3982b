import { type End, endOf, type Moment, momentOf } from '../../platform/http/moment.ts';
import { MOST_LIVING, type ProvisioningToken, type Refusal } from './provisioning-token.ts';
import type { ProvisioningClient } from './store.ts';

/** What a line of the page is made against. */
export interface ProvisioningFrame {
  readonly now: Date;
  /** The issuer's path without a slash at its end. */
  readonly base: string;
  /** Whether the person may make and end tokens. */
  readonly mayChange: boolean;
}

const RIGHTS = {
  governs: 'May say who owns agents, and start and stop them.',
  describes: 'May add agents and describe them; who owns and starts them is decided here.',
} as const;
const REFUSED: Readonly<Record<Refusal, string>> = {
  client_stopped: 'its client is stopped',
  revoked: 'it had ended',
  expired: 'it had run out',
  address_not_allowed: 'not one of its addresses',
};
const SHOWN_ADDRESSES = 3;
/** Time enough to put another token in its place. */
const SOON_MS = 14 * 86_400_000;

/** Where a token is taken from, in words. */
export function addressWords(addresses: readonly string[]): string {
  if (addresses.length === 0) return 'from any address';
  const more = addresses.length - SHOWN_ADDRESSES;
  return `from ${addresses.slice(0, SHOWN_ADDRESSES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** What a token lets its holder do, in words. */
export function accessWords({ mayWrite }: Pick<ProvisioningToken, 'mayWrite'>): string {
  return mayWrite ? 'reads and writes' : 'reads only';
}

interface ShownToken {
  readonly id: string;
  readonly endsIn: string;
  readonly words: string;
  readonly state: { readonly word: string; readonly tone: string };
  readonly made: Moment;
  readonly used?: { readonly when: Moment; readonly from: string };
  readonly ends: End;
  readonly refused?: { readonly when: Moment; readonly from: string; readonly why: string };
  readonly endHref?: string;
}

function stateOf({ revokedAt, expiresAt }: ProvisioningToken, now: Date): ShownToken['state'] {
  if (revokedAt !== undefined) return { word: 'Ended', tone: '' };
  const left = expiresAt.getTime() - now.getTime();
  if (left <= 0) return { word: 'Ran out', tone: 'stop' };
  return left < SOON_MS ? { word: 'Ends soon', tone: 'wait' } : { word: 'Works', tone: 'yes' };
}

function presentToken(token: ProvisioningToken, { now, base, mayChange }: ProvisioningFrame): ShownToken {
  const { id, endsIn, lastUse, lastRefusal, createdAt, expiresAt, revokedAt } = token;
  const isLiving = revokedAt === undefined && expiresAt > now;
  return {
    id,
    endsIn,
    words: `${accessWords(token)}, ${addressWords(token.addresses)}`,
    state: stateOf(token, now),
    made: momentOf(createdAt, now),
    ends: endOf(revokedAt ?? expiresAt, now),
    ...(lastUse === undefined ? {} : { used: { when: momentOf(lastUse.at, now), from: lastUse.from } }),
    ...(lastRefusal === undefined
      ? {}
      : { refused: { when: momentOf(lastRefusal.at, now), from: lastRefusal.from, why: REFUSED[lastRefusal.reason] } }),
    ...(isLiving && mayChange ? { endHref: `${base}/console/provisioning/${id}/end` } : {}),
  };
}

/** One identity provider with its tokens, as views/console/provisioning.eta shows it. */
export function presentProvider(
  { client, tokens }: { readonly client: ProvisioningClient; readonly tokens: readonly ProvisioningToken[] },
  frame: ProvisioningFrame,
) {
  const { base, now, mayChange } = frame;
  const isUsable = client.isActive && client.isManagement;
  const living = tokens.filter(({ revokedAt, expiresAt }) => revokedAt === undefined && expiresAt > now).length;
  const another = `${base}/console/provisioning/new?${new URLSearchParams({ client: client.id })}`;
  return {
    name: client.name,
    href: `${base}/console/clients/${encodeURIComponent(client.id)}`,
    words: client.hasGovernance ? RIGHTS.governs : RIGHTS.describes,
    ...(isUsable ? {} : { stopped: 'Its client is disabled or no longer marked for management: none of its tokens works.' }),
    tokens: tokens.map((token) => presentToken(token, frame)),
    ...(mayChange && isUsable && living < MOST_LIVING ? { anotherHref: another } : {}),
  };
}
