import { type ScimDefinition, type ScimInput, scimRefusal, wantedOf } from '../scim/index.ts';
import { type Agent, type AgentChanges, type AgentDetails, type AgentModel, type AgentOwner, ownerOf } from './agent.ts';
import type { AgentStatus } from './lifecycle.ts';

/** An agent with what its representation names beside it. */
export interface ShownAgent {
  readonly agent: Agent;
  readonly clientIds: readonly string[];
  readonly ownerName: string | undefined;
  readonly parentName: string | undefined;
  readonly groups: readonly LinkShown[];
  readonly applications: readonly LinkShown[];
  /** `<issuer>/scim/v2` */
  readonly baseUrl: string;
}

/** Another resource that a representation refers to. */
export interface LinkShown {
  readonly id: string;
  readonly name: string;
  /** How the two belong together. */
  readonly type: string;
}

/** What a representation says, before what it says twice is brought together. */
export type AgentDraft = { -readonly [Member in Exclude<keyof AgentDetails, 'displayName' | 'provisioned'>]?: AgentDetails[Member] } & {
  displayName?: string | undefined;
  /** `agentUserName`, which is the same as `name`. */
  alias?: string | undefined;
  status?: AgentStatus | undefined;
  isActive?: boolean | undefined;
  /** Of a new agent only. */
  ttlMinutes?: number | undefined;
  /** Who owns it, as somebody wrote it who does not know our ids: an id or an e-mail address. */
  ownerReference?: string | undefined;
  provisioned: Record<string, unknown>;
};

/** What a client wants an agent to be: everything but the status, and the status if it is said. */
export interface WantedAgent {
  readonly changes: AgentChanges & { readonly displayName: string };
  readonly status: AgentStatus | undefined;
  /** How long a new agent is to live. */
  readonly ttlMinutes: number | undefined;
  /** Stands for `changes.owner` once somebody looked it up. */
  readonly ownerReference: string | undefined;
}

const asObject = (value: unknown): ScimInput =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as ScimInput) : {};

/** An empty text is no text: identity systems clear attributes that way. */
export function textIn(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A dateTime; without an offset it is UTC. */
export function timeIn(value: unknown): Date | undefined {
  const text = textIn(value);
  if (text === undefined) return undefined;
  return new Date(/(?:Z|[+-]\d\d:\d\d)$/.test(text) ? text : `${text}Z`);
}

/** The `value` of a complex value. */
export function referenceIn(value: unknown): string | undefined {
  return textIn(asObject(value)['value']);
}

/** The model of an agent. */
export function modelIn(value: unknown): AgentModel | undefined {
  if (value === undefined) return undefined;
  const given = asObject(value);
  return { provider: textIn(given['provider']), name: textIn(given['name']), version: textIn(given['version']) };
}

/** The first value of `owners`. @throws {AppError} 400 `invalidValue` when it is the id of neither a User nor a Group. */
export function ownerIn(value: unknown): AgentOwner | undefined {
  const [first] = Array.isArray(value) ? value : [];
  const id = referenceIn(first);
  if (id === undefined) return undefined;
  const owner = ownerOf(id);
  if (owner === undefined) throw scimRefusal('invalidValue', 'owners.value is the id of a User or Group.', 'owners.value');
  return owner;
}

/** `name` and `agentUserName` are one attribute: the one that differs from what is stored is meant. */
function nameIn({ name, alias }: AgentDraft, current: Agent | undefined): string | undefined {
  if (name === undefined || alias === undefined || name === alias) return name ?? alias;
  if (name === current?.name) return alias;
  if (alias === current?.name) return name;
  throw scimRefusal('invalidValue', 'name and agentUserName are the same attribute: give one of them.', 'agentUserName');
}

/** `active` and `status` are one fact: the one that differs from what is stored is meant. */
function statusIn({ status, isActive }: AgentDraft, current: Agent | undefined): AgentStatus | undefined {
  const before = current?.status ?? 'proposed';
  const isStatusMeant = status !== undefined && status !== before;
  const isActiveMeant = isActive !== undefined && isActive !== (before === 'active');
  if (isStatusMeant && isActiveMeant && isActive !== (status === 'active')) {
    throw scimRefusal('invalidValue', `active says the opposite of status ${status}.`, 'active');
  }
  if (isStatusMeant) return status;
  if (!isActiveMeant) return undefined;
  return isActive ? 'active' : 'suspended';
}

/**
 * A representation in the words of the registry. What is absent is cleared; the display name falls back to the name and the other
 * way round stays with the server. 400 `invalidValue` when it names nothing, or names one thing twice in different ways.
 */
export function wantedBy(definition: ScimDefinition<ShownAgent, AgentDraft>, input: ScimInput, current?: Agent): WantedAgent {
  const draft = wantedOf(definition, input);
  const { alias: _alias, status: _status, isActive: _isActive, ownerReference, ttlMinutes, ...details } = draft;
  if (current !== undefined && ttlMinutes !== current.ttlMinutes) {
    throw scimRefusal('mutability', 'ttlMinutes is said when an agent is made, and never changed.', 'ttlMinutes');
  }
  const name = nameIn(draft, current);
  const displayName = draft.displayName ?? name;
  if (displayName === undefined) throw scimRefusal('invalidValue', 'An agent needs a name or a displayName.', 'displayName');
  const { name: _name, ...rest } = details;
  const named = name ?? current?.id;
  // what was made for a time has its end from that
  const ends = rest.validUntil === undefined && current?.ttlMinutes !== undefined ? { validUntil: current.validUntil } : {};
  const changes = { ...rest, ...ends, displayName, ...(named === undefined ? {} : { name: named }) };
  return { changes, status: statusIn(draft, current), ownerReference, ttlMinutes };
}
