/**
 * The APIs and MCP servers a token can be for: their identifiers, scopes, lifetimes and own credentials, and the resources of
 * this server itself. Owns the form of a resource indicator; other capabilities compare resources only in that form. Who may
 * ask for a resource is decided elsewhere. Called by the engine at every token request, by exchange, policy and the console.
 */
import type { Client } from 'oidc-provider';
import type { Capability } from '../capability.ts';
import { resourceServerConsole } from './console/routes.ts';
import { type ClientResources, resourceServersOidc } from './oidc.ts';
import { resourceServerApi, type ServerClients } from './routes.ts';
import { createResourceServerService, type ResourceServerService, type ResourceServerServiceDeps } from './service.ts';

export type { ClientResources } from './oidc.ts';
export type { OwnResourceServer } from './own-resources.ts';
export type { ResourceScope, ResourceServer, Risk } from './resource-server.ts';
export { canonicalResourceUri, type ResourceUri } from './resource-uri.ts';
export type { ServerClients } from './routes.ts';
export { type TitledTools, withToolTitles } from './tools/tool.ts';
export type { ChangedBy, ResourceServerAudit } from './service.ts';

/** The service and its contribution. */
export interface ResourceServers extends ResourceServerService {
  readonly capability: Capability;
}

/** What resource servers need from above, wired in app.ts. */
export interface ResourceServersDeps extends ResourceServerServiceDeps {
  /** What the client's record says about resources. */
  readonly clientResources: (client: Client) => ClientResources;
  /** Makes, describes and ends a resource server's own credentials; read when the routes are put together. */
  readonly serverClients: ServerClients;
}

/** Builds the capability. */
export function createResourceServers(deps: ResourceServersDeps): ResourceServers {
  const service = createResourceServerService(deps);
  return {
    ...service,
    capability: {
      name: 'resource-servers',
      oidc: resourceServersOidc({ service, clientResources: deps.clientResources }),
      routes(router, web) {
        const routeDeps = { service, serverClients: deps.serverClients, issuer: deps.issuer, transaction: deps.db.transaction };
        resourceServerApi(routeDeps, router, web);
        resourceServerConsole(routeDeps, router, web);
      },
    },
  };
}
