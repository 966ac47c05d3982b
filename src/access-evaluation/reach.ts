import type { FactsSource } from '../policy/index.ts';
import type { Named } from './naming.ts';

/** A resource server, as evaluation asks for it. */
export interface AskedServer {
  readonly id: string;
  readonly identifier: string;
  readonly kind: 'api' | 'mcp';
  readonly scopes: readonly { readonly name: string }[];
  /** Set for a resource of this server itself. */
  readonly own?: string;
}

/** The resource servers, as evaluation asks for them. */
export interface AskedServers {
  findByIdentifier(uri: string): Promise<AskedServer | undefined>;
  resourcesOfClient(clientId: string): Promise<readonly string[]>;
  list(page: { readonly after?: string | undefined; readonly limit: number }): Promise<readonly AskedServer[]>;
}

/** Which resource servers a caller may ask about (security rule R24): its own, or for a client for management all. */
export type Reach = { readonly kind: 'own'; readonly servers: readonly string[] } | { readonly kind: 'all' };

/** Who may ask about what. */
export interface Reaching {
  reachOf(caller: { readonly clientId: string }): Promise<Reach>;
  /** The resource server of a question; undefined, with no difference between them, for one that is not there and one that is not theirs. */
  serverOf(named: Pick<Named, 'server'>, reach: Reach): Promise<AskedServer | undefined>;
}

/** Reach over the records; a client that was taken from its resource server is not one for management by that. */
export function createReaching(deps: { resources: AskedServers; facts: FactsSource }): Reaching {
  const { resources, facts } = deps;
  /** What a question that names no resource server is about: the one there is to ask about. */
  const onlyOne = async (reach: Reach): Promise<string | undefined> => {
    const known = reach.kind === 'own' ? reach.servers : (await resources.list({ limit: 2 })).map(({ identifier }) => identifier);
    return known.length === 1 ? known[0] : undefined;
  };
  return {
    async reachOf({ clientId }) {
      const servers = await resources.resourcesOfClient(clientId);
      if (servers.length > 0) return { kind: 'own', servers };
      const { client } = await facts(clientId);
      return client?.isManagement === true && client.purpose !== 'resource_server' ? { kind: 'all' } : { kind: 'own', servers: [] };
    },
    async serverOf({ server }, reach) {
      const name = server ?? (await onlyOne(reach));
      const found = name === undefined ? undefined : await resources.findByIdentifier(name);
      if (found === undefined || found.own !== undefined) return undefined;
      return reach.kind === 'all' || reach.servers.includes(found.identifier) ? found : undefined;
    },
  };
}
