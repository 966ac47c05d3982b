import {
  bindAttribute,
  type BoundAttribute,
  type ScimAttribute,
  type ScimColumn,
  type ScimDefinition,
  type ScimValueTable,
  scimAttribute,
  textColumn,
  timeColumn,
} from '../../scim/index.ts';
import { textIn } from '../scim-mapping.ts';
import { governed, readOnly } from '../scim-schema.ts';
import { type Application, type ApplicationDetails, relations, urlTypes } from './application.ts';

/** The core schema of the resource type (draft-abbey-scim-agent-extension). */
export const applicationUrn = 'urn:ietf:params:scim:schemas:core:2.0:AgenticApplication';

/** An application, and where the addresses of resources begin. */
export interface ShownApplication {
  readonly application: Application;
  /** `<issuer>/scim/v2` */
  readonly baseUrl: string;
}

/** What a representation says. `name` is required, so it is there once the representation was checked. */
export type ApplicationDraft = { -readonly [Member in keyof ApplicationDetails]: ApplicationDetails[Member] };

type Attribute = BoundAttribute<ShownApplication, ApplicationDraft>;
type Listed = 'urls' | 'oAuthConfiguration' | 'externalIdentifiers';

/** A part of a text, kept in one member of the same name. */
function kept(name: 'name' | 'displayName' | 'description', rest: Partial<ScimAttribute>, column: ScimColumn): Attribute {
  return bindAttribute(scimAttribute(name, 'string', { maxLength: 120, ...rest }), {
    column,
    show: ({ application }) => application[name],
    take: (draft, value) => {
      draft[name] = textIn(value) ?? '';
      if (name !== 'name' && draft[name] === '') draft[name] = undefined;
    },
  });
}

/** The values of an attribute that are one JSON array, for filters; lists inside them cannot be asked about. */
function jsonValues({ subAttributes = [] }: ScimAttribute, array: string): ScimValueTable {
  const parts = subAttributes
    .filter(({ multiValued }) => !multiValued)
    .map(({ name, type }): [string, ScimColumn] => [
      name,
      type === 'boolean' ? { column: `((each.doc->>'${name}')::boolean)`, type } : textColumn(`(each.doc->>'${name}')`),
    ]);
  return { rows: `SELECT 1 FROM jsonb_array_elements(${array}) AS each(doc) WHERE true`, columns: Object.fromEntries(parts) };
}

/** Values that are kept as JSON, whole. */
function listed(attribute: ScimAttribute, member: Listed, column: string): Attribute {
  return bindAttribute(attribute, {
    column: jsonValues(attribute, column),
    show: ({ application }) => application[member],
    take: (draft, value) => Object.assign(draft, { [member]: value ?? [] }),
  });
}

const words = (name: string, rest: Partial<ScimAttribute> = {}) => scimAttribute(name, 'string', { maxLength: 500, ...rest });
const exactUri = (name: string, rest: Partial<ScimAttribute> = {}) =>
  scimAttribute(name, 'reference', { maxLength: 2000, referenceTypes: ['external'], ...rest });
const several = (name: string, description: string, rest: Partial<ScimAttribute>) =>
  scimAttribute(name, 'complex', { description, multiValued: true, maxValues: 50, ...rest });

const lists: readonly Attribute[] = [
  listed(
    several('applicationUrls', 'Its addresses, for people; this server follows none of them.', {
      subAttributes: [
        words('type', { canonicalValues: urlTypes }),
        scimAttribute('primary', 'boolean'),
        exactUri('value', { required: true }),
        words('description'),
      ],
    }),
    'urls',
    'agentic_applications.urls',
  ),
  listed(
    several('oAuthConfiguration', `How it is known to authorization servers; no client is registered from it. ${governed}`, {
      subAttributes: [
        words('clientId', { caseExact: true }),
        words('description'),
        exactUri('audienceUri'),
        exactUri('issuerUri'),
        exactUri('redirectUri', { multiValued: true, maxValues: 50, description: 'As registration takes them.' }),
      ],
    }),
    'oAuthConfiguration',
    'agentic_applications.oauth_configuration',
  ),
  listed(
    several('externalIdentifiers', 'What other systems call it.', {
      subAttributes: [
        words('type', { maxLength: 200 }),
        words('value', { required: true, caseExact: true }),
        words('system', { maxLength: 2000 }),
      ],
    }),
    'externalIdentifiers',
    'agentic_applications.external_identifiers',
  ),
];

const agentRows: ScimValueTable = {
  rows: `SELECT 1 FROM agentic_application_agents part JOIN agents ON agents.id = part.agent_id
    WHERE part.application_id = agentic_applications.id AND agents.removed_at IS NULL`,
  columns: { value: textColumn('part.agent_id'), type: textColumn('part.type'), display: textColumn('agents.display_name') },
};

interface WantedAgent {
  readonly value: string;
  readonly type?: (typeof relations)[number];
}

const agents: Attribute = bindAttribute(
  scimAttribute('agents', 'complex', {
    description: 'The agents that belong to it: its own unless their type says otherwise.',
    multiValued: true,
    maxValues: 200,
    subAttributes: [
      scimAttribute('value', 'string', { required: true, caseExact: true, maxLength: 100, description: 'The id of an Agent.' }),
      scimAttribute('$ref', 'reference', { ...readOnly, referenceTypes: ['Agent'] }),
      scimAttribute('display', 'string', readOnly),
      scimAttribute('type', 'string', { canonicalValues: relations }),
    ],
  }),
  {
    column: agentRows,
    show: ({ application, baseUrl }) =>
      application.agents.map(({ id, name, type }) => ({ value: id, $ref: `${baseUrl}/Agents/${id}`, display: name, type })),
    take: (draft, value) => {
      const wanted = (value ?? []) as readonly WantedAgent[];
      draft.agents = wanted.map(({ value: id, type = 'owned' }) => ({ id, type }));
    },
  },
);

/** When the last of its own agents was seen. */
export const LAST_ACCESSED = `(SELECT max(agents.last_seen_at) FROM agentic_application_agents part JOIN agents ON agents.id = part.agent_id
    WHERE part.application_id = agentic_applications.id AND part.type = 'owned' AND agents.removed_at IS NULL)`;

const attributes: readonly Attribute[] = [
  kept(
    'name',
    { description: 'Unique among applications.', required: true, uniqueness: 'server' },
    { ...textColumn('agentic_applications.name'), isAlwaysSet: true },
  ),
  kept('displayName', { description: 'What people read; the name when none is given.' }, textColumn('agentic_applications.display_name')),
  kept('description', { description: 'What it is.', maxLength: 2000 }, textColumn('agentic_applications.description')),
  bindAttribute(
    scimAttribute('active', 'boolean', { description: 'Whether it is in use, true unless said otherwise. It stops no agent.' }),
    {
      column: { column: 'agentic_applications.is_active', type: 'boolean', isAlwaysSet: true },
      show: ({ application }) => application.isActive,
      take: (draft, value) => {
        draft.isActive = value !== false;
      },
    },
  ),
  ...lists,
  agents,
  bindAttribute(scimAttribute('lastAccessed', 'dateTime', { ...readOnly, description: 'When the last of its own agents acted.' }), {
    column: timeColumn(LAST_ACCESSED),
    show: ({ application }) => application.lastAccessedAt?.toISOString(),
  }),
];

const DESCRIPTION = 'Software that agents belong to';

/** The resource type `AgenticApplication`, said once: schema, storage, output and input. */
export const applicationDefinition: ScimDefinition<ShownApplication, ApplicationDraft> = {
  name: 'AgenticApplication',
  description: DESCRIPTION,
  endpoint: '/AgenticApplications',
  schema: { urn: applicationUrn, name: 'Agentic application', description: DESCRIPTION, attributes },
  extensions: [],
  identity: ({ application }) => application,
  identityColumns: {
    id: { ...textColumn('agentic_applications.id'), isAlwaysSet: true },
    externalId: textColumn('agentic_applications.external_id'),
    'meta.created': { ...timeColumn('agentic_applications.created_at'), isAlwaysSet: true },
    'meta.lastModified': { ...timeColumn('agentic_applications.updated_at'), isAlwaysSet: true },
  },
  draft: (externalId) => ({
    name: '',
    displayName: undefined,
    description: undefined,
    isActive: true,
    urls: [],
    oAuthConfiguration: [],
    externalIdentifiers: [],
    agents: [],
    externalId,
  }),
};
