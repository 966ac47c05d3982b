import { type AdapterPayload, errors, Provider } from 'oidc-provider';
import type { RegistrationAudit } from './audit-trail.ts';
import { type ClientRecord, type InitialAccessToken, type StoredMetadata, usesSecret } from './client.ts';
import { type ClientSecrets, PLACEHOLDER } from './client-secrets.ts';
import { OPEN_BOUNDS } from './open-registration.ts';
import type { RegistrationLimits } from './registration-limits/limits.ts';
import type { SoftwareService } from './software/service.ts';
import { identityOf, type Software, statedIdentity } from './software/software.ts';
import type { Stated } from './software-statement.ts';
import type { ClientStore } from './store.ts';
import { isWidened } from './widening.ts';

/** What happens when software registered by itself; runs in the same transaction, and what it throws undoes the registration. */
export type OnRegistered = (registered: {
  readonly clientId: string;
  readonly metadata: StoredMetadata;
  readonly initialAccessToken: InitialAccessToken;
}) => Promise<void>;

/** Software registers, for the first time or again; what it throws undoes the registration. */
export type OnMet = (met: {
  readonly clientId: string;
  /** What it is recognised by. */
  readonly key: string;
  /** The record of software that came by itself under this key. */
  readonly software: Software | undefined;
  /** Who answers for what registers, by an enrolment token. */
  readonly ownerId?: string;
}) => Promise<void>;

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

/** What registrations and their updates stand on. */
export interface RegisteringDeps {
  readonly store: ClientStore;
  readonly secrets: ClientSecrets;
  readonly software: Pick<SoftwareService, 'find' | 'findByKey' | 'meet' | 'makeRoom'>;
  /** Counts what registers, on all servers together. */
  readonly limits: Pick<RegistrationLimits, 'admit'>;
  readonly audit: RegistrationAudit;
  readonly onRegistered: OnRegistered;
  readonly onMet?: OnMet | undefined;
  readonly onSelfChanged?: OnSelfChanged | undefined;
  readonly onUpdate?: OnUpdate | undefined;
  /** An update of its registration lets a client do more than before. */
  readonly onWidened: (clientId: string) => Promise<void>;
}

function nameOf(metadata: StoredMetadata, clientId: string): string {
  const name = metadata['client_name'];
  return typeof name === 'string' && name.trim() !== '' ? name.trim() : clientId;
}

/** A registration as the engine judged it. */
export interface Registered {
  readonly clientId: string;
  readonly payload: AdapterPayload;
  readonly metadata: StoredMetadata;
  readonly scopes: readonly string[] | undefined;
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

function secretHashOf({ secrets }: RegisteringDeps, { clientId, payload }: Registered): Buffer | undefined {
  const { client_secret: secret } = payload as { client_secret?: string };
  return secret === undefined ? undefined : secrets.hash(clientId, secret);
}

/**
 * RFC 7591 §3 without a token: the client is an instance of its software, and stands for nobody until a person lets it in. Scopes it
 * named do not bound it: what a person allows does, and MCP clients ask for more when a tool needs it.
 */
export async function registerOpenly(deps: RegisteringDeps, registered: Registered, stated: Stated | undefined): Promise<void> {
  const { clientId } = registered;
  const { scope: _named, ...metadata } = registered.metadata;
  const said = identityOf(metadata, clientId);
  const software = await deps.software.meet(stated === undefined ? said : statedIdentity(stated, said.name));
  await deps.onMet?.({ clientId, key: software.key, software });
  await deps.limits.admit({ address: Provider.ctx?.ip ?? '', softwareKey: software.key });
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
export async function register(deps: RegisteringDeps, registered: Registered, enrolment: InitialAccessToken): Promise<void> {
  const { clientId, metadata, scopes } = registered;
  const { key: softwareKey } = identityOf(metadata, clientId);
  const isChild = enrolment.parent !== undefined;
  // what an agent enrols below itself stops with it, and its children may well have one name
  if (!isChild) {
    const software = await deps.software.findByKey(softwareKey);
    await deps.onMet?.({ clientId, key: softwareKey, software, ownerId: enrolment.owner.id });
  }
  await deps.limits.admit({ address: Provider.ctx?.ip ?? '', ownerId: enrolment.owner.id, softwareKey });
  const isIn = await deps.store.insertEnrolled({
    ...PLAIN,
    id: clientId,
    name: nameOf(metadata, clientId),
    kind: 'dynamic',
    metadata,
    scopes,
    bounds: enrolment.bounds,
    initialAccessTokenId: enrolment.id,
    ...(isChild ? {} : { softwareKey }),
    secretHash: secretHashOf(deps, registered),
  });
  if (!isIn) throw new errors.InvalidToken('the initial access token is used up');
  const { parent } = enrolment;
  const actor = parent === undefined ? ({ kind: 'client', id: clientId } as const) : ({ kind: 'agent', id: parent.agentId } as const);
  await deps.audit.record({ type: 'client.registered', actor, clientId, resource: enrolment.id });
  await deps.onRegistered({ clientId, metadata, initialAccessToken: enrolment });
}

/** RFC 7592 §2.2. A secret is made when the software now proves itself by one, and ends when it no longer does. */
export async function update(deps: RegisteringDeps, { clientId, payload, metadata, scopes }: Registered): Promise<void> {
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
  deps: RegisteringDeps,
  changed: { clientId: string; metadata: StoredMetadata; isWider: boolean; softwareId: string | undefined },
): Promise<void> {
  const { clientId, metadata, isWider, softwareId } = changed;
  const identity = identityOf(metadata, clientId);
  const known = softwareId === undefined ? undefined : await deps.software.find(softwareId);
  // a statement says who it is, whatever the update calls it
  const isOther = known?.proof !== 'statement' && known?.key !== identity.key;
  if (isOther) {
    const software = await deps.software.meet(identity);
    await deps.onMet?.({ clientId, key: software.key, software });
    await deps.store.moveTo(clientId, software.id);
  }
  if (isOther || isWider) await deps.onSelfChanged?.({ clientId, isOther });
}
