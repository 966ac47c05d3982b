import { z } from 'zod';
import type { StoredAuditEvent } from '../audit/index.ts';
import { type Moment, momentOf } from '../platform/http/moment.ts';
import type { Sent } from '../platform/http/operation.ts';
import { type ClaimRule, weaknessesOf } from './claim-rules.ts';
import { keyWords } from './keys/key-set.ts';
import { NAMES_PEOPLE, TRUST_ALGORITHMS, TRUST_KINDS, type TrustKind, type TrustProvider } from './provider.ts';
import { type ForeignScope, type TokenRules, tokenRules, writtenRules } from './token-rules.ts';
import { faultWords, type TrustFault } from './verification.ts';

/** What is weak about a record's rules, in sentences; only workloads have any. */
export function warningsOf({ kind, issuer, claimRules }: Pick<TrustProvider, 'kind' | 'issuer' | 'claimRules'>): readonly string[] {
  return kind === 'workload' ? weaknessesOf({ issuer, rules: claimRules }) : [];
}

const texts = z.array(z.string());

/** A trust provider as the interface answers with it. */
export const trustProviderBody = z
  .object({
    id: z.string(),
    name: z.string(),
    kind: z.enum(TRUST_KINDS),
    issuer: z.string(),
    audiences: texts,
    algorithms: z.array(z.enum(TRUST_ALGORITHMS)),
    domains: texts,
    resources: texts,
    status: z.enum(['active', 'disabled']),
    jwks_uri: z.string().nullable(),
    jwks: z.object({ keys: z.array(z.record(z.string(), z.unknown())) }).nullable(),
    email_authoritative: z.boolean(),
    claims: z.array(z.object({ pointer: z.string(), values: texts })),
    scopes: texts.nullable(),
    max_ttl_seconds: z.int().nullable(),
    agent_id: z.string().nullable(),
    client_id: z.string().nullable(),
    tokens: tokenRules.nullable(),
    warnings: texts,
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({ id: 'TrustProvider' });

/** What a look at somebody's keys found. */
export const keyCheckBody = z.object({ is_readable: z.boolean(), words: z.string(), keys: texts });

/** A record in the form of `trustProviderBody`. */
export function presentTrustProvider(provider: TrustProvider): Sent<typeof trustProviderBody> {
  const { id, name, kind, issuer, audiences, algorithms, domains, claimRules, resources, status, createdAt, updatedAt } = provider;
  return {
    ...{ id, name, kind, issuer, audiences, algorithms, domains, resources, status },
    jwks_uri: provider.jwksUri ?? null,
    jwks: provider.keys === undefined ? null : { keys: provider.keys.map((key) => ({ ...key })) },
    email_authoritative: provider.isEmailAuthoritative,
    claims: claimRules,
    scopes: provider.scopes ?? null,
    max_ttl_seconds: provider.maxTtlSeconds ?? null,
    agent_id: provider.agentId ?? null,
    client_id: provider.clientId ?? null,
    tokens: provider.tokenRules === undefined ? null : writtenRules(provider.tokenRules),
    warnings: warningsOf(provider),
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
  };
}

/** What each kind is called. */
export const KIND_WORDS: Readonly<Record<TrustKind, string>> = {
  identity_provider: 'Identity provider',
  workload: 'Workload',
  software: 'Publisher of software',
  token_issuer: 'Issuer of access tokens',
};

/** A state as views/partials/state.eta shows it. */
export interface State {
  readonly word: string;
  readonly tone: string;
}

function stateOf({ status }: TrustProvider): State {
  return status === 'active' ? { word: 'Trusted', tone: 'yes' } : { word: 'Switched off', tone: 'stop' };
}

/** A line of views/console/trust-providers.eta. */
export function presentInList(provider: TrustProvider) {
  const { id, name, kind, issuer } = provider;
  return { id, name, issuer, kind: KIND_WORDS[kind], hasWarnings: warningsOf(provider).length > 0, state: stateOf(provider) };
}

const fact = (label: string, value: string) => ({ label, value });
const listed = (values: readonly string[], none: string) => (values.length === 0 ? none : values.join(', '));

/** A rule for scopes in words: `mail.read gives read at https://api.example`. */
function scopeWords({ from, resource, scope }: ForeignScope): string {
  return `${from ?? 'whoever it names'} gives ${scope} at ${resource}`;
}

function tokenFacts({ subject, tenant, scopes, presenters, acceptsChains, acceptsUntyped }: TokenRules) {
  return [
    fact('Knows people by', tenant === undefined ? subject : `${subject} in ${tenant}`),
    fact('Its scopes', listed(scopes.map(scopeWords), 'give nothing')),
    fact('Brought by', presenters.length === 1 ? 'one agent' : `${presenters.length} agents`),
    fact('Who acted before', acceptsChains ? 'its word is taken' : 'a token that names somebody is refused'),
    ...(acceptsUntyped ? [fact('Type', 'its access tokens do not say that they are some')] : []),
  ];
}

function factsOf(provider: TrustProvider) {
  const { kind, keys, jwksUri, algorithms, audiences, domains, resources, scopes, maxTtlSeconds } = provider;
  const own = kind === 'identity_provider' ? 'this server’s issuer alone' : listed(audiences, 'this server');
  const namesPeople = NAMES_PEOPLE.has(kind);
  return [
    fact('Keys', keys === undefined ? (jwksUri ?? '') : keys.map(keyWords).join(', ')),
    fact('Signed with', algorithms.join(', ')),
    fact('Made for', own),
    ...(namesPeople ? [fact('Names people at', listed(domains, 'no domain: only people linked before'))] : []),
    ...(namesPeople && provider.isEmailAuthoritative ? [fact('Addresses', 'its word is enough')] : []),
    ...(provider.tokenRules === undefined ? [] : tokenFacts(provider.tokenRules)),
    ...(kind === 'software'
      ? []
      : [
          ...(kind === 'token_issuer'
            ? []
            : [
                fact('For', listed(resources, 'any resource registered here')),
                fact('Scopes at most', scopes === undefined ? 'what the resource offers' : listed(scopes, 'none')),
              ]),
          fact('A token lives at most', maxTtlSeconds === undefined ? 'as the resource says' : `${maxTtlSeconds} s`),
        ]),
  ];
}

/** A rule in words: `/repository_id is 42 or 43`. */
export function ruleWords({ pointer, values }: ClaimRule): string {
  return `${pointer} is ${values.join(' or ')}`;
}

/** Something that happened on a provider's word: a token, or a refusal. */
export interface Happening {
  readonly what: string;
  readonly state: State;
  readonly when: Moment;
  readonly href: string;
}

/** An event of the audit as a line of the page. */
export function happeningOf(
  { event }: StoredAuditEvent,
  about: { readonly base: string; readonly now: Date; readonly name: string },
): Happening {
  const isIn = event.type === 'assertion.accepted';
  const reason = event.cause === undefined ? 'it was refused' : whyOf(event.cause);
  const what = isIn ? `${about.name} got a token` : `Refused: ${reason}`;
  const state = isIn ? { word: 'Let in', tone: 'yes' } : { word: 'Refused', tone: 'stop' };
  return { what, state, when: momentOf(event.occurredAt, about.now), href: `${about.base}/console/audit/${event.id}` };
}

/** Causes that are no fault of the assertion itself, as identity-assertion names its rules: `assertion-replayed`. */
const CAUSES: Readonly<Record<string, string>> = {
  'assertion-replayed': 'the assertion was used before',
  'assertion-other-client': 'it was made for another client',
  'assertion-person-unknown': 'nobody here is known by that name or address',
  'assertion-person-unverified': 'the address was not verified',
  'assertion-person-inactive': 'the person may not sign in here',
  'assertion-binding': 'the key it is bound to was not proved',
  'assertion-target': 'the resource is not one of its own',
  'assertion-scope': 'the scopes go beyond it',
  'assertion-details': 'the authorization details go beyond it',
};

function whyOf(cause: string): string {
  return CAUSES[cause] ?? (faultWords(cause as TrustFault) as string | undefined) ?? cause;
}

/** The page of one provider; `agentName` when it speaks for an agent. */
export function presentInConsole(provider: TrustProvider, about: { readonly agentName: string | undefined; readonly base: string }) {
  const { id, name, issuer, kind, claimRules, agentId } = provider;
  const agent =
    agentId === undefined ? {} : { agent: { name: about.agentName ?? agentId, href: `${about.base}/console/agents/${agentId}` } };
  return {
    provider: {
      id: { short: `${id.slice(0, 8)}…${id.slice(-4)}`, full: id },
      name,
      issuer,
      kind: KIND_WORDS[kind],
      state: stateOf(provider),
      facts: factsOf(provider),
    },
    ...agent,
    rules: claimRules.map(ruleWords),
    warnings: warningsOf(provider),
  };
}
