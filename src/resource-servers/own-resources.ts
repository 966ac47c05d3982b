import type { OwnResource } from '../platform/http/web.ts';
import type { ResourceServer } from './resource-server.ts';

/** A resource of this server itself. It is no row: it cannot be changed or removed. */
export interface OwnResourceServer extends ResourceServer {
  readonly own: OwnResource;
}

const SCOPES = {
  scim: [
    { name: 'scim:read', description: 'Read the registry of agents, users and groups', risk: 'medium' },
    { name: 'scim:write', description: 'Change the registry of agents, users and groups', risk: 'high' },
  ],
  api: [
    { name: 'admin:read', description: 'Read the configuration and the audit trail', risk: 'medium' },
    { name: 'admin:write', description: 'Change what agents are allowed', risk: 'high' },
    { name: 'approvals:decide', description: 'Decide requests that wait for you', risk: 'high' },
  ],
  access: [
    { name: 'access:evaluate', description: 'Ask whether an access is allowed', risk: 'low' },
    { name: 'access:search', description: 'Search who may do what', risk: 'medium' },
    { name: 'receipts:write', description: 'Report what was used up of a budget', risk: 'medium' },
  ],
} as const satisfies Record<OwnResource, ResourceServer['scopes']>;

const NAMES = { scim: 'Registry (SCIM)', api: 'Management', access: 'Access evaluation' } as const satisfies Record<OwnResource, string>;

/** The path of each own resource below the issuer. */
const PATHS = { scim: '/scim/v2', api: '/api/v1', access: '/access/v1' } as const satisfies Record<OwnResource, string>;

/** The resources of the server with this issuer (without a slash at its end); their tokens live 300 seconds. */
export function ownResourcesOf(issuer: string): readonly OwnResourceServer[] {
  return (Object.keys(PATHS) as OwnResource[]).map((own) => ({
    own,
    id: own,
    identifier: `${issuer}${PATHS[own]}`,
    name: NAMES[own],
    kind: 'api',
    sensitivity: 'high',
    tokenTtlSeconds: 300,
    algorithm: 'ES256',
    scopes: SCOPES[own],
    tools: [],
    hasOpenTools: false,
    createdAt: new Date(0),
  }));
}
