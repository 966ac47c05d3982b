import { durationWords } from '../platform/http/moment.ts';
import { type ClientRecord, type InitialAccessToken, textsOf } from './client.ts';

/** A client as the management interface shows it; never a secret. */
export function presentClient(client: ClientRecord) {
  const identity = client.metadata['scope'];
  const scope = [identity, ...(client.scopes ?? [])].filter((part) => typeof part === 'string').join(' ');
  return {
    client_id: client.id,
    client_name: client.name,
    kind: client.kind,
    purpose: client.purpose,
    service_id: client.serviceId ?? null,
    status: client.status,
    is_management: client.isManagement,
    has_governance: client.hasGovernance,
    scope: scope === '' ? null : scope,
    resources: client.bounds.resources ?? null,
    default_resource: client.defaultResource ?? null,
    default_scope: client.defaultScope ?? null,
    metadata: client.metadata,
    has_secret: client.hasSecret,
    secret_rotated_at: client.secretRotatedAt?.toISOString() ?? null,
    previous_secret_until: client.previousSecretUntil?.toISOString() ?? null,
    created_at: client.createdAt.toISOString(),
    last_used_at: client.lastUsedAt?.toISOString() ?? null,
  };
}

/** An initial access token as the management interface shows it; its value is not kept. */
export function presentInitialAccessToken(token: InitialAccessToken) {
  return {
    id: token.id,
    name: token.name,
    owner: token.owner,
    agent_state: token.agentState,
    agent_ttl_minutes: token.agentTtlMinutes ?? null,
    uses_left: token.usesLeft,
    uses_total: token.usesTotal,
    scopes: token.bounds.scopes ?? null,
    resources: token.bounds.resources ?? null,
    redirect_patterns: token.bounds.redirectPatterns ?? null,
    grant_types: token.bounds.grantTypes,
    parent_agent_id: token.parent?.agentId ?? null,
    created_at: token.createdAt.toISOString(),
    expires_at: token.expiresAt.toISOString(),
    revoked_at: token.revokedAt?.toISOString() ?? null,
  };
}

/** A time as the console's templates take it. */
export function momentOf(at: Date) {
  const exact = `${at.toUTCString().slice(5, 25)} UTC`;
  return { text: at.toUTCString().slice(5, 16), exact, iso: at.toISOString() };
}

function shortId(id: string) {
  return { short: id.length > 16 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id, full: id };
}

const PROOFS: Readonly<Record<string, string>> = {
  private_key_jwt: 'private key',
  client_secret_basic: 'secret',
  client_secret_post: 'secret',
  none: 'nothing (public)',
};
const ORIGINS = {
  dynamic: 'registered with an enrolment token',
  open: 'registered by itself',
  document: 'by its metadata document',
  admin: 'added by an administrator',
  bootstrap: 'from the environment',
  workload: 'with a trusted issuer',
} as const;
const PURPOSE_WORDS = {
  agent: 'An agent',
  application: 'An application',
  service: 'A service',
  resource_server: 'A resource server itself',
  management: 'Management',
} as const;

function proofOf({ kind, metadata }: ClientRecord): string {
  if (kind === 'workload') return 'its platform’s token';
  return PROOFS[String(metadata['token_endpoint_auth_method'])] ?? 'something else';
}

function stateOf({ status }: ClientRecord) {
  return status === 'active' ? { word: 'active', tone: 'yes' } : { word: 'disabled', tone: 'stop' };
}

/** A line of the console's list. */
export function presentInList(client: ClientRecord, agent: { readonly name: string; readonly href: string } | undefined) {
  return {
    id: shortId(client.id),
    name: client.name,
    ...(agent === undefined ? {} : { agent }),
    proves: proofOf(client),
    came: ORIGINS[client.kind],
    state: stateOf(client),
    ...(client.lastUsedAt === undefined ? {} : { lastUsed: momentOf(client.lastUsedAt) }),
  };
}

/** The page of one client. */
export function presentInConsole(client: ClientRecord) {
  const { metadata } = client;
  const keys = ((metadata['jwks'] as { keys?: readonly Record<string, unknown>[] } | undefined)?.keys ?? []).map((key) => ({
    id: shortId(String(key['kid'] ?? 'no kid')),
    detail: `${String(key['kty'])} ${String(key['alg'] ?? key['crv'] ?? '')}`.trim(),
  }));
  const fetched = metadata['jwks_uri'] === undefined ? [] : [{ id: shortId(String(metadata['jwks_uri'])), detail: 'fetched from there' }];
  const says = [metadata['client_uri'], metadata['software_id']].filter((part) => typeof part === 'string').join(' · ');
  return {
    client: {
      id: shortId(client.id),
      name: client.name,
      state: stateOf(client),
      hasSecret: client.hasSecret,
      isWorkload: client.kind === 'workload',
      management: client.isManagement,
      facts: factsOf(client),
      redirects: textsOf(metadata['redirect_uris']),
      grants: textsOf(metadata['grant_types']),
      metadata: JSON.stringify(metadata, null, 2),
    },
    keys: [...keys, ...fetched],
    ...(says === '' ? {} : { says }),
  };
}

function factsOf(client: ClientRecord) {
  const optional = (label: string, value: string | undefined) => (value === undefined ? [] : [{ label, value }]);
  return [
    { label: 'Is', value: PURPOSE_WORDS[client.purpose] },
    { label: 'Came', value: `${ORIGINS[client.kind]}, ${momentOf(client.createdAt).text}` },
    { label: 'Proves itself by', value: proofOf(client) },
    ...optional('Secret made', client.secretRotatedAt && momentOf(client.secretRotatedAt).exact),
    ...optional('Old secret works until', client.previousSecretUntil && momentOf(client.previousSecretUntil).exact),
    ...optional('Scopes', client.scopes?.join(' ')),
    ...optional('Resource unless it names one', client.defaultResource),
    ...optional('Scope unless it names one', client.defaultScope),
    ...optional('Last used', client.lastUsedAt && momentOf(client.lastUsedAt).exact),
  ];
}

/** `active agents`, `proposed agents that end after 20 min`. */
function makesWords({ agentState, agentTtlMinutes }: InitialAccessToken): string {
  const ends = agentTtlMinutes === undefined ? '' : ` that end after ${durationWords(agentTtlMinutes * 60)}`;
  return `${agentState} agents${ends}`;
}

/** A line of the console's list of enrolment tokens. */
export function presentTokenInList(token: InitialAccessToken, { owner, now }: { owner: string; now: Date }) {
  const used = token.usesTotal - token.usesLeft;
  const isOver = token.revokedAt !== undefined || token.usesLeft === 0 || token.expiresAt <= now;
  const word = token.revokedAt !== undefined ? 'ended' : token.usesLeft === 0 ? 'used up' : token.expiresAt <= now ? 'expired' : 'usable';
  return {
    id: token.id,
    name: token.name,
    owner,
    makes: makesWords(token),
    used: `${used} of ${token.usesTotal}`,
    ends: momentOf(token.expiresAt),
    state: { word, tone: isOver ? 'stop' : 'yes' },
    mayEnd: !isOver,
  };
}
