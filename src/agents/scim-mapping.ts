import { type ScimInput, type ScimResource, scimRefusal, weakEtag } from '../scim/index.ts';
import { type Agent, type AgentChanges, type AgentModel, type AgentOwner, autonomies, ownerOf, riskLevels } from './agent.ts';
import { type AgentStatus, agentStatuses } from './lifecycle.ts';
import { extensionUrn, keptAttributes } from './scim-schema.ts';
import type { AgentWithClients } from './search/store.ts';

/** What a client wants an agent to be: everything but the status, and the status if it is said. */
export interface WantedAgent {
  readonly changes: AgentChanges & { readonly displayName: string };
  readonly status: AgentStatus | undefined;
}

const asObject = (value: unknown): ScimInput =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as ScimInput) : {};

/** An empty text is no text: identity systems clear attributes that way. */
function textIn(values: ScimInput, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function timeIn(values: ScimInput, name: string): Date | undefined {
  const text = textIn(values, name);
  if (text === undefined) return undefined;
  return new Date(/(?:Z|[+-]\d\d:\d\d)$/.test(text) ? text : `${text}Z`);
}

function modelIn(values: ScimInput): AgentModel | undefined {
  if (values['model'] === undefined) return undefined;
  const given = asObject(values['model']);
  return { provider: textIn(given, 'provider'), name: textIn(given, 'name'), version: textIn(given, 'version') };
}

function ownerIn(input: ScimInput): AgentOwner | undefined {
  const [first] = Array.isArray(input['owners']) ? input['owners'] : [];
  const value = textIn(asObject(first), 'value');
  if (value === undefined) return undefined;
  const owner = ownerOf(value);
  if (owner === undefined) throw scimRefusal('invalidValue', 'owners.value is the id of a User or Group.', 'owners.value');
  return owner;
}

/** `name` and `agentUserName` are one attribute: the one that differs from what is stored is meant. */
function nameIn(input: ScimInput, current: Agent | undefined): string | undefined {
  const [name, alias] = [textIn(input, 'name'), textIn(input, 'agentUserName')];
  if (name === undefined || alias === undefined || name === alias) return name ?? alias;
  if (name === current?.name) return alias;
  if (alias === current?.name) return name;
  throw scimRefusal('invalidValue', 'name and agentUserName are the same attribute: give one of them.', 'agentUserName');
}

/** `active` and `status` are one fact: the one that differs from what is stored is meant. */
function statusIn(input: ScimInput, current: Agent | undefined): AgentStatus | undefined {
  const before = current?.status ?? 'proposed';
  const status = agentStatuses.find((one) => one === asObject(input[extensionUrn])['status']);
  const active = input['active'];
  const isStatusMeant = status !== undefined && status !== before;
  const isActiveMeant = typeof active === 'boolean' && active !== (before === 'active');
  if (isStatusMeant && isActiveMeant && active !== (status === 'active')) {
    throw scimRefusal('invalidValue', `active says the opposite of status ${status}.`, 'active');
  }
  if (isStatusMeant) return status;
  if (!isActiveMeant) return undefined;
  return active ? 'active' : 'suspended';
}

/**
 * A representation in the words of the registry. What is absent is cleared; the display name falls back to the name and the other
 * way round stays with the server. 400 `invalidValue` when it names nothing, or names one thing twice in different ways.
 */
export function wantedBy(input: ScimInput, current?: Agent): WantedAgent {
  const extension = asObject(input[extensionUrn]);
  const name = nameIn(input, current);
  const displayName = textIn(input, 'displayName') ?? name;
  if (displayName === undefined) throw scimRefusal('invalidValue', 'An agent needs a name or a displayName.', 'displayName');
  const kept = keptAttributes.filter((each) => input[each] !== undefined).map((each) => [each, input[each]] as const);
  const changes = {
    displayName,
    ...(name === undefined ? (current === undefined ? {} : { name: current.id }) : { name }),
    description: textIn(input, 'description'),
    externalId: textIn(input, 'externalId'),
    owner: ownerIn(input),
    parentId: textIn(asObject(input['parent']), 'value'),
    purpose: textIn(extension, 'purpose') ?? '',
    riskLevel: riskLevels.find((one) => one === extension['riskLevel']) ?? 'medium',
    autonomy: autonomies.find((one) => one === extension['autonomy']) ?? 'interactive',
    dataClasses: Array.isArray(extension['dataClasses']) ? extension['dataClasses'].map(String) : [],
    environment: textIn(extension, 'environment'),
    model: modelIn(extension),
    manifestDigest: textIn(extension, 'manifestDigest'),
    validUntil: timeIn(extension, 'validUntil'),
    maxDelegationDepth: typeof extension['maxDelegationDepth'] === 'number' ? extension['maxDelegationDepth'] : undefined,
    provisioned: Object.fromEntries(kept),
  } as const;
  return { changes, status: statusIn(input, current) };
}

/** Names that a resource shows beside ids. */
export interface ShownNames {
  readonly owner: string | undefined;
  readonly parent: string | undefined;
  /** `<issuer>/scim/v2` */
  readonly baseUrl: string;
}

function relationsOf({ owner, parentId }: Agent, names: ShownNames) {
  const ownerName = names.owner === undefined ? {} : { display: names.owner };
  const parentName = names.parent === undefined ? {} : { display: names.parent };
  return {
    ...(owner === undefined ? {} : { owners: [{ value: owner.id, type: owner.kind === 'user' ? 'User' : 'Group', ...ownerName }] }),
    ...(parentId === undefined ? {} : { parent: { value: parentId, $ref: `${names.baseUrl}/Agents/${parentId}`, ...parentName } }),
  };
}

const defined = (values: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

/** An agent as a SCIM resource. */
export function toResource({ agent, clientIds }: AgentWithClients, names: ShownNames): ScimResource {
  const { status, purpose, riskLevel, autonomy, dataClasses, environment, model, manifestDigest, maxDelegationDepth } = agent;
  const times = { validUntil: agent.validUntil?.toISOString(), lastSeenAt: agent.lastSeenAt?.toISOString() };
  const lists = {
    dataClasses: dataClasses.length > 0 ? dataClasses : undefined,
    clients: clientIds.length > 0 ? clientIds.map((clientId) => ({ clientId })) : undefined,
  };
  const described = {
    status,
    purpose: purpose === '' ? undefined : purpose,
    riskLevel,
    autonomy,
    environment,
    model,
    manifestDigest,
    maxDelegationDepth,
  };
  return {
    id: agent.id,
    ...defined({ externalId: agent.externalId, description: agent.description }),
    name: agent.name,
    agentUserName: agent.name,
    displayName: agent.displayName,
    active: status === 'active',
    ...relationsOf(agent, names),
    ...agent.provisioned,
    [extensionUrn]: defined({ ...described, ...times, ...lists }),
    meta: { created: agent.createdAt.toISOString(), lastModified: agent.updatedAt.toISOString(), version: weakEtag(agent.version) },
  };
}
