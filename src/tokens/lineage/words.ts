import { durationWords } from '../../platform/http/moment.ts';
import type { KnownToken } from '../token-record.ts';
import type { Hop, TokenState } from './lineage.ts';

/** What a limit of a detail was and what it became; of a list, which are left. */
export interface ShrunkDetail {
  readonly label: string;
  readonly before: string;
  /** Left out when nothing is left. */
  readonly after?: string;
  readonly left?: string;
}

/** One thing that became less: a sentence, and the same for the edge of a graph. */
export interface Shrinkage {
  readonly words: string;
  readonly short: string;
}

/** A state as partials/state.eta shows it. */
export const STATES: Readonly<Record<TokenState, { readonly word: string; readonly tone: string }>> = {
  live: { word: 'Live', tone: 'yes' },
  ended: { word: 'Ended', tone: 'stop' },
  stopped: { word: 'Stopped', tone: 'stop' },
  expired: { word: 'Expired', tone: '' },
};

/** Security rule R1, in words. */
const BASES: Readonly<Record<string, string>> = {
  issued_to: 'It was issued to the same client',
  resource_server: 'The resource server it was for may go on to the next one on its record',
  may_act: 'The token names this party as one that may act',
  delegation: 'A delegation between the two agents allows it',
};

/** By which right a token was made from another. */
export function basisWords(basis: string | undefined): string {
  if (basis === undefined) return 'Nobody wrote down by which right';
  return BASES[basis] ?? basis.replaceAll('_', ' ');
}

/** The same for the edge of a graph. */
export function basisShort(basis: string | undefined): string {
  return { issued_to: 'own token', resource_server: 'listed downstream', may_act: 'may_act' }[basis ?? ''] ?? basis ?? '';
}

const listed = (words: readonly string[]) => words.join(', ');

function scopeShrinkage({ scopesBefore, scopesAfter, resource }: Hop): Shrinkage[] {
  if (resource !== undefined)
    return scopesAfter.length === 0 ? [] : [{ words: `Scopes there: ${listed(scopesAfter)}`, short: listed(scopesAfter) }];
  const gone = scopesBefore.filter((scope) => !scopesAfter.includes(scope));
  if (gone.length === 0) return [];
  const counts = `${scopesBefore.length} → ${scopesAfter.length}`;
  return [{ words: `Scopes: ${counts}; without ${listed(gone)}`, short: gone.length < 3 ? `without ${listed(gone)}` : `scopes ${counts}` }];
}

function detailShrinkage({ label, before, after, left }: ShrunkDetail): Shrinkage {
  if (after === undefined) return { words: `Gone: ${label}`, short: `gone: ${label}` };
  const change = `${before} → ${after}`;
  return {
    words: `${label}: ${change}${left === undefined ? '' : ` (${left})`}`,
    short: left === undefined ? change : `${label} ${change}`,
  };
}

/** Everything that became less at a hop; empty when nothing did. `nameOf` names resources. */
export function shrinkageWords(hop: Hop, details: readonly ShrunkDetail[], nameOf: (resource: string) => string): readonly Shrinkage[] {
  const { resource, secondsShorter, isRebound } = hop;
  const shorter = secondsShorter > 0 ? `ends ${durationWords(secondsShorter)} earlier` : undefined;
  return [
    ...(resource === undefined
      ? []
      : [{ words: `For ${nameOf(resource.to)} instead of ${nameOf(resource.from)}`, short: `now for ${nameOf(resource.to)}` }]),
    ...scopeShrinkage(hop),
    ...details.map(detailShrinkage),
    ...(shorter === undefined ? [] : [{ words: `It ${shorter}`, short: shorter }]),
    ...(isRebound ? [{ words: 'Bound to another key', short: 'another key' }] : []),
  ];
}

/** How the first token of a lineage came to be, after the name of whoever it began with. */
export function beginningWords({ grantType, accountId }: Pick<KnownToken, 'grantType' | 'accountId'>): string {
  const words: Readonly<Record<string, string>> = {
    authorization_code: 'consented',
    refresh_token: 'consented; the connection was renewed since',
    'urn:ietf:params:oauth:grant-type:device_code': 'consented on a device',
    'urn:openid:params:grant-type:ciba': 'approved',
    'urn:ietf:params:oauth:grant-type:jwt-bearer': 'is here on the word of a trusted issuer',
    'urn:ietf:params:oauth:grant-type:token-exchange': 'is here on the word of a trusted issuer',
    client_credentials: 'asked with credentials of its own',
  };
  return words[grantType ?? ''] ?? (accountId === undefined ? 'asked with credentials of its own' : 'consented');
}
