import { type Adapter, type AdapterPayload, errors, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Db } from '../platform/db/db.ts';
import type { OnStopped, RegistrationAudit } from './audit-trail.ts';
import { type Bounds, type ClientRecord, type InitialAccessToken, type StoredMetadata, textsOf, usesSecret, wordsOf } from './client.ts';
import { FACTS_MEMBER, type FactsBook } from './client-facts.ts';
import { type ClientSecrets, PLACEHOLDER } from './client-secrets.ts';
import { usableGrants } from './grant-types.ts';
import type { InitialAccessTokens } from './initial-access-tokens/service.ts';
import { OPEN_BOUNDS, type OpenRegistration, REGISTRATION_POLICY } from './open-registration.ts';
import type { SoftwareService } from './software/service.ts';
import type { Stated } from './software-statement.ts';
import { identityOf, type Software, statedIdentity } from './software/software.ts';
import type { ClientStore } from './store.ts';
import { isWidened } from './widening.ts';

/** What happens when software registered by itself; runs in the same transaction, and what it throws undoes the registration. */
export type OnRegistered = (registered: {
  readonly clientId: string;
  readonly metadata: StoredMetadata;
  readonly initialAccessToken: InitialAccessToken;
}) => Promise<void>;

/** Software came by itself, for the first time or again; what it throws undoes the registration. */
export type OnMet = (met: { readonly clientId: string; readonly software: Software }) => Promise<void>;

/** What came by itself changed its own registration so far that people have to be asked again; runs in the same transaction. */
export type OnSelfChanged = (changed: {
  readonly clientId: string;
  /** It is recognised as other software than before. */
  readonly isOther: boolean;
}) => Promise<void>;

/** An update of a registration, before it is stored; what it throws refuses it. */
export type OnUpdate = (update: {
  readonly before: ClientRecord;
  readonly after: Pick<ClientRecord, 'metadata' | 'scopes'>;
}) => Promise<void>;

/** What the engine's storage of clients stands on. */
export interface EngineStorageDeps {
  readonly db: Db;
  readonly store: ClientStore;
  readonly secrets: ClientSecrets;
  readonly book: FactsBook;
  readonly initialAccessTokens: Pick<InitialAccessTokens, 'findUsable'>;
  readonly open: Pick<OpenRegistration, 'isOwn' | 'statedIn'>;
  readonly software: Pick<SoftwareService, 'find' | 'meet' | 'makeRoom'>;
  readonly audit: RegistrationAudit;
  /** The types of authorization details there are now; a client may use all of them unless it named some (RFC 9396 §10). */
  readonly detailTypes: () => readonly string[];
  readonly onRegistered: OnRegistered;
  readonly onMet?: OnMet | undefined;
  readonly onSelfChanged?: OnSelfChanged | undefined;
  readonly onUpdate?: OnUpdate | undefined;
  /** Whether policy lets a client not even authenticate (its agent is suspended or retired); it records why. */
  readonly turnsAway?: ((clientId: string) => Promise<boolean>) | undefined;
  /** An update of its registration lets a client do more than before. */
  readonly onWidened: (clientId: string) => Promise<void>;
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

function nameOf(metadata: StoredMetadata, clientId: string): string {
  const name = metadata['client_name'];
  return typeof name === 'string' && name.trim() !== '' ? name.trim() : clientId;
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

interface Registered {
  readonly clientId: string;
  readonly payload: AdapterPayload;
  readonly metadata: StoredMetadata;
  readonly scopes: readonly string[] | undefined;
}

function scopesOf(payload: AdapterPayload): readonly string[] | undefined {
  const value = (payload as Record<string, unknown>)['resource_scope'];
  return value === undefined ? undefined : wordsOf(value);
}

/** What every client that registers by itself begins with. */
const PLAIN = {
  purpose: 'agent',
  serviceId: undefined,
  isManagement: false,
  hasGovernance: false,
  defaultResource: undefined,
  defaultScope: undefined,
} as const;

function secretHashOf({ secrets }: EngineStorageDeps, { clientId, payload }: Registered): Buffer | undefined {
  const { client_secret: secret } = payload as { client_secret?: string };
  return secret === undefined ? undefined : secrets.hash(clientId, secret);
}

/**
 * RFC 7591 §3 without a token: the client is an instance of its software, and stands for nobody until a person lets it in. Scopes it
 * named do not bound it: what a person allows does, and MCP clients ask for more when a tool needs it.
 */
async function registerOpenly(deps: EngineStorageDeps, registered: Registered, stated: Stated | undefined): Promise<void> {
  const { clientId } = registered;
  const { scope: _named, ...metadata } = registered.metadata;
  const said = identityOf(metadata, clientId);
  const software = await deps.software.meet(stated === undefined ? said : statedIdentity(stated, said.name));
  await deps.onMet?.({ clientId, software });
  await deps.software.makeRoom(software.id);
  await deps.store.insert({
    ...PLAIN,
    id: clientId,
    name: nameOf(metadata, clientId),
    kind: 'open',
    metadata,
    scopes: undefined,
    bounds: { ...OPEN_BOUNDS, ...(software.resources === undefined ? {} : { resources: software.resources }) },
    initialAccessTokenId: undefined,
    softwareId: software.id,
    secretHash: secretHashOf(deps, registered),
  });
  const actor = { kind: 'client', id: clientId } as const;
  await deps.audit.record({ type: 'client.registered', actor, clientId, resource: software.id, action: 'open' });
}

/** RFC 7591 §3.2: one use of the initial access token and the client are one statement; the rest joins its transaction. */
async function register(deps: EngineStorageDeps, registered: Registered, enrolment: InitialAccessToken): Promise<void> {
  const { clientId, metadata, scopes } = registered;
  const isIn = await deps.store.insertEnrolled({
    ...PLAIN,
    id: clientId,
    name: nameOf(metadata, clientId),
    kind: 'dynamic',
    metadata,
    scopes,
    bounds: enrolment.bounds,
    initialAccessTokenId: enrolment.id,
    secretHash: secretHashOf(deps, registered),
  });
  if (!isIn) throw new errors.InvalidToken('the initial access token is used up');
  const { parent } = enrolment;
  const actor = parent === undefined ? ({ kind: 'client', id: clientId } as const) : ({ kind: 'agent', id: parent.agentId } as const);
  await deps.audit.record({ type: 'client.registered', actor, clientId, resource: enrolment.id });
  await deps.onRegistered({ clientId, metadata, initialAccessToken: enrolment });
}

/** RFC 7592 §2.2. A secret is made when the software now proves itself by one, and ends when it no longer does. */
async function update(deps: EngineStorageDeps, { clientId, payload, metadata, scopes }: Registered): Promise<void> {
  const before = await deps.store.findForUpdate(clientId);
  if (before?.record.status !== 'active') throw new errors.InvalidToken('the client is gone');
  await deps.onUpdate?.({ before: before.record, after: { metadata, scopes } });
  const isOpen = before.record.kind === 'open';
  const { scope: _named, ...unbound } = metadata;
  const reach = isOpen ? { metadata: unbound, scopes: undefined } : { metadata, scopes };
  await deps.store.update(clientId, { name: nameOf(metadata, clientId), ...reach });
  const { client_secret: secret } = payload as { client_secret?: string };
  if (secret !== undefined && secret !== PLACEHOLDER) {
    await deps.store.setSecret(clientId, { hash: deps.secrets.hash(clientId, secret), previousUntil: undefined });
  } else if (!usesSecret(metadata) && before.record.hasSecret) {
    await deps.store.setSecret(clientId, { hash: undefined, previousUntil: undefined });
  }
  const isWider = isWidened(before.record, reach);
  const action = isWider ? 'registration_widened' : 'registration';
  await deps.audit.record({ type: 'client.updated', actor: { kind: 'client', id: clientId }, clientId, action });
  if (isOpen) await updateOpenly(deps, { clientId, metadata, isWider, softwareId: before.record.softwareId });
  else if (isWider) await deps.onWidened(clientId);
}

/** Security rule R14: a registration that calls itself something else, or leads elsewhere, keeps nothing that people gave it. */
async function updateOpenly(
  deps: EngineStorageDeps,
  changed: { clientId: string; metadata: StoredMetadata; isWider: boolean; softwareId: string | undefined },
): Promise<void> {
  const { clientId, metadata, isWider, softwareId } = changed;
  const identity = identityOf(metadata, clientId);
  const known = softwareId === undefined ? undefined : await deps.software.find(softwareId);
  // a statement says who it is, whatever the update calls it
  const isOther = known?.proof !== 'statement' && known?.key !== identity.key;
  if (isOther) {
    const software = await deps.software.meet(identity);
    await deps.onMet?.({ clientId, software });
    await deps.store.moveTo(clientId, software.id);
  }
  if (isOther || isWider) await deps.onSelfChanged?.({ clientId, isOther });
}
