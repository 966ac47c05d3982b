import {
  bindAttribute,
  type BoundAttribute,
  type BoundSchema,
  columnsInJson,
  type ScimAttribute,
  type ScimDefinition,
  scimAttribute,
  textColumn,
  timeColumn,
} from '../../scim/index.ts';
import { ROLES } from '../account.ts';
import { emailsOf, type ShownUser, type UserDraft } from './user.ts';

const userUrn = 'urn:ietf:params:scim:schemas:core:2.0:User';
const enterpriseUrn = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

/** What this server adds to a person. */
export const userExtensionUrn = 'urn:ietf:params:scim:schemas:extension:behalf:2.0:User';

type UserAttribute = BoundAttribute<ShownUser, UserDraft>;
const bind = bindAttribute<ShownUser, UserDraft>;
const readOnly = { mutability: 'readOnly' } as const;
const string = (name: string, description: string, rest: Partial<ScimAttribute> = {}) =>
  scimAttribute(name, 'string', { description, maxLength: 500, ...rest });
const textIn = (value: unknown): string | undefined => (typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined);

/** An attribute that is kept as it came. */
function kept(attribute: ScimAttribute, part?: 'enterprise'): UserAttribute {
  const document = part === undefined ? 'accounts.profile' : `(accounts.profile->'${part}')`;
  const { name } = attribute;
  return bind(attribute, {
    ...columnsInJson(attribute, document),
    show: ({ profile }) => (part === undefined ? profile : ((profile[part] ?? {}) as Record<string, unknown>))[name],
    take: (draft, value) => {
      if (value !== undefined) draft[part ?? 'profile'][name] = value;
    },
  });
}

const valuesOf = (name: string, description: string, value = scimAttribute('value', 'string', { maxLength: 500 })): ScimAttribute =>
  scimAttribute(name, 'complex', {
    description,
    multiValued: true,
    maxValues: 50,
    subAttributes: [
      value,
      scimAttribute('display', 'string', { maxLength: 500 }),
      scimAttribute('type', 'string', { maxLength: 100 }),
      scimAttribute('primary', 'boolean'),
    ],
  });

const emails = valuesOf(
  'emails',
  'Their addresses; they sign in with the primary one.',
  scimAttribute('value', 'string', { maxLength: 254, required: true }),
);
const nameParts = ['formatted', 'familyName', 'givenName', 'middleName', 'honorificPrefix', 'honorificSuffix'];
const addressParts = ['formatted', 'streetAddress', 'locality', 'region', 'postalCode', 'country', 'type'];
const partsOf = (names: readonly string[]) => names.map((name) => scimAttribute(name, 'string', { maxLength: 1000 }));

const attributes: readonly UserAttribute[] = [
  bind(
    string('userName', 'What their identity system calls them, unique here.', { required: true, uniqueness: 'server', maxLength: 254 }),
    {
      column: { ...textColumn('COALESCE(accounts.user_name, accounts.email)'), isAlwaysSet: true },
      show: ({ userName, account }) => userName ?? account.email,
      take: (draft, value) => {
        draft.userName = textIn(value);
      },
    },
  ),
  kept(scimAttribute('name', 'complex', { description: 'The parts of their name.', subAttributes: partsOf(nameParts) })),
  bind(string('displayName', 'What others read; made of their name when it is not given.', { maxLength: 120 }), {
    column: { ...textColumn('accounts.name'), isAlwaysSet: true },
    show: ({ account }) => account.name,
    take: (draft, value) => {
      draft.displayName = textIn(value);
    },
  }),
  kept(string('nickName', 'What friends call them.')),
  kept(scimAttribute('profileUrl', 'reference', { description: 'A page about them.', maxLength: 2000, referenceTypes: ['external'] })),
  kept(string('title', 'What they do.')),
  kept(string('userType', 'What they are to the organisation.')),
  kept(string('preferredLanguage', 'The language they read.')),
  kept(string('locale', 'How they write numbers and dates.')),
  kept(string('timezone', 'Where their clock is.')),
  bind(scimAttribute('active', 'boolean', { description: 'Whether they may sign in. What they own moves on when they may not.' }), {
    column: { column: `(accounts.status = 'active')`, type: 'boolean' },
    show: ({ account }) => account.status === 'active',
    take: (draft, value) => {
      draft.isActive = typeof value === 'boolean' ? value : undefined;
    },
  }),
  bind(emails, {
    column: {
      rows: `SELECT 1 FROM jsonb_array_elements(COALESCE(accounts.profile->'emails', jsonb_build_array(
        jsonb_build_object('value', accounts.email, 'type', 'work', 'primary', true)))) AS each(doc) WHERE true`,
      columns: {
        value: textColumn(`(each.doc->>'value')`),
        display: textColumn(`(each.doc->>'display')`),
        type: textColumn(`(each.doc->>'type')`),
        primary: { column: `((each.doc->>'primary')::boolean)`, type: 'boolean' },
      },
    },
    show: emailsOf,
    take: (draft, value) => {
      if (value !== undefined) draft.profile['emails'] = value;
    },
  }),
  kept(valuesOf('phoneNumbers', 'Their telephones.')),
  kept(valuesOf('ims', 'Where they chat.')),
  kept(valuesOf('photos', 'Pictures of them.', scimAttribute('value', 'reference', { maxLength: 2000, referenceTypes: ['external'] }))),
  kept(
    scimAttribute('addresses', 'complex', {
      description: 'Where they are.',
      multiValued: true,
      maxValues: 20,
      subAttributes: [...partsOf(addressParts), scimAttribute('primary', 'boolean')],
    }),
  ),
  kept(valuesOf('entitlements', 'Kept for the identity system; this server gives nothing for it.')),
  kept(valuesOf('x509Certificates', 'Kept for the identity system.', scimAttribute('value', 'binary', { maxLength: 16_000 }))),
  bind(
    scimAttribute('groups', 'complex', {
      ...readOnly,
      description: 'Groups they are a member of.',
      multiValued: true,
      subAttributes: [
        scimAttribute('value', 'string', { ...readOnly, caseExact: true }),
        scimAttribute('$ref', 'reference', { ...readOnly, referenceTypes: ['Group'] }),
        scimAttribute('display', 'string', readOnly),
        scimAttribute('type', 'string', { ...readOnly, canonicalValues: ['direct', 'indirect'] }),
      ],
    }),
    {
      column: {
        rows: 'SELECT 1 FROM group_members member WHERE member.account_id = accounts.id',
        columns: { value: textColumn('member.group_id') },
      },
      show: ({ groups, baseUrl }) =>
        groups.map(({ id, name }) => ({ value: id, $ref: `${baseUrl}/Groups/${id}`, display: name, type: 'direct' })),
    },
  ),
  bind(
    scimAttribute('roles', 'complex', {
      ...readOnly,
      description: 'What they may do in the console. An administrator decides it there.',
      multiValued: true,
      subAttributes: [scimAttribute('value', 'string', { ...readOnly, caseExact: true, canonicalValues: ROLES })],
    }),
    {
      column: { rows: 'SELECT 1 WHERE accounts.role IS NOT NULL', columns: { value: textColumn('accounts.role') } },
      show: ({ account }) => [{ value: account.role }],
    },
  ),
];

const enterprise: BoundSchema<ShownUser, UserDraft> & { readonly required: false } = {
  urn: enterpriseUrn,
  name: 'Enterprise user',
  description: 'Where a person stands in their organisation (RFC 7643 §4.3)',
  required: false,
  attributes: [
    ...['employeeNumber', 'costCenter', 'organization', 'division', 'department'].map((name) =>
      kept(string(name, 'Kept for the identity system.'), 'enterprise'),
    ),
    kept(
      scimAttribute('manager', 'complex', {
        description: 'Who they report to, in the words of the identity system.',
        subAttributes: [
          scimAttribute('value', 'string', { caseExact: true, maxLength: 500 }),
          scimAttribute('$ref', 'reference', { maxLength: 2000, referenceTypes: ['User'] }),
          scimAttribute('displayName', 'string', { maxLength: 500 }),
        ],
      }),
      'enterprise',
    ),
  ],
};

const behalf: BoundSchema<ShownUser, UserDraft> & { readonly required: false } = {
  urn: userExtensionUrn,
  name: 'Behalf user',
  description: 'What this server keeps about a person',
  required: false,
  attributes: [
    bind(
      scimAttribute('successor', 'complex', {
        description: 'Who takes over what they answer for when they leave. Only provisioning clients with the governance right change it.',
        subAttributes: [
          scimAttribute('value', 'string', { caseExact: true, maxLength: 100 }),
          scimAttribute('$ref', 'reference', { ...readOnly, referenceTypes: ['User'] }),
          scimAttribute('display', 'string', readOnly),
        ],
      }),
      {
        columns: { value: textColumn('accounts.successor_id') },
        column: textColumn('accounts.successor_id'),
        show: ({ account: { successorId }, successorName, baseUrl }) =>
          successorId && {
            value: successorId,
            $ref: `${baseUrl}/Users/${successorId}`,
            ...(successorName === undefined ? {} : { display: successorName }),
          },
        take: (draft, value) => {
          draft.successorId = textIn((value as { value?: unknown } | undefined)?.value);
        },
      },
    ),
    bind(scimAttribute('lastSeenAt', 'dateTime', { ...readOnly, description: 'When they were last here.' }), {
      column: timeColumn('accounts.last_seen_at'),
      show: ({ account }) => account.lastSeenAt?.toISOString(),
    }),
  ],
};

/** The resource type `User`, said once (RFC 7643 §4.1, §4.3). */
export const userDefinition: ScimDefinition<ShownUser, UserDraft> = {
  name: 'User',
  description: 'A person who owns agents or decides',
  endpoint: '/Users',
  schema: { urn: userUrn, name: 'User', description: 'A person who owns agents or decides', attributes },
  extensions: [enterprise, behalf],
  identity: ({ account, externalId, updatedAt, version }) => ({
    id: account.id,
    externalId,
    createdAt: account.createdAt,
    updatedAt,
    version,
  }),
  identityColumns: {
    id: { ...textColumn('accounts.id'), isAlwaysSet: true },
    externalId: textColumn('accounts.external_id'),
    'meta.created': { ...timeColumn('accounts.created_at'), isAlwaysSet: true },
    'meta.lastModified': { ...timeColumn('COALESCE(accounts.updated_at, accounts.created_at)'), isAlwaysSet: true },
  },
  draft: (externalId) => ({ externalId, profile: {}, enterprise: {} }),
};
