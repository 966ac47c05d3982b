import type { JsonObject } from '../../authorization-details/index.ts';
import { kindsOf, isServerType, type PartyKind } from '../naming.ts';
import type { AskedServer, AskedServers, Reach } from '../reach.ts';
import type { AccessStore } from '../store.ts';
import type { Candidate, Candidates } from './scan.ts';

/** Things of resource servers that are known here by name, such as records or tools, in the order of their ids. */
export interface KnownThings {
  list(
    of: { readonly resource: string; readonly type: string },
    page: { readonly after: string; readonly limit: number },
  ): Promise<readonly Found[]>;
}

/** What may be a result. An empty id stands for a record of another type: it takes a place and is no result. */
export interface Found {
  readonly id: string;
  /** What is known of it here; what the caller says of it wins. */
  readonly properties?: JsonObject | undefined;
}

/** What a place in several lists, one after the other, is written as. */
const placeIn = (list: number, id: string): string => `${list}:${id}`;

function readPlace(place: string): { list: number; id: string } {
  const [, list = '0', id = ''] = /^(\d{1,6}):(.*)$/s.exec(place) ?? [];
  return { list: Number(list), id };
}

/** Lists one after the other as if they were one; `read` gives the ids of the list with that number after an id. */
function inTurn(count: number, read: (list: number, after: string, limit: number) => Promise<readonly string[]>): Candidates<Found> {
  return async (after, limit) => {
    const found: Candidate<Found>[] = [];
    let { list, id } = readPlace(after);
    while (list < count && found.length < limit) {
      const ids = await read(list, id, limit - found.length);
      const current = list;
      found.push(...ids.map((known) => ({ value: { id: known }, place: placeIn(current, known) })));
      [list, id] = [list + 1, ''];
    }
    return found;
  };
}

/** Living parties that a type of subject stands for; none for a type that is not known. */
export function subjectCandidates(type: string, store: Pick<AccessStore, 'liveAfter'>): Candidates<Found> {
  const kinds = kindsOf(type);
  return inTurn(kinds.length, (list, after, limit) => store.liveAfter(kinds[list] as PartyKind, after, limit));
}

/** A resource server's identifier for each of the caller's; its own place is that of its record. */
function serverCandidates(type: string, reach: Reach, resources: AskedServers): Candidates<Found> {
  const isOfType = ({ kind }: AskedServer) => type === 'resource_server' || (type === 'mcp_server') === (kind === 'mcp');
  if (reach.kind === 'all')
    return async (after, limit) =>
      (await resources.list({ after, limit })).map((server) => ({
        value: { id: isOfType(server) ? server.identifier : '' },
        place: server.id,
      }));
  const known = [...reach.servers].sort();
  return async (after, limit) => {
    const next = known.filter((identifier) => identifier > after).slice(0, limit);
    const found = await Promise.all(next.map((identifier) => resources.findByIdentifier(identifier)));
    return next.map((identifier, index) => {
      const server = found[index];
      return { value: { id: server !== undefined && isOfType(server) ? identifier : '' }, place: identifier };
    });
  };
}

/** What a search for resources looks through: resource servers themselves, or the things of one. */
export function resourceCandidates(
  wanted: { readonly type: string; readonly server: AskedServer | undefined },
  reach: Reach,
  from: { readonly resources: AskedServers; readonly things: KnownThings },
): Candidates<Found> {
  const { type, server } = wanted;
  if (isServerType(type)) return serverCandidates(type, reach, from.resources);
  if (server === undefined) return async () => [];
  return async (after, limit) => {
    const found = await from.things.list({ resource: server.identifier, type }, { after, limit });
    return found.map((thing) => ({ value: thing, place: thing.id }));
  };
}

/** Methods of MCP that reach a resource of a type (COAZ-MCP, default mappings). */
const MCP_METHODS: Readonly<Record<string, readonly string[]>> = {
  tool: ['tools/call'],
  prompt: ['prompts/get', 'completion/complete'],
  resource: ['resources/read', 'resources/subscribe', 'resources/unsubscribe', 'completion/complete'],
  task: ['tasks/get', 'tasks/result', 'tasks/cancel', 'tasks/update'],
  mcp_server: ['initialize', 'server/discover', 'tools/list', 'resources/list', 'resources/templates/list', 'prompts/list', 'tasks/list'],
};

/** The actions known for a resource: what its resource server calls its scopes, and MCP's methods. */
export function actionCandidates(type: string, server: AskedServer): Candidates<Found> {
  const methods = server.kind === 'mcp' && Object.hasOwn(MCP_METHODS, type) ? (MCP_METHODS[type] ?? []) : [];
  const names = [...new Set([...server.scopes.map(({ name }) => name), ...methods])].sort();
  return async (after, limit) =>
    names
      .filter((name) => name > after)
      .slice(0, limit)
      .map((name) => ({ value: { id: name }, place: name }));
}
