import { type Adapter, type AdapterPayload, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Db } from '../platform/db/db.ts';
import type { OnStopped } from './audit-trail.ts';
import { type Bounds, type ClientRecord, type InitialAccessToken, type StoredMetadata, textsOf, usesSecret, wordsOf } from './client.ts';
import { FACTS_MEMBER, type FactsBook } from './client-facts.ts';
import { PLACEHOLDER } from './client-secrets.ts';
import { usableGrants } from './grant-types.ts';
import type { InitialAccessTokens } from './initial-access-tokens/service.ts';
import { OPEN_BOUNDS, type OpenRegistration, REGISTRATION_POLICY } from './open-registration.ts';
import { register, registerOpenly, type RegisteringDeps, update } from './registering.ts';

/** What the engine's storage of clients stands on. */
export interface EngineStorageDeps extends RegisteringDeps {
  readonly db: Db;
  readonly book: FactsBook;
  readonly initialAccessTokens: Pick<InitialAccessTokens, 'findUsable'>;
  readonly open: Pick<OpenRegistration, 'isOwn' | 'statedIn'>;
  /** The types of authorization details there are now; a client may use all of them unless it named some (RFC 9396 §10). */
  readonly detailTypes: () => readonly string[];
  /** Whether policy lets a client not even authenticate (its agent is suspended or retired); it records why. */
  readonly turnsAway?: ((clientId: string) => Promise<boolean>) | undefined;
  readonly onStopped: OnStopped;
  /** Whether the metadata document holds of a client whose identifier is its address; true for every other one. */
  readonly isAdmitted: (clientId: string) => Promise<boolean>;
}

/** Members of the engine's payload that are ours or secret: they are no metadata. */
const NOT_STORED = [
  FACTS_MEMBER,
  'software_statement',
  'resource_scope',
  'client_secret',
  'client_secret_expires_at',
  'client_id',
  'client_id_issued_at',
];

/** A client as the engine takes it: public metadata, a placeholder for the secret, our facts beside it. */
export function enginePayload(record: ClientRecord, more: { facts: object; detailTypes: readonly string[] }): AdapterPayload {
  const { metadata, scopes } = record;
  const named = metadata['authorization_details_types'];
  const types = named === undefined ? more.detailTypes : textsOf(named).filter((type) => more.detailTypes.includes(type));
  return {
    ...metadata,
    client_id: record.id,
    client_id_issued_at: Math.floor(record.createdAt.getTime() / 1000),
    grant_types: usableGrants(textsOf(metadata['grant_types']), String(metadata['token_endpoint_auth_method'])),
    authorization_details_types: types.length === 0 ? undefined : types,
    resource_scope: scopes?.join(' '),
    ...(usesSecret(metadata) ? { client_secret: PLACEHOLDER, client_secret_expires_at: 0 } : {}),
    [FACTS_MEMBER]: more.facts,
  } as AdapterPayload;
}

/** What of the engine's payload is kept as metadata. */
export function storedMetadata(payload: StoredMetadata): StoredMetadata {
  return Object.fromEntries(Object.entries(payload).filter(([name, value]) => value !== undefined && !NOT_STORED.includes(name)));
}

/** The engine fills `authorization_details_types` in; only what the software itself named is kept, so that later types count too. */
function withoutDefaults(metadata: StoredMetadata, ctx: KoaContextWithOIDC): StoredMetadata {
  const { authorization_details_types: _, ...rest } = metadata;
  return ctx.oidc.body?.['authorization_details_types'] === undefined ? rest : metadata;
}

/** What a registration under way is bound by; without a token it is open. */
export interface Enrolment {
  readonly bounds: Bounds;
  readonly initialAccessToken: InitialAccessToken | undefined;
}

/** The engine's storage of clients and initial access tokens on our tables. */
export interface EngineStorage {
  readonly clients: Adapter;
  readonly initialAccessTokens: Adapter;
  /** What the registration under way is bound by. */
  enrolmentOf(ctx: KoaContextWithOIDC): Enrolment | undefined;
}

const nothing = async (): Promise<undefined> => undefined;

/** Storage for `adapters.Client` and `adapters.InitialAccessToken`. A disabled client is not found (RFC 6749 §5.2: 401). */
export function createEngineStorage(deps: EngineStorageDeps): EngineStorage {
  const { store, book } = deps;
  const enrolments = new WeakMap<object, Enrolment>();
  return {
    enrolmentOf: (ctx) => enrolments.get(ctx),
    clients: {
      async find(clientId) {
        if (!(await deps.isAdmitted(clientId))) return undefined;
        const [stored, isTurnedAway] = await Promise.all([store.find(clientId), deps.turnsAway?.(clientId)]);
        if (isTurnedAway === true || stored?.record.status !== 'active') return undefined;
        return enginePayload(stored.record, { facts: book.enter(stored.record, stored.secrets), detailTypes: deps.detailTypes() });
      },
      async upsert(clientId, payload) {
        const ctx = Provider.ctx;
        if (ctx === undefined) throw new Error('a client is only registered by a request');
        const metadata = withoutDefaults(storedMetadata(payload), ctx);
        const input = { clientId, payload, metadata, scopes: scopesOf(payload) };
        const enrolment = enrolments.get(ctx);
        if (ctx.method !== 'POST' || enrolment === undefined) await update(deps, input);
        else if (enrolment.initialAccessToken === undefined) await registerOpenly(deps, input, deps.open.statedIn(ctx));
        else await register(deps, input, enrolment.initialAccessToken);
      },
      async destroy(clientId) {
        await store.remove(clientId);
        const by = { kind: 'client', id: clientId } as const;
        await deps.audit.record({ type: 'client.deleted', actor: by, clientId });
        await deps.onStopped(clientId, { cause: 'client.deleted', by });
      },
      findByUid: nothing,
      findByUserCode: nothing,
      consume: nothing,
      revokeByGrantId: nothing,
    },
    initialAccessTokens: {
      async find(value) {
        const ctx = Provider.ctx;
        if (ctx !== undefined && deps.open.isOwn(value)) {
          enrolments.set(ctx, { bounds: OPEN_BOUNDS, initialAccessToken: undefined });
          return { kind: 'InitialAccessToken', jti: value, iat: 0, policies: [REGISTRATION_POLICY] };
        }
        const record = await deps.initialAccessTokens.findUsable(value);
        if (record === undefined || ctx === undefined) return undefined;
        enrolments.set(ctx, { bounds: record.bounds, initialAccessToken: record });
        const seconds = (at: Date) => Math.floor(at.getTime() / 1000);
        return {
          kind: 'InitialAccessToken',
          jti: value,
          iat: seconds(record.createdAt),
          exp: seconds(record.expiresAt),
          policies: [REGISTRATION_POLICY],
        };
      },
      upsert: nothing,
      destroy: nothing,
      findByUid: nothing,
      findByUserCode: nothing,
      consume: nothing,
      revokeByGrantId: nothing,
    },
  };
}

function scopesOf(payload: AdapterPayload): readonly string[] | undefined {
  const value = (payload as Record<string, unknown>)['resource_scope'];
  return value === undefined ? undefined : wordsOf(value);
}
