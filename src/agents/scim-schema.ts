import {
  bindAttribute,
  type BoundAttribute,
  columnsInJson,
  type ScimAttribute,
  scimAttribute,
  type ScimValueTable,
  textColumn,
} from '../scim/index.ts';
import { type AgentDraft, type LinkShown, ownerIn, referenceIn, type ShownAgent, textIn } from './scim-mapping.ts';

/** The core schema of the resource type (draft-abbey-scim-agent-extension, draft-wzdk-scim-agent-resource). */
export const agentUrn = 'urn:ietf:params:scim:schemas:core:2.0:Agent';

/** Who may change what decides who acts, and as whom (security rule R7). */
export const governed = 'Only provisioning clients with the governance right change it.';

export type AgentAttribute = BoundAttribute<ShownAgent, AgentDraft>;
type Binding = Parameters<typeof bindAttribute<ShownAgent, AgentDraft>>[1];
type Named = keyof AgentDraft;

export const readOnly = { mutability: 'readOnly' } as const;

/** A string attribute and where it is kept. */
export function described(
  name: string,
  { description, ...rest }: Partial<ScimAttribute> & { description: string },
  binding: Binding,
): AgentAttribute {
  return bindAttribute(scimAttribute(name, 'string', { description, maxLength: 2000, ...rest }), binding);
}

/** Any other attribute and where it is kept. */
export function bound(attribute: ScimAttribute, binding: Binding): AgentAttribute {
  return bindAttribute(attribute, binding);
}

/** Takes a text as it is into one member of the draft. */
export function takeText(member: Named): NonNullable<Binding['take']> {
  return (draft, value) => Object.assign(draft, { [member]: textIn(value) });
}

const names: readonly AgentAttribute[] = [
  described(
    'name',
    { description: 'Unique among agents; the id when none is chosen.', uniqueness: 'server', maxLength: 120 },
    { column: textColumn('agents.name'), show: ({ agent }) => agent.name, take: takeText('name') },
  ),
  described(
    'agentUserName',
    { description: 'The same as name.', uniqueness: 'server', maxLength: 120 },
    { column: textColumn('agents.name'), show: ({ agent }) => agent.name, take: takeText('alias') },
  ),
  described(
    'displayName',
    { description: 'What people read; the name when none is given.', maxLength: 120 },
    {
      column: { ...textColumn('agents.display_name'), isAlwaysSet: true },
      show: ({ agent }) => agent.displayName,
      take: takeText('displayName'),
    },
  ),
  described(
    'description',
    { description: 'What the agent says about itself.' },
    { column: textColumn('agents.description'), show: ({ agent }) => agent.description, take: takeText('description') },
  ),
  bound(scimAttribute('active', 'boolean', { description: `Whether its status is active. ${governed}` }), {
    column: { column: `(agents.status = 'active')`, type: 'boolean' },
    show: ({ agent }) => agent.status === 'active',
    take: (draft, value) => {
      draft.isActive = typeof value === 'boolean' ? value : undefined;
    },
  }),
];

const linkParts = (referenceTypes: readonly string[]) => [
  scimAttribute('value', 'string', { ...readOnly, caseExact: true }),
  scimAttribute('$ref', 'reference', { ...readOnly, referenceTypes }),
  scimAttribute('display', 'string', readOnly),
  scimAttribute('type', 'string', readOnly),
];
const showLinks = (links: readonly LinkShown[], place: string) =>
  links.map(({ id, name, type }) => ({ value: id, $ref: `${place}/${id}`, display: name, type }));
/** The applications of an agent, for filters. */
const applicationRows: ScimValueTable = {
  rows: `SELECT 1 FROM agentic_application_agents part JOIN agentic_applications application ON application.id = part.application_id
    WHERE part.agent_id = agents.id`,
  columns: {
    value: textColumn('part.application_id'),
    display: textColumn('coalesce(application.display_name, application.name)'),
    type: textColumn('part.type'),
  },
};

const relations: readonly AgentAttribute[] = [
  bound(
    scimAttribute('owners', 'complex', {
      description: `The person or group that answers for it: at most one. ${governed}`,
      multiValued: true,
      maxValues: 1,
      subAttributes: [
        scimAttribute('value', 'string', { required: true, caseExact: true, maxLength: 100, description: 'The id of a User or Group.' }),
        scimAttribute('$ref', 'reference', { ...readOnly, referenceTypes: ['User', 'Group'] }),
        scimAttribute('display', 'string', readOnly),
        scimAttribute('type', 'string', { ...readOnly, canonicalValues: ['User', 'Group'] }),
      ],
    }),
    {
      // Not a table: PostgreSQL pulls this up into a plain condition, which the index on the owner serves.
      column: {
        rows: 'SELECT 1 WHERE agents.owner_id IS NOT NULL',
        columns: {
          value: textColumn('agents.owner_id'),
          type: textColumn(`(CASE agents.owner_kind WHEN 'user' THEN 'User' ELSE 'Group' END)`),
        },
      },
      show: ({ agent: { owner }, ownerName, baseUrl }) => {
        if (owner === undefined) return undefined;
        const type = owner.kind === 'user' ? 'User' : 'Group';
        const display = ownerName === undefined ? {} : { display: ownerName };
        return [{ value: owner.id, $ref: `${baseUrl}/${type}s/${owner.id}`, type, ...display }];
      },
      take: (draft, value) => {
        draft.owner = ownerIn(value);
      },
    },
  ),
  bound(
    scimAttribute('parent', 'complex', {
      description: `The agent it stands below. ${governed}`,
      subAttributes: [
        scimAttribute('value', 'string', { caseExact: true, maxLength: 100 }),
        scimAttribute('$ref', 'reference', { ...readOnly, referenceTypes: ['Agent'] }),
        scimAttribute('display', 'string', readOnly),
      ],
    }),
    {
      column: textColumn('agents.parent_id'),
      columns: { value: textColumn('agents.parent_id') },
      show: ({ agent: { parentId }, parentName, baseUrl }) =>
        parentId && {
          value: parentId,
          $ref: `${baseUrl}/Agents/${parentId}`,
          ...(parentName === undefined ? {} : { display: parentName }),
        },
      take: (draft, value) => {
        draft.parentId = referenceIn(value);
      },
    },
  ),
  bound(
    scimAttribute('groups', 'complex', {
      ...readOnly,
      description: 'Groups it is a member of.',
      multiValued: true,
      subAttributes: linkParts(['Group']),
    }),
    {
      column: {
        rows: 'SELECT 1 FROM agent_groups membership WHERE membership.agent_id = agents.id',
        columns: { value: textColumn('membership.group_id') },
      },
      show: ({ groups, baseUrl }) => showLinks(groups, `${baseUrl}/Groups`),
    },
  ),
  bound(
    scimAttribute('applications', 'complex', {
      ...readOnly,
      description: 'Applications it belongs to: owned, authorized or guest.',
      multiValued: true,
      subAttributes: linkParts(['AgenticApplication']),
    }),
    {
      column: applicationRows,
      show: ({ applications, baseUrl }) => showLinks(applications, `${baseUrl}/AgenticApplications`),
    },
  ),
  described(
    'agenticApplicationId',
    { ...readOnly, caseExact: true, description: 'The first of its applications (draft-wahl-scim-agent-schema).' },
    {
      column: textColumn('(SELECT min(part.application_id) FROM agentic_application_agents part WHERE part.agent_id = agents.id)'),
      show: ({ applications: [first] }) => first?.id,
    },
  ),
  bound(
    scimAttribute('oAuthClientIdentifiers', 'complex', {
      ...readOnly,
      description: 'The OAuth clients it authenticates through (draft-wahl-scim-agent-schema).',
      multiValued: true,
      subAttributes: [
        scimAttribute('clientId', 'string', { ...readOnly, caseExact: true }),
        scimAttribute('issuer', 'string', { ...readOnly, caseExact: true }),
      ],
    }),
    {
      column: clientTable(),
      show: ({ clientIds, baseUrl }) => clientIds.map((clientId) => ({ clientId, issuer: baseUrl.slice(0, -'/scim/v2'.length) })),
    },
  ),
];

/** The clients of an agent, for filters. */
export function clientTable(): ScimValueTable {
  return { rows: 'SELECT 1 FROM agent_clients link WHERE link.agent_id = agents.id', columns: { clientId: textColumn('link.client_id') } };
}

/** An attribute that is kept as it came, for the provisioning system. */
function kept(attribute: ScimAttribute): AgentAttribute {
  const { name } = attribute;
  return bound(attribute, {
    ...columnsInJson(attribute, 'agents.provisioned'),
    show: ({ agent }) => agent.provisioned[name],
    take: ({ provisioned }, value) => {
      if (value !== undefined) provisioned[name] = value;
    },
  });
}

const valuesOf = (name: string, description: string, value = scimAttribute('value', 'string', { maxLength: 500 })): ScimAttribute =>
  scimAttribute(name, 'complex', {
    description,
    multiValued: true,
    maxValues: 100,
    subAttributes: [
      value,
      scimAttribute('display', 'string', { maxLength: 500 }),
      scimAttribute('type', 'string', { maxLength: 200 }),
      scimAttribute('primary', 'boolean'),
    ],
  });

const keptAttributes: readonly AgentAttribute[] = [
  kept(
    scimAttribute('agentType', 'string', {
      description: 'What kind of agent it is, in the words of whoever provisions it.',
      maxLength: 200,
    }),
  ),
  kept(
    scimAttribute('subject', 'string', {
      description: `What the provisioning system calls it in its own tokens; never the sub of ours. ${governed}`,
      caseExact: true,
      maxLength: 500,
    }),
  ),
  kept(valuesOf('entitlements', 'Kept for the provisioning system; this server gives nothing for it.')),
  kept(valuesOf('roles', 'Kept for the provisioning system; this server gives nothing for it.')),
  kept(valuesOf('x509Certificates', `One DER certificate each. ${governed}`, scimAttribute('value', 'binary', { maxLength: 16_000 }))),
  kept(
    scimAttribute('protocols', 'complex', {
      description: `What it speaks and where that is described. ${governed}`,
      multiValued: true,
      maxValues: 50,
      subAttributes: [
        scimAttribute('type', 'string', { maxLength: 200 }),
        scimAttribute('specificationUrl', 'reference', { maxLength: 2000, referenceTypes: ['external'] }),
      ],
    }),
  ),
];

/** Kept attributes that only the governance right changes (security rule R7). */
export const governedKept = ['subject', 'x509Certificates', 'protocols'] as const;

/** The attributes of the core schema. */
export const coreAttributes: readonly AgentAttribute[] = [...names, ...relations, ...keptAttributes];
