import { AppError } from '../../platform/errors.ts';
import type { Form } from '../../platform/http/web.ts';
import { KIND_WORDS } from '../present.ts';
import { NAMES_PEOPLE, TRUST_ALGORITHMS, TRUST_KINDS, type TrustKind, type TrustProvider } from '../provider.ts';
import type { TokenRules } from '../token-rules.ts';

const NAMES = [
  ...(['name', 'issuer', 'jwksUri', 'jwks', 'audiences', 'algorithms', 'domains', 'emailAuthoritative', 'claims', 'resources'] as const),
  ...(['scopes', 'maxTtlSeconds', 'status', 'agent'] as const),
  ...(['subjectClaim', 'tenantClaim', 'emailClaim', 'gives', 'presenters', 'chains', 'untyped'] as const),
];

/** The fields of the form, as text. Lists are one a line; a rule is `/pointer = value | another`. */
export type TrustValues = Readonly<Record<(typeof NAMES)[number], string>>;

/** Where a fault of the interface's input stands in the form. */
const FIELDS: Readonly<Record<string, string>> = {
  jwks_uri: 'jwksUri',
  email_authoritative: 'emailAuthoritative',
  max_ttl_seconds: 'maxTtlSeconds',
  agent_id: 'agent',
  tokens: 'gives',
};
const LONGEST = 64_000;

/** What was posted; anything else than text counts as empty. */
export function valuesOf(form: Form): TrustValues {
  const text = (name: string) => {
    const value = form[name];
    return typeof value === 'string' ? value.trim().slice(0, LONGEST) : '';
  };
  return Object.fromEntries(NAMES.map((name) => [name, text(name)])) as unknown as TrustValues;
}

const lines = (text: string): string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');

function ruleOf(line: string) {
  const at = line.indexOf('=');
  const values = line
    .slice(at + 1)
    .split('|')
    .map((value) => value.trim());
  return at === -1 ? { pointer: line, values: [] } : { pointer: line.slice(0, at).trim(), values };
}

function jwksOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new AppError('invalid_input', 'The keys are a JWK set in JSON: {"keys": […]}.', { member: '/jwks' });
  }
}

/** `from = resource scope`, one a line; a star: whoever it names. */
function givesOf(line: string) {
  const [from = '', right = ''] = [line.slice(0, Math.max(line.indexOf('='), 0)), line.slice(line.indexOf('=') + 1)].map((part) =>
    part.trim(),
  );
  const [resource = '', to = ''] = right.split(/\s+/);
  return { from: from === '*' ? null : from, resource, to };
}

function tokensOf({ subjectClaim, tenantClaim, emailClaim, gives, presenters, chains, untyped }: TrustValues) {
  return {
    ...(subjectClaim === '' ? {} : { subject_claim: subjectClaim }),
    tenant_claim: tenantClaim === '' ? null : tenantClaim,
    ...(emailClaim === '' ? {} : { email_claim: emailClaim }),
    scopes: lines(gives).map(givesOf),
    presenters: lines(presenters),
    chains: chains === 'yes',
    untyped: untyped === 'yes',
  };
}

function rulesAsValues(rules: TokenRules | undefined) {
  const word = (isSo: boolean | undefined) => (isSo === true ? 'yes' : 'no');
  return {
    subjectClaim: rules?.subject ?? '/sub',
    tenantClaim: rules?.tenant ?? '',
    emailClaim: rules?.email ?? '/email',
    gives: (rules?.scopes ?? []).map(({ from = '*', resource, scope }) => `${from} = ${resource} ${scope}`).join('\n'),
    presenters: (rules?.presenters ?? []).join('\n'),
    chains: word(rules?.acceptsChains),
    untyped: word(rules?.acceptsUntyped),
  };
}

/** The form as a body of the interface, without what cannot change. @throws {AppError} `invalid_input` when the keys are no JSON. */
export function changeOf(values: TrustValues, kind: TrustKind): Record<string, unknown> {
  const { scopes, maxTtlSeconds, jwks, jwksUri, algorithms } = values;
  return {
    name: values.name,
    jwks_uri: jwksUri === '' ? null : jwksUri,
    jwks: jwks === '' ? null : jwksOf(jwks),
    audiences: lines(values.audiences),
    ...(algorithms === '' ? {} : { algorithms: algorithms.split(/[\s,]+/).filter((each) => each !== '') }),
    domains: lines(values.domains),
    email_authoritative: values.emailAuthoritative === 'yes',
    claims: lines(values.claims).map(ruleOf),
    resources: kind === 'token_issuer' ? [] : lines(values.resources),
    scopes: kind === 'token_issuer' || (scopes === '' && kind !== 'workload') ? null : lines(scopes),
    tokens: kind === 'token_issuer' ? tokensOf(values) : null,
    max_ttl_seconds: maxTtlSeconds === '' ? null : Number(maxTtlSeconds),
    status: values.status === 'disabled' ? 'disabled' : 'active',
  };
}

/** The fields filled from a record. */
export function valuesOfProvider(provider: TrustProvider): TrustValues {
  const { name, issuer, jwksUri = '', keys, audiences, algorithms, domains, claimRules, resources, scopes = [], status } = provider;
  return {
    ...{ name, issuer, jwksUri, status },
    jwks: keys === undefined ? '' : JSON.stringify({ keys }, null, 2),
    audiences: audiences.join('\n'),
    algorithms: algorithms.join(' '),
    domains: domains.join('\n'),
    emailAuthoritative: provider.isEmailAuthoritative ? 'yes' : 'no',
    claims: claimRules.map(({ pointer, values }) => `${pointer} = ${values.join(' | ')}`).join('\n'),
    resources: resources.join('\n'),
    scopes: scopes.join('\n'),
    maxTtlSeconds: provider.maxTtlSeconds?.toString() ?? '',
    agent: provider.agentId ?? '',
    ...rulesAsValues(provider.tokenRules),
  };
}

/** A form that nobody filled in. */
export const EMPTY: TrustValues = valuesOf({
  emailAuthoritative: 'no',
  status: 'active',
  algorithms: 'ES256 EdDSA Ed25519 RS256 PS256',
  ...rulesAsValues(undefined),
});

const LEADS: Readonly<Record<TrustKind, string>> = {
  identity_provider:
    'People of your company are let in on its word, without a page of consent here: its administrator decided. It names a person only by an address in a domain you list.',
  workload: 'A job or a pod asks for tokens with the token its platform gave it: no secret is kept anywhere. One record is one agent.',
  software: 'Software that registers with a statement signed by this publisher is what the statement says.',
  token_issuer:
    'An agent that received a token of this issuer may exchange it for one of this server: for the person it is about, and no more than you say below.',
};

/** What the form of one kind shows. `isNew`: the kind may still be chosen. */
export function formModel(about: {
  readonly kind: TrustKind;
  readonly values: TrustValues;
  readonly base: string;
  readonly id?: string;
  readonly agents: readonly { readonly value: string; readonly words: string }[];
  readonly warnings: readonly string[];
}) {
  const { kind, values, base, id, agents, warnings } = about;
  const list = `${base}/console/trust-providers`;
  const kinds = TRUST_KINDS.map((each) => ({ words: KIND_WORDS[each], href: `${list}/new?kind=${each}`, isChosen: each === kind }));
  const own =
    id === undefined
      ? { heading: 'Whom do you trust?', submit: 'Trust it', action: `${list}/new?kind=${kind}`, backHref: list, kinds }
      : { heading: `Edit ${values.name}`, submit: 'Save', action: `${list}/${id}/edit`, backHref: `${list}/${id}`, kinds: [] };
  const isWorkload = kind === 'workload';
  return {
    ...own,
    lead: LEADS[kind],
    isNew: id === undefined,
    shows: {
      people: NAMES_PEOPLE.has(kind),
      agent: isWorkload,
      tokens: kind === 'identity_provider' || isWorkload,
      lifetime: kind !== 'software',
      issued: kind === 'token_issuer',
      audiences: kind !== 'identity_provider',
    },
    agents,
    algorithms: TRUST_ALGORITHMS.join(' '),
    emails: [
      { value: 'no', words: 'Only when it says that the address is verified' },
      { value: 'yes', words: 'Always: it owns the mailboxes of these domains' },
    ],
    yesOrNo: [
      { value: 'no', words: 'No' },
      { value: 'yes', words: 'Yes' },
    ],
    statuses: [
      { value: 'active', words: 'Trusted' },
      { value: 'disabled', words: 'Switched off: nothing is let in' },
    ],
    warnings,
    values,
  };
}

/** What to mend, for the form; anything but bad input is not the form's business and goes on. */
export function faultsOf(error: unknown): { field?: string; message: string }[] {
  if (!(error instanceof AppError) || (error.code !== 'invalid_input' && error.code !== 'conflict')) throw error;
  const [, member = ''] = (error.details.member ?? '').split('/');
  return [{ ...(member === '' ? {} : { field: FIELDS[member] ?? member }), message: error.message }];
}
