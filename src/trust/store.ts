import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { purge } from '../platform/db/purge.ts';
import type { ClaimRule } from './claim-rules.ts';
import type { VerifyingKey } from './keys/key-set.ts';
import type { TrustAlgorithm, TrustKind, TrustProvider } from './provider.ts';
import type { TokenRules } from './token-rules.ts';

/** Trust providers and the assertions that were used up, in SQL. */
export interface TrustStore {
  find(id: string): Promise<TrustProvider | undefined>;
  /** The same under a lock that holds until the transaction ends. */
  findForUpdate(id: string): Promise<TrustProvider | undefined>;
  /** All of an issuer, also those switched off; at most 100. */
  ofIssuer(issuer: string, kind: TrustKind): Promise<readonly TrustProvider[]>;
  list(page: { readonly after?: string | undefined; readonly limit: number }): Promise<readonly TrustProvider[]>;
  count(): Promise<number>;
  /** False when the issuer is trusted for this already: a workload of the same agent, anything else at all. */
  insert(provider: TrustProvider): Promise<boolean>;
  update(provider: TrustProvider): Promise<void>;
  remove(id: string): Promise<boolean>;
  /**
   * Uses an assertion up, in the transaction under way: of two at once the second waits for the first, and is false when that
   * one commits. Rolled back with what it was used for. False too when its provider is switched off or gone by now.
   */
  useUp(assertion: { readonly idHash: Buffer; readonly expiresAt: Date; readonly providerId: string }): Promise<boolean>;
  /** Forgets used assertions that have expired by themselves; returns how many went. */
  purge(limit: number): Promise<number>;
}

interface Row {
  readonly id: string;
  readonly name: string;
  readonly kind: TrustKind;
  readonly issuer: string;
  readonly jwks_uri: string | null;
  readonly keys: VerifyingKey[] | null;
  readonly audiences: string[];
  readonly algorithms: TrustAlgorithm[];
  readonly domains: string[];
  readonly is_email_authoritative: boolean;
  readonly claim_rules: ClaimRule[];
  readonly resources: string[];
  readonly scopes: string[] | null;
  readonly max_ttl_seconds: number | null;
  readonly status: 'active' | 'disabled';
  readonly agent_id: string | null;
  readonly client_id: string | null;
  readonly token_rules: TokenRules | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

function toProvider(row: Row): TrustProvider {
  const { id, name, kind, issuer, audiences, algorithms, domains, resources, status } = row;
  return {
    ...{ id, name, kind, issuer, audiences, algorithms, domains, resources, status },
    jwksUri: row.jwks_uri ?? undefined,
    keys: row.keys ?? undefined,
    isEmailAuthoritative: row.is_email_authoritative,
    claimRules: row.claim_rules,
    scopes: row.scopes ?? undefined,
    maxTtlSeconds: row.max_ttl_seconds ?? undefined,
    agentId: row.agent_id ?? undefined,
    clientId: row.client_id ?? undefined,
    tokenRules: row.token_rules ?? undefined,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

const json = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));

/** What can change, in the order of the parameters that follow the id. */
function changeableOf(provider: TrustProvider): unknown[] {
  return [
    provider.name,
    provider.jwksUri ?? null,
    json(provider.keys),
    [...provider.audiences],
    [...provider.algorithms],
    [...provider.domains],
    provider.isEmailAuthoritative,
    json(provider.claimRules),
    [...provider.resources],
    json(provider.scopes),
    provider.maxTtlSeconds ?? null,
    provider.status,
    json(provider.tokenRules),
    provider.updatedAt,
  ];
}

const CHANGEABLE = [
  ...['name', 'jwks_uri', 'keys', 'audiences', 'algorithms', 'domains', 'is_email_authoritative', 'claim_rules', 'resources'],
  ...['scopes', 'max_ttl_seconds', 'status', 'token_rules', 'updated_at'],
];
const JSON_COLUMNS = new Set(['keys', 'claim_rules', 'scopes', 'token_rules']);
const parameter = (column: string, index: number) => `$${index + 2}${JSON_COLUMNS.has(column) ? '::jsonb' : ''}`;
const SELECT = 'SELECT * FROM trust_providers';

/** The store over PostgreSQL. */
export function createTrustStore({ db, clock }: { db: Db; clock: Clock }): TrustStore {
  const one = async (name: string, text: string, id: string) => {
    const row = await db.row<Row>({ name, text, values: [id] });
    return row && toProvider(row);
  };
  return {
    find: (id) => one('trust-provider-find', `${SELECT} WHERE id = $1`, id),
    findForUpdate: (id) => one('trust-provider-find-for-update', `${SELECT} WHERE id = $1 FOR UPDATE`, id),
    async ofIssuer(issuer, kind) {
      const text = `${SELECT} WHERE issuer = $1 AND kind = $2 ORDER BY id LIMIT 100`;
      return (await db.rows<Row>({ name: 'trust-provider-of-issuer', text, values: [issuer, kind] })).map(toProvider);
    },
    async list({ after, limit }) {
      const text = `${SELECT} WHERE id > $1 ORDER BY id LIMIT $2`;
      return (await db.rows<Row>({ name: 'trust-provider-list', text, values: [after ?? '', limit] })).map(toProvider);
    },
    count: () => db.prisma.trustProvider.count(),
    async insert(provider) {
      const { id, kind, issuer, agentId, clientId, createdAt } = provider;
      const columns = ['id', ...CHANGEABLE, 'kind', 'issuer', 'agent_id', 'client_id', 'created_at'];
      const changeable = changeableOf(provider);
      const values = [id, ...changeable, kind, issuer, agentId ?? null, clientId ?? null, createdAt];
      const places = ['$1', ...CHANGEABLE.map(parameter), ...[0, 1, 2, 3, 4].map((index) => `$${changeable.length + 2 + index}`)];
      const text = `INSERT INTO trust_providers (${columns.join(', ')}) VALUES (${places.join(', ')}) ON CONFLICT DO NOTHING RETURNING id`;
      return (await db.row({ name: 'trust-provider-insert', text, values })) !== undefined;
    },
    async update(provider) {
      const clauses = CHANGEABLE.map((column, index) => `${column} = ${parameter(column, index)}`).join(', ');
      const text = `UPDATE trust_providers SET ${clauses} WHERE id = $1`;
      await db.rows({ name: 'trust-provider-update', text, values: [provider.id, ...changeableOf(provider)] });
    },
    async remove(id) {
      const text = 'DELETE FROM trust_providers WHERE id = $1 RETURNING id';
      return (await db.row({ name: 'trust-provider-remove', text, values: [id] })) !== undefined;
    },
    async useUp({ idHash, expiresAt, providerId }) {
      const text = `INSERT INTO trust_used_assertions (id_hash, expires_at)
        SELECT $1::bytea, $2::timestamptz FROM trust_providers WHERE id = $3 AND status = 'active' ON CONFLICT DO NOTHING RETURNING 1 AS one`;
      return (await db.row({ name: 'trust-assertion-use-up', text, values: [idHash, expiresAt, providerId] })) !== undefined;
    },
    purge: (limit) => purge(db, { table: 'trust_used_assertions', column: 'expires_at', before: clock.now() }, limit),
  };
}
