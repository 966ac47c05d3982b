import { type ScimAttribute, type ScimSchema, scimAttribute } from '../scim/index.ts';
import { autonomies, riskLevels } from './agent.ts';
import { agentStatuses } from './lifecycle.ts';

/** The core schema of the resource type (draft-abbey-scim-agent-extension, draft-wzdk-scim-agent-resource). */
export const agentUrn = 'urn:ietf:params:scim:schemas:core:2.0:Agent';

/** What this server adds to it. */
export const extensionUrn = 'urn:ietf:params:scim:schemas:extension:behalf:2.0:Agent';

const readOnly = { mutability: 'readOnly' } as const;
const governed = 'Only provisioning clients with the governance right change it.';

const described = (name: string, description: string, rest: Partial<ScimAttribute> = {}) =>
  scimAttribute(name, 'string', { description, maxLength: 2000, ...rest });

const valuesOf = (
  name: string,
  description: string,
  value: ScimAttribute = scimAttribute('value', 'string', { maxLength: 500 }),
): ScimAttribute =>
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

const linksTo = (name: string, description: string, referenceTypes: readonly string[]): ScimAttribute =>
  scimAttribute(name, 'complex', {
    description,
    ...readOnly,
    multiValued: true,
    subAttributes: [
      scimAttribute('value', 'string', { ...readOnly, caseExact: true }),
      scimAttribute('$ref', 'reference', { ...readOnly, referenceTypes }),
      scimAttribute('display', 'string', readOnly),
      scimAttribute('type', 'string', readOnly),
    ],
  });

const names: readonly ScimAttribute[] = [
  described('name', 'Unique among agents; the id when none is chosen.', { uniqueness: 'server', maxLength: 120 }),
  described('agentUserName', 'The same as name.', { uniqueness: 'server', maxLength: 120 }),
  described('displayName', 'What people read; the name when none is given.', { maxLength: 120 }),
  described('description', 'What the agent says about itself.'),
  described('agentType', 'What kind of agent it is, in the words of whoever provisions it.', { maxLength: 200 }),
  scimAttribute('active', 'boolean', { description: `Whether its status is active. ${governed}` }),
];

const relations: readonly ScimAttribute[] = [
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
  scimAttribute('parent', 'complex', {
    description: `The agent it stands below. ${governed}`,
    subAttributes: [
      scimAttribute('value', 'string', { caseExact: true, maxLength: 100 }),
      scimAttribute('$ref', 'reference', { ...readOnly, referenceTypes: ['Agent'] }),
      scimAttribute('display', 'string', readOnly),
    ],
  }),
  linksTo('groups', 'Groups it is a member of.', ['Group']),
  linksTo('applications', 'Applications it belongs to.', ['AgenticApplication']),
];

const kept: readonly ScimAttribute[] = [
  described('subject', `What the provisioning system calls it in its own tokens; never the sub of ours. ${governed}`, {
    caseExact: true,
    maxLength: 500,
  }),
  valuesOf('entitlements', 'Kept for the provisioning system; this server gives nothing for it.'),
  valuesOf('roles', 'Kept for the provisioning system; this server gives nothing for it.'),
  valuesOf('x509Certificates', `One DER certificate each. ${governed}`, scimAttribute('value', 'binary', { maxLength: 16_000 })),
  scimAttribute('protocols', 'complex', {
    description: `What it speaks and where that is described. ${governed}`,
    multiValued: true,
    maxValues: 50,
    subAttributes: [
      scimAttribute('type', 'string', { maxLength: 200 }),
      scimAttribute('specificationUrl', 'reference', { maxLength: 2000, referenceTypes: ['external'] }),
    ],
  }),
];

/** Attributes that are kept as they came, by name. */
export const keptAttributes = ['agentType', 'subject', 'entitlements', 'roles', 'x509Certificates', 'protocols'] as const;

/** Those of them that only the governance right changes (security rule R7). */
export const governedKept = ['subject', 'x509Certificates', 'protocols'] as const;

/** The core schema. */
export const agentSchema: ScimSchema = {
  urn: agentUrn,
  name: 'Agent',
  description: 'Software that acts on behalf of people or for itself',
  attributes: [...names, ...relations, ...kept],
};

/** Our extension (contract "SCIM"). */
export const agentExtension: ScimSchema & { readonly required: false } = {
  urn: extensionUrn,
  name: 'Behalf agent',
  description: 'Who answers for an agent, what it is for and how far it goes',
  required: false,
  attributes: [
    described('status', `Its place in the lifecycle. ${governed}`, { canonicalValues: agentStatuses }),
    described('purpose', 'What it is for, in one sentence.', { maxLength: 500 }),
    described('riskLevel', 'How much can go wrong.', { canonicalValues: riskLevels }),
    described('autonomy', 'Whether a person is there while it works.', { canonicalValues: autonomies }),
    described('dataClasses', 'Classes of data it touches.', { multiValued: true, maxValues: 50, maxLength: 80 }),
    described('environment', 'Where it runs.', { maxLength: 60 }),
    scimAttribute('model', 'complex', {
      description: 'Which model it runs.',
      subAttributes: [
        described('provider', 'Who makes it.', { maxLength: 120 }),
        described('name', 'Its name.', { maxLength: 120 }),
        described('version', 'Its version.', { maxLength: 120 }),
      ],
    }),
    described('manifestDigest', 'The digest of what it is made of.', { caseExact: true, maxLength: 200 }),
    scimAttribute('validUntil', 'dateTime', { description: 'It gets no token after this.' }),
    scimAttribute('maxDelegationDepth', 'integer', { description: 'How many agents may stand behind it in a chain, 0 to 4.' }),
    scimAttribute('clients', 'complex', {
      ...readOnly,
      description: 'The OAuth clients it authenticates through.',
      multiValued: true,
      subAttributes: [scimAttribute('clientId', 'string', { ...readOnly, caseExact: true })],
    }),
    scimAttribute('lastSeenAt', 'dateTime', { ...readOnly, description: 'When it last acted, to the minute.' }),
  ],
};
