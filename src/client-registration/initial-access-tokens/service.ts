import { z } from 'zod';
import { canonicalResourceUri } from '../../resource-servers/index.ts';
import { type Clock, secondsAfter } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Vault } from '../../platform/vault.ts';
import type { ChangedBy, RegistrationAudit } from '../audit-trail.ts';
import type { EnrollingParent, InitialAccessToken } from '../client.ts';
import { ALL_GRANTS, SELF_REGISTERED_GRANTS } from '../grant-types.ts';
import { checkRedirectUri } from '../redirect-uri.ts';
import { createInitialAccessTokenStore } from './store.ts';

/** Who can answer for agents: people and groups. */
export interface Owners {
  ownerLabel(owner: InitialAccessToken['owner']): Promise<{ readonly name: string; readonly isAlive: boolean } | undefined>;
  /** Those a form offers. */
  choices(): Promise<readonly (InitialAccessToken['owner'] & { readonly name: string })[]>;
}

const DAY = 86_400;
const PURGE_BATCH = 1_000;
const scope = z.string().regex(/^[\x21\x23-\x5B\x5D-\x7E]{1,128}$/, 'is not a scope');

/** What a new initial access token is made of, as it arrives. */
export const newInitialAccessToken = z.strictObject({
  name: z
    .string()
    .trim()
    .min(1, 'is empty')
    .max(80)
    .regex(/^[^\p{Cc}\p{Cf}]*$/u, 'holds control characters'),
  owner: z.strictObject({ kind: z.enum(['user', 'group']), id: z.string().min(1).max(100) }),
  agent_state: z.enum(['active', 'proposed']).default('proposed'),
  /** Software that registers becomes an agent for so long: a minute to thirty days. */
  agent_ttl_minutes: z
    .int()
    .min(1)
    .max(30 * 24 * 60)
    .optional(),
  uses: z.int().min(1).max(1_000).default(1),
  ttl_seconds: z
    .int()
    .min(60)
    .max(365 * DAY)
    .default(7 * DAY),
  scopes: z.array(scope).min(1).max(100).optional(),
  resources: z.array(z.string().max(2_000)).min(1).max(50).optional(),
  redirect_patterns: z.array(z.string().min(1).max(2_000)).min(1).max(20).optional(),
  grant_types: z
    .array(z.enum(ALL_GRANTS))
    .min(1)
    .default([...SELF_REGISTERED_GRANTS]),
});
export type NewInitialAccessToken = z.output<typeof newInitialAccessToken>;

/** What an agent's own initial access token is made of; the caller has judged all of it. */
export interface NewChildToken extends Pick<InitialAccessToken, 'name' | 'owner' | 'bounds'> {
  readonly parent: EnrollingParent;
  readonly ttlSeconds: number;
}

/** The use cases around initial access tokens. */
export interface InitialAccessTokens {
  /** The value is in this one answer; only its keyed hash is kept. @throws {AppError} `invalid_input` */
  create(input: NewInitialAccessToken, by: ChangedBy): Promise<{ readonly record: InitialAccessToken; readonly token: string }>;
  /** For one registration below an agent that asks for it itself. The value is in this one answer. */
  createForChild(child: NewChildToken): Promise<{ readonly record: InitialAccessToken; readonly token: string }>;
  /** @throws {AppError} `not_found` */
  get(id: string): Promise<InitialAccessToken>;
  list(page: { readonly after?: string | undefined; readonly limit: number }): Promise<readonly InitialAccessToken[]>;
  count(): Promise<number>;
  /** What came with it stays. @throws {AppError} `not_found`, `conflict` when it was revoked before. */
  revoke(id: string, by: ChangedBy): Promise<void>;
  /** Forgets those that agents asked for a day after they ended, at most 1,000; returns how many went. */
  purge(): Promise<number>;
  /** The record behind a presented value, if it can be used now and its owner is alive (RFC 7591 §3). */
  findUsable(token: string): Promise<InitialAccessToken | undefined>;
}

/** What the service stands on. */
export interface InitialAccessTokenDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly vault: Vault;
  readonly owners: Owners;
  readonly audit: RegistrationAudit;
}

const PURPOSE = 'initial-access-tokens';
/** Recognised by scanners that look for leaked secrets. */
const PREFIX = 'behalf_iat_';

/** A pattern is a redirect URI that could be registered, with or without a star at its end: never one for every host. */
function checkPatterns(patterns: readonly string[]): void {
  for (const [index, pattern] of patterns.entries()) {
    const checked = checkRedirectUri(pattern.replace(/\/\*$/, '/'), 'native');
    if (!checked.ok) throw new AppError('invalid_input', `The pattern ${checked.reason}.`, { member: `/redirect_patterns/${index}` });
  }
}

function boundsOf(input: NewInitialAccessToken): InitialAccessToken['bounds'] {
  const resources = input.resources?.map((resource, index) => {
    const canonical = canonicalResourceUri(resource);
    if (!canonical.ok) throw new AppError('invalid_input', `The resource ${canonical.reason}.`, { member: `/resources/${index}` });
    return canonical.uri;
  });
  checkPatterns(input.redirect_patterns ?? []);
  return { scopes: input.scopes, resources, redirectPatterns: input.redirect_patterns, grantTypes: input.grant_types };
}

/** The service over its store. */
export function createInitialAccessTokens(deps: InitialAccessTokenDeps): InitialAccessTokens {
  const { db, clock, ids, vault, owners, audit } = deps;
  const store = createInitialAccessTokenStore(deps);
  type Made = Omit<InitialAccessToken, 'id' | 'usesLeft' | 'createdAt' | 'expiresAt' | 'revokedAt'>;
  const make = async (made: Made, ttlSeconds: number) => {
    const now = clock.now();
    const times = { createdAt: now, expiresAt: secondsAfter(now, ttlSeconds), revokedAt: undefined };
    const record: InitialAccessToken = { ...made, ...times, id: ids.next('iat'), usesLeft: made.usesTotal };
    const token = `${PREFIX}${ids.secret(32)}`;
    await store.insert(record, vault.fingerprint(PURPOSE, token));
    return { record, token };
  };
  const get = async (id: string) => {
    const record = await store.find(id);
    if (record === undefined) throw new AppError('not_found', 'There is no such initial access token.');
    return record;
  };
  return {
    get,
    list: (page) => store.list(page),
    count: () => store.count(),
    create: (input, by) =>
      db.transaction(async () => {
        const owner = await owners.ownerLabel(input.owner);
        if (owner?.isAlive !== true) throw new AppError('invalid_input', 'This owner cannot answer for agents.', { member: '/owner' });
        const { name, agent_state: agentState, agent_ttl_minutes: agentTtlMinutes, uses: usesTotal } = input;
        const made = { name, owner: input.owner, agentState, agentTtlMinutes, bounds: boundsOf(input), usesTotal, parent: undefined };
        const { record, token } = await make(made, input.ttl_seconds);
        await audit.record({ type: 'initial_access_token.created', actor: by, resource: record.id });
        return { record, token };
      }),
    createForChild: ({ ttlSeconds, parent, ...rest }) =>
      db.transaction(async () => {
        const { record, token } = await make(
          { ...rest, parent, agentState: 'active', agentTtlMinutes: undefined, usesTotal: 1 },
          ttlSeconds,
        );
        const { agentId, clientId } = parent;
        const actor = { kind: 'agent', id: agentId } as const;
        await audit.record({ type: 'initial_access_token.created', actor, agentId, clientId, resource: record.id });
        return { record, token };
      }),
    revoke: (id, by) =>
      db.transaction(async () => {
        await get(id);
        if (!(await store.revoke(id))) throw new AppError('conflict', 'This initial access token was revoked before.');
        await audit.record({ type: 'initial_access_token.revoked', actor: by, resource: id });
      }),
    purge: () => store.purgeOfAgents(secondsAfter(clock.now(), -DAY), PURGE_BATCH),
    async findUsable(token) {
      if (!token.startsWith(PREFIX) || token.length > 100) return undefined;
      const hashes = [vault.fingerprint(PURPOSE, token), vault.previousFingerprint(PURPOSE, token)].filter((hash) => hash !== undefined);
      const record = await store.findUsable(hashes);
      if (record === undefined) return undefined;
      return (await owners.ownerLabel(record.owner))?.isAlive === true ? record : undefined;
    },
  };
}
