import { type BoundSchema, type ScimAttribute, type ScimDefinition, scimAttribute, textColumn, timeColumn } from '../scim/index.ts';
import { autonomies, riskLevels } from './agent.ts';
import { agentStatuses } from './lifecycle.ts';
import { type AgentDraft, modelIn, type ShownAgent, textIn, timeIn } from './scim-mapping.ts';
import { agentUrn, bound, clientTable, coreAttributes, described, governed, readOnly, takeText } from './scim-schema.ts';

/** What this server adds to the core schema (contract "SCIM"). */
export const extensionUrn = 'urn:ietf:params:scim:schemas:extension:behalf:2.0:Agent';

/** What WSO2 Identity Server's clients send. */
export const wso2Urn = 'urn:scim:wso2:agent:schema';

type Extension = BoundSchema<ShownAgent, AgentDraft> & { readonly required: false };

const oneOf = <Value extends string>(values: readonly Value[], value: unknown): Value | undefined => values.find((one) => one === value);

type CountName = 'ttlMinutes' | 'maxDelegationDepth' | 'maxChildren' | 'maxChildDepth';

/** A number of an agent; its bounds are the registry's. */
const count = (name: CountName, column: string, description: string, rest: Partial<ScimAttribute> = {}) =>
  bound(scimAttribute(name, 'integer', { description, ...rest }), {
    column: { column: `agents.${column}`, type: 'number' },
    show: ({ agent }) => agent[name],
    take: (draft, value) => {
      draft[name] = typeof value === 'number' ? value : undefined;
    },
  });

const behalf: Extension = {
  urn: extensionUrn,
  name: 'Behalf agent',
  description: 'Who answers for an agent, what it is for and how far it goes',
  required: false,
  attributes: [
    described(
      'status',
      { description: `Its place in the lifecycle. ${governed}`, canonicalValues: agentStatuses },
      {
        column: { ...textColumn('agents.status'), isAlwaysSet: true },
        show: ({ agent }) => agent.status,
        take: (draft, value) => {
          draft.status = oneOf(agentStatuses, value);
        },
      },
    ),
    described(
      'statusReason',
      { ...readOnly, description: 'Why it is in this state.' },
      { column: textColumn('agents.status_reason'), show: ({ agent }) => agent.statusReason },
    ),
    described(
      'purpose',
      { description: 'What it is for, in one sentence.', maxLength: 500 },
      {
        // Nobody has to say what it is for; stored as an empty text.
        column: textColumn(`nullif(agents.purpose, '')`),
        show: ({ agent }) => agent.purpose || undefined,
        take: (draft, value) => {
          draft.purpose = textIn(value) ?? '';
        },
      },
    ),
    described(
      'riskLevel',
      { description: 'How much can go wrong.', canonicalValues: riskLevels },
      {
        column: { ...textColumn('agents.risk_level'), isAlwaysSet: true },
        show: ({ agent }) => agent.riskLevel,
        take: (draft, value) => {
          draft.riskLevel = oneOf(riskLevels, value) ?? 'medium';
        },
      },
    ),
    described(
      'autonomy',
      { description: 'Whether a person is there while it works.', canonicalValues: autonomies },
      {
        column: { ...textColumn('agents.autonomy'), isAlwaysSet: true },
        show: ({ agent }) => agent.autonomy,
        take: (draft, value) => {
          draft.autonomy = oneOf(autonomies, value) ?? 'interactive';
        },
      },
    ),
    described(
      'dataClasses',
      { description: 'Classes of data it touches.', multiValued: true, maxValues: 50, maxLength: 80 },
      {
        column: {
          rows: 'SELECT 1 FROM unnest(agents.data_classes) AS each(value) WHERE true',
          columns: { value: textColumn('each.value') },
        },
        show: ({ agent }) => agent.dataClasses,
        take: (draft, value) => {
          draft.dataClasses = Array.isArray(value) ? value.map(String) : [];
        },
      },
    ),
    described(
      'environment',
      { description: 'Where it runs.', maxLength: 60 },
      { column: textColumn('agents.environment'), show: ({ agent }) => agent.environment, take: takeText('environment') },
    ),
    bound(
      scimAttribute('model', 'complex', {
        description: 'Which model it runs.',
        subAttributes: ['provider', 'name', 'version'].map((name) => scimAttribute(name, 'string', { maxLength: 120 })),
      }),
      {
        column: textColumn('agents.model::text'),
        columns: {
          provider: textColumn(`(agents.model->>'provider')`),
          name: textColumn(`(agents.model->>'name')`),
          version: textColumn(`(agents.model->>'version')`),
        },
        show: ({ agent }) => agent.model,
        take: (draft, value) => {
          draft.model = modelIn(value);
        },
      },
    ),
    described(
      'manifestDigest',
      { description: 'The digest of what it is made of.', caseExact: true, maxLength: 200 },
      { column: textColumn('agents.manifest_digest'), show: ({ agent }) => agent.manifestDigest, take: takeText('manifestDigest') },
    ),
    bound(scimAttribute('validUntil', 'dateTime', { description: 'It gets no token after this.' }), {
      column: timeColumn('agents.valid_until'),
      show: ({ agent }) => agent.validUntil?.toISOString(),
      take: (draft, value) => {
        draft.validUntil = timeIn(value);
      },
    }),
    count('ttlMinutes', 'ttl_minutes', 'How many minutes a new agent lives, 1 to 43200; at its end it is deleted with its clients.', {
      mutability: 'immutable',
    }),
    count('maxDelegationDepth', 'max_delegation_depth', 'How many agents may stand behind it in a chain, 0 to 7.'),
    count('maxChildren', 'max_children', `How many agents it may enrol below itself, 0 to 1000. ${governed}`),
    count('maxChildDepth', 'max_child_depth', `How many generations may stand below it, 0 to 4. ${governed}`),
    described(
      'source',
      { ...readOnly, caseExact: true, description: 'Where the record came from; externalId is unique within it.' },
      { column: { ...textColumn('agents.source'), isAlwaysSet: true }, show: ({ agent }) => agent.source },
    ),
    bound(
      scimAttribute('clients', 'complex', {
        ...readOnly,
        description: 'The OAuth clients it authenticates through.',
        multiValued: true,
        subAttributes: [scimAttribute('clientId', 'string', { ...readOnly, caseExact: true })],
      }),
      { column: clientTable(), show: ({ clientIds }) => clientIds.map((clientId) => ({ clientId })) },
    ),
    bound(
      scimAttribute('actsUnderReview', 'boolean', {
        ...readOnly,
        description: 'Under review because something else runs than was agreed, and acting meanwhile by a setting of this server.',
      }),
      {
        // Shown when it is so, and found when it is shown.
        column: { column: 'nullif(agents.acts_under_review, false)', type: 'boolean' },
        show: ({ agent }) => agent.actsUnderReview || undefined,
      },
    ),
    bound(scimAttribute('lastConfirmedAt', 'dateTime', { ...readOnly, description: 'When somebody last confirmed that it is needed.' }), {
      column: timeColumn('agents.last_confirmed_at'),
      show: ({ agent }) => agent.lastConfirmedAt?.toISOString(),
    }),
    described(
      'lastConfirmedBy',
      { ...readOnly, caseExact: true, description: 'Who did: the id of a User.' },
      { column: textColumn('agents.last_confirmed_by'), show: ({ agent }) => agent.lastConfirmedBy },
    ),
    bound(scimAttribute('lastSeenAt', 'dateTime', { ...readOnly, description: 'When it last acted, to the minute.' }), {
      column: timeColumn('agents.last_seen_at'),
      show: ({ agent }) => agent.lastSeenAt?.toISOString(),
    }),
  ],
};

const sentOnly = { mutability: 'writeOnly', returned: 'never' } as const;
const wso2Text = (name: string, description: string, take: (draft: AgentDraft, value: string | undefined) => void) =>
  described(name, { ...sentOnly, description }, { take: (draft, value) => take(draft, textIn(value)) });

/** The same facts under WSO2's names, some of which it writes with and without `agent` in front. Taken, never shown. */
const wso2: Extension = {
  urn: wso2Urn,
  name: 'WSO2 agent',
  description: 'Taken from clients of WSO2 Identity Server, whose names for these attributes differ',
  required: false,
  attributes: ['', 'agent']
    .flatMap((prefix) => [
      wso2Text(`${prefix}DisplayName`, 'displayName', (draft, value) => {
        draft.displayName = value;
      }),
      wso2Text(`${prefix}Description`, 'description', (draft, value) => {
        draft.description = value;
      }),
      wso2Text(`${prefix}Owner`, 'The id or the e-mail address of the person in owners.', (draft, value) => {
        draft.ownerReference = value;
      }),
      wso2Text(`${prefix}LanguageModel`, 'model.name', (draft, value) => {
        draft.model = value === undefined ? undefined : { name: value };
      }),
    ])
    .concat([
      wso2Text('agentUrl', 'The specificationUrl of a protocol.', ({ provisioned }, value) => {
        if (value !== undefined) provisioned['protocols'] = [{ type: 'HTTP', specificationUrl: value }];
      }),
      bound(scimAttribute('IsUserServingAgent', 'boolean', { ...sentOnly, description: 'autonomy: interactive or background' }), {
        take: (draft, value) => {
          draft.autonomy = value === true ? 'interactive' : 'background';
        },
      }),
    ]),
};

/** The resource type `Agent`, said once: schemas, storage, output and input. */
export const agentDefinition: ScimDefinition<ShownAgent, AgentDraft> = {
  name: 'Agent',
  description: 'Software that acts on behalf of people or for itself',
  endpoint: '/Agents',
  schema: { urn: agentUrn, name: 'Agent', description: 'Software that acts on behalf of people or for itself', attributes: coreAttributes },
  extensions: [behalf, wso2],
  impliedBy: [wso2Urn],
  identity: ({ agent }) => agent,
  identityColumns: {
    id: { ...textColumn('agents.id'), isAlwaysSet: true },
    externalId: textColumn('agents.external_id'),
    'meta.created': { ...timeColumn('agents.created_at'), isAlwaysSet: true },
    'meta.lastModified': { ...timeColumn('agents.updated_at'), isAlwaysSet: true },
  },
  draft: (externalId) => ({ externalId, provisioned: {} }),
};
