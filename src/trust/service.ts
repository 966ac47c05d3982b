import { createHash } from 'node:crypto';
import type { AuditActor, AuditRecorder } from '../audit/index.ts';
import { type Clock, secondsAfter } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { AppError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import { keyWords } from './keys/key-set.ts';
import type { KeySource } from './keys/key-source.ts';
import { checkWritten, NAMES_PEOPLE, type NewTrustProvider, type TrustProvider, type TrustProviderChange } from './provider.ts';
import type { TrustStore } from './store.ts';
import { rulesOf, type TokenRules, writtenRules } from './token-rules.ts';

/** The client through which a workload's tokens are issued. Each call runs in the transaction that changes the record. */
export interface WorkloadClients {
  /** Makes one that is linked to the agent; returns its id. @throws {AppError} `conflict` when the agent takes no client. */
  make(workload: WorkloadClient & { readonly agentId: string }, by: AuditActor): Promise<string>;
  change(clientId: string, workload: WorkloadClient & { readonly status: TrustProvider['status'] }, by: AuditActor): Promise<void>;
  /** It may be gone already. */
  remove(clientId: string, by: AuditActor): Promise<void>;
}

/** What a workload's client may be used for. */
export interface WorkloadClient {
  readonly name: string;
  readonly resources: readonly string[];
  readonly scopes: readonly string[];
}

/** What a look at the keys of a provider found. */
export interface KeyCheck {
  readonly isReadable: boolean;
  /** Sentences for whoever asked. */
  readonly words: string;
  readonly keys: readonly string[];
}

/** An assertion by its own name (RFC 7519 §4.1.7) at its issuer, and whose word it is. `exp` in seconds since 1970. */
export interface UsedAssertion {
  readonly iss: string;
  readonly jti: string;
  readonly exp: number;
  readonly providerId: string;
}

/** The use cases around trust providers; `by` is who acts, as the audit trail names them. */
export interface TrustService {
  /** @throws {AppError} `not_found` */
  get(id: string): Promise<TrustProvider>;
  find(id: string): Promise<TrustProvider | undefined>;
  list(page: { readonly after?: string | undefined; readonly limit: number }): Promise<readonly TrustProvider[]>;
  count(): Promise<number>;
  /** @throws {AppError} `invalid_input` with the member at fault, `conflict` when the issuer is trusted for this already. */
  create(input: NewTrustProvider, by: AuditActor): Promise<TrustProvider>;
  /** @throws {AppError} `not_found`, `invalid_input` */
  update(id: string, change: TrustProviderChange, by: AuditActor): Promise<TrustProvider>;
  /** The tokens of a workload end with it, and what an identity provider linked is forgotten. @throws {AppError} `not_found` */
  remove(id: string, by: AuditActor): Promise<void>;
  /** Reads the keys of a provider now. Changes nothing. @throws {AppError} `not_found` */
  checkKeys(id: string): Promise<KeyCheck>;
  /**
   * Uses an assertion up by its `jti`, in the transaction under way (the last write before the token): a request that is refused
   * has not used it up, and of two at once one gets the token. False: it was used before, or its provider is trusted no more.
   */
  useUp(assertion: UsedAssertion): Promise<boolean>;
}

/** What the service stands on. */
export interface TrustServiceDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly audit: AuditRecorder;
  readonly store: TrustStore;
  readonly keySource: KeySource;
  /** Our issuer. */
  readonly issuer: string;
  readonly isLoopbackAllowed: boolean;
  readonly resources: { findByIdentifier(uri: string): Promise<object | undefined> };
  readonly workloads: WorkloadClients;
  /** An identity provider is trusted no more: forget whom it named. Runs in the transaction that removes it. */
  readonly onIdentityProviderRemoved: (issuer: string) => Promise<void>;
}

/** Clocks may differ, so a used assertion is remembered a little beyond its end. */
const MARGIN_SECONDS = 120;

async function canonicalAt({ resources }: Pick<TrustServiceDeps, 'resources'>, uri: string, member: string): Promise<string> {
  const server = (await resources.findByIdentifier(uri)) as { identifier: string; own?: string } | undefined;
  if (server === undefined) throw new AppError('invalid_input', 'A resource is not registered here.', { member });
  if (server.own !== undefined) throw new AppError('invalid_input', 'Nobody else lets software manage this server.', { member });
  return server.identifier;
}

async function canonicalOf(deps: Pick<TrustServiceDeps, 'resources'>, uris: readonly string[]): Promise<string[]> {
  return [...new Set(await Promise.all(uris.map((uri, index) => canonicalAt(deps, uri, `/resources/${index}`))))];
}

/** A record in the form of the interface, as far as an administrator writes it. */
function writtenOf(provider: TrustProvider): NewTrustProvider {
  const { name, kind, issuer, audiences, algorithms, domains, claimRules, resources, scopes, status } = provider;
  const lists = { audiences: [...audiences], algorithms: [...algorithms], domains: [...domains], resources: [...resources] };
  return {
    ...{ name, kind, issuer, status, ...lists },
    agent_id: provider.agentId ?? null,
    jwks_uri: provider.jwksUri ?? null,
    jwks: provider.keys === undefined ? null : { keys: provider.keys.map((key) => ({ ...key })) },
    email_authoritative: provider.isEmailAuthoritative,
    claims: claimRules.map(({ pointer, values }) => ({ pointer, values: [...values] })),
    scopes: scopes === undefined ? null : [...scopes],
    max_ttl_seconds: provider.maxTtlSeconds ?? null,
    tokens: provider.tokenRules === undefined ? null : writtenRules(provider.tokenRules),
  };
}

/** Rules for tokens with their resources as they are registered. */
async function canonicalRules(deps: Pick<TrustServiceDeps, 'resources'>, written: NewTrustProvider['tokens']) {
  if (written === null) return undefined;
  const rules = rulesOf(written);
  const scopes: TokenRules['scopes'] = await Promise.all(
    rules.scopes.map(async (each, index) => ({ ...each, resource: await canonicalAt(deps, each.resource, `/tokens/scopes/${index}`) })),
  );
  return { ...rules, scopes };
}

type Judged = Omit<TrustProvider, 'id' | 'clientId' | 'createdAt' | 'updatedAt'>;

async function judge(deps: TrustServiceDeps, input: NewTrustProvider): Promise<Judged> {
  const resources = await canonicalOf(deps, input.resources);
  const keys = checkWritten({ ...input, resources }, { self: deps.issuer, isLoopbackAllowed: deps.isLoopbackAllowed });
  const { name, kind, issuer, audiences, algorithms, domains, claims, scopes, status } = input;
  return {
    ...{ name, kind, issuer, audiences, status, resources, keys },
    algorithms: [...new Set(algorithms)],
    domains: [...new Set(domains)],
    jwksUri: input.jwks_uri ?? undefined,
    isEmailAuthoritative: input.email_authoritative,
    claimRules: claims,
    scopes: scopes ?? undefined,
    maxTtlSeconds: input.max_ttl_seconds ?? undefined,
    agentId: input.agent_id ?? undefined,
    tokenRules: await canonicalRules(deps, input.tokens),
  };
}

function workloadOf({ name, resources, scopes = [] }: Judged): WorkloadClient {
  return { name, resources, scopes };
}

/** Exactly one of the two ways to keys stays: who gives one gives the other up. */
function withOneSource(change: TrustProviderChange): TrustProviderChange {
  if (change.jwks != null && change.jwks_uri === undefined) return { ...change, jwks_uri: null };
  if (change.jwks_uri != null && change.jwks === undefined) return { ...change, jwks: null };
  return change;
}

/** The service over its store. */
export function createTrustService(deps: TrustServiceDeps): TrustService {
  const { db, clock, ids, audit, store, keySource, workloads } = deps;
  const missing = () => new AppError('not_found', 'There is no such trust provider.');
  const get = async (id: string) => {
    const found = await store.find(id);
    if (found === undefined) throw missing();
    return found;
  };
  /** The same issuer is trusted for people in another way: whom it named stays known. */
  const isNamedByOthers = async (issuer: string, kind: TrustProvider['kind']) => {
    const others = [...NAMES_PEOPLE].filter((other) => other !== kind);
    return (await Promise.all(others.map((other) => store.ofIssuer(issuer, other)))).some((found) => found.length > 0);
  };
  return {
    get,
    find: store.find,
    list: store.list,
    count: store.count,
    create: (input, by) =>
      db.transaction(async () => {
        const judged = await judge(deps, input);
        const { agentId, kind } = judged;
        const clientId = agentId === undefined ? undefined : await workloads.make({ ...workloadOf(judged), agentId }, by);
        const now = clock.now();
        const provider: TrustProvider = { ...judged, id: ids.next('trp'), clientId, createdAt: now, updatedAt: now };
        if (!(await store.insert(provider))) {
          const whom = kind === 'workload' ? 'A workload of this issuer speaks for this agent already.' : 'This issuer is trusted already.';
          throw new AppError('conflict', whom, { member: '/issuer' });
        }
        if (clientId !== undefined && provider.status === 'disabled')
          await workloads.change(clientId, { ...workloadOf(judged), status: 'disabled' }, by);
        await audit.record({ type: 'trust_provider.created', actor: by, resource: provider.id, action: kind });
        return provider;
      }),
    update: (id, change, by) =>
      db.transaction(async () => {
        const before = await store.findForUpdate(id);
        if (before === undefined) throw missing();
        const given = Object.fromEntries(Object.entries(withOneSource(change)).filter(([, value]) => value !== undefined));
        const judged = await judge(deps, { ...writtenOf(before), ...given } as NewTrustProvider);
        const provider: TrustProvider = { ...before, ...judged, updatedAt: clock.now() };
        await store.update(provider);
        const { clientId, status } = provider;
        if (clientId !== undefined) await workloads.change(clientId, { ...workloadOf(judged), status }, by);
        const action = Object.keys(given).join(' ') || 'nothing';
        await audit.record({ type: 'trust_provider.updated', actor: by, resource: id, action });
        return provider;
      }),
    remove: (id, by) =>
      db.transaction(async () => {
        const { kind, issuer, clientId } = await get(id);
        if (!(await store.remove(id))) throw missing();
        if (clientId !== undefined) await workloads.remove(clientId, by);
        if (NAMES_PEOPLE.has(kind) && !(await isNamedByOthers(issuer, kind))) await deps.onIdentityProviderRemoved(issuer);
        await audit.record({ type: 'trust_provider.deleted', actor: by, resource: id, action: `${kind} ${issuer}` });
      }),
    async checkKeys(id) {
      const { jwksUri, keys, algorithms } = await get(id);
      const found = keys === undefined ? await keySource.readNow(jwksUri ?? '') : ({ ok: true, keys } as const);
      if (!found.ok) return { isReadable: false, words: found.reason, keys: [] };
      const count = found.keys.length;
      const where =
        keys === undefined ? `Its address answers with ${count === 1 ? 'one key' : `${count} keys`}` : 'Its keys are in the record';
      const words = `${where}; signatures are accepted with ${algorithms.join(', ')}.`;
      return { isReadable: true, words, keys: found.keys.map(keyWords) };
    },
    useUp({ iss, jti, exp, providerId }) {
      const idHash = createHash('sha256')
        .update(JSON.stringify([iss, jti]))
        .digest();
      return store.useUp({ idHash, expiresAt: secondsAfter(new Date(exp * 1000), MARGIN_SECONDS), providerId });
    },
  };
}
