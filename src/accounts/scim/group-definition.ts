import { bindAttribute, type ScimDefinition, scimAttribute, scimRefusal, textColumn, timeColumn } from '../../scim/index.ts';
import type { NamedResource } from './user.ts';

/** A member of a group: a person, or an agent. */
export interface GroupMember extends NamedResource {
  readonly kind: 'user' | 'agent';
}

/** A group as SCIM knows it. */
export interface ProvisionedGroup {
  readonly id: string;
  readonly name: string;
  readonly isBuiltIn: boolean;
  readonly externalId: string | undefined;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A group with its members. */
export interface ShownGroup extends ProvisionedGroup {
  readonly members: readonly GroupMember[];
  /** `<issuer>/scim/v2` */
  readonly baseUrl: string;
}

/** What a representation says of a group; members by id. */
export interface GroupDraft {
  externalId: string | undefined;
  name: string;
  memberIds: readonly string[];
}

/** Most members of a group. */
export const MOST_MEMBERS = 10_000;

/** The kind of a member by its id. @throws {AppError} 400 `invalidValue` for the id of anything else. */
export function memberKind(id: string): GroupMember['kind'] {
  if (id.startsWith('usr_')) return 'user';
  if (id.startsWith('agt_')) return 'agent';
  throw scimRefusal('invalidValue', 'members.value is the id of a User or an Agent.', 'members.value');
}

const bind = bindAttribute<ShownGroup, GroupDraft>;
const placeOf = { user: 'Users', agent: 'Agents' } as const;
const typeOf = { user: 'User', agent: 'Agent' } as const;

/** The resource type `Group`, said once (RFC 7643 §4.2); agents may be members. */
export const groupDefinition: ScimDefinition<ShownGroup, GroupDraft> = {
  name: 'Group',
  description: 'People who answer for something together, and agents that belong together',
  endpoint: '/Groups',
  schema: {
    urn: 'urn:ietf:params:scim:schemas:core:2.0:Group',
    name: 'Group',
    description: 'People who answer for something together, and agents that belong together',
    attributes: [
      bind(
        scimAttribute('displayName', 'string', {
          description: 'What it is called, unique here.',
          required: true,
          uniqueness: 'server',
          caseExact: true,
          maxLength: 120,
        }),
        {
          column: { ...textColumn('groups.name'), isAlwaysSet: true },
          show: ({ name }) => name,
          take: (draft, value) => {
            draft.name = String(value);
          },
        },
      ),
      bind(
        scimAttribute('members', 'complex', {
          description:
            'People and agents in it. In a group that owns agents only provisioning clients with the governance right change it.',
          multiValued: true,
          maxValues: MOST_MEMBERS,
          subAttributes: [
            scimAttribute('value', 'string', { required: true, caseExact: true, maxLength: 100 }),
            scimAttribute('$ref', 'reference', { mutability: 'readOnly', referenceTypes: ['User', 'Agent'] }),
            scimAttribute('display', 'string', { mutability: 'readOnly' }),
            scimAttribute('type', 'string', { mutability: 'readOnly', canonicalValues: ['User', 'Agent'] }),
          ],
        }),
        {
          column: {
            rows: `SELECT 1 FROM (SELECT account_id, 'User' FROM group_members WHERE group_id = groups.id
              UNION ALL SELECT agent_id, 'Agent' FROM group_agents WHERE group_id = groups.id) AS member(id, type) WHERE true`,
            columns: { value: textColumn('member.id'), type: textColumn('member.type') },
          },
          show: ({ members, baseUrl }) =>
            members.map(({ id, kind, name }) => ({
              value: id,
              $ref: `${baseUrl}/${placeOf[kind]}/${id}`,
              display: name,
              type: typeOf[kind],
            })),
          take: (draft, value) => {
            const values = Array.isArray(value) ? (value as readonly { value: string }[]) : [];
            draft.memberIds = [...new Set(values.map((each) => each.value))];
          },
        },
      ),
    ],
  },
  extensions: [],
  identity: (group) => group,
  identityColumns: {
    id: { ...textColumn('groups.id'), isAlwaysSet: true },
    externalId: textColumn('groups.external_id'),
    'meta.created': { ...timeColumn('groups.created_at'), isAlwaysSet: true },
    'meta.lastModified': { ...timeColumn('COALESCE(groups.updated_at, groups.created_at)'), isAlwaysSet: true },
  },
  draft: (externalId) => ({ externalId, name: '', memberIds: [] }),
};
