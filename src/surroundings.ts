/**
 * What pages show that no single capability knows: names for ids, what an agent may reach, what would fall with it. Only
 * reads; every part comes from a capability's own service.
 */
import { type Accounts, SELF_SERVICE_GROUP_ID } from './accounts/index.ts';
import type { Agents, DelegationShown, Falling, ReachLine, Surroundings } from './agents/index.ts';
import type { Budgets } from './budgets/index.ts';
import type { Clients } from './client-registration/index.ts';
import { credentialLines } from './credential-words.ts';
import type { Clock } from './platform/clock.ts';
import { basePathOf } from './platform/http/issuer-path.ts';
import type { ResourceServers } from './resource-servers/index.ts';
import type { Software } from './sign-in/index.ts';
import { chainOf, namedIn, type Tokens } from './tokens/index.ts';
import type { Trust } from './trust/index.ts';

/** The capabilities that are asked. Given as functions, because app.ts builds them after those that show them. */
export interface Sources {
  readonly accounts: () => Pick<Accounts, 'nameOf' | 'ownerLabel' | 'groupsOf' | 'list' | 'listGroups'>;
  readonly budgets: () => Pick<Budgets, 'viewsOf'>;
  readonly agents: () => Pick<Agents, 'find' | 'findByClient' | 'list' | 'ownedBy' | 'clientsOf' | 'certification' | 'idsActingBelow'>;
  readonly clients: () => Pick<Clients, 'find' | 'findNameOfService' | 'software'>;
  readonly resourceServers: () => Pick<ResourceServers, 'findByIdentifier' | 'get' | 'list'>;
  readonly tokens: () => Pick<Tokens, 'countFalling' | 'live'>;
  readonly trust: () => Pick<Trust, 'find'>;
}

/** Names for typed ids and resource identifiers. */
export interface Directory {
  /** Undefined for what nobody knows. */
  nameOf(id: string): Promise<string | undefined>;
  namesOf(ids: readonly string[]): Promise<ReadonlyMap<string, string>>;
  ownsAgent(accountId: string, agentId: string): Promise<boolean>;
  /** People and groups that a form offers as owners. */
  ownerChoices(): Promise<readonly { readonly kind: 'user' | 'group'; readonly id: string; readonly name: string }[]>;
  agentChoices(): Promise<readonly { readonly id: string; readonly displayName: string }[]>;
  delegationChoices(): Promise<{ readonly agents: readonly Choice[]; readonly resources: readonly Choice[] }>;
  /** The software behind a client, as consent describes it. */
  /** `actorId`: an agent that would act through a client without one of its own. */
  softwareOf(clientId: string, actorId?: string): Promise<Software | undefined>;
}

/** An entry of a form's list. */
interface Choice {
  readonly value: string;
  readonly words: string;
}

const CHOICES = 200;
const RECENT = 50;
const BUDGETS = 20;

async function lookUp(sources: Sources, id: string): Promise<string | undefined> {
  if (id.startsWith('usr_')) return sources.accounts().nameOf(id);
  if (id.startsWith('grp_')) return (await sources.accounts().ownerLabel({ kind: 'group', id })).name;
  if (id.startsWith('agt_')) return (await sources.agents().find(id))?.displayName;
  if (id.startsWith('crt_')) return sources.agents().certification.nameOf(id);
  if (id.startsWith('svc_')) return sources.clients().findNameOfService(id);
  if (id.startsWith('sft_')) return (await sources.clients().software.find(id))?.name;
  if (id.startsWith('trp_')) return (await sources.trust().find(id))?.name;
  if (id.startsWith('cli_')) return (await sources.clients().find(id))?.name;
  if (URL.canParse(id)) return (await sources.resourceServers().findByIdentifier(id))?.name ?? (await sources.clients().find(id))?.name;
  return undefined;
}

/**
 * An agent with an owner, or software an administrator registered, is vouched for; a name alone is only what the software says, and
 * that other people let it in says nothing about it.
 */
async function softwareOf(sources: Sources, clientId: string, actorId?: string): Promise<Software | undefined> {
  const client = await sources.clients().find(clientId);
  if (client === undefined) return undefined;
  const own = await sources.agents().findByClient(clientId);
  const agent = own ?? (actorId === undefined ? undefined : await sources.agents().find(actorId));
  const isOwned = agent?.owner !== undefined && agent.owner.id !== SELF_SERVICE_GROUP_ID;
  const owner = isOwned ? await sources.accounts().ownerLabel(agent.owner) : undefined;
  const isVerified = client.kind === 'admin' || (agent?.status === 'active' && owner?.isAlive === true);
  const documentHost = client.kind === 'document' && URL.canParse(clientId) ? new URL(clientId).hostname : undefined;
  return { name: client.name, agentId: agent?.id, agentName: agent?.displayName, ownerName: owner?.name, isVerified, documentHost };
}

/** Names, owners and choices over the capabilities. */
export function createDirectory(sources: Sources): Directory {
  return {
    nameOf: (id) => lookUp(sources, id),
    async namesOf(ids) {
      const found = await Promise.all([...new Set(ids)].map(async (id) => [id, await lookUp(sources, id)] as const));
      return new Map(found.flatMap(([id, name]) => (name === undefined ? [] : [[id, name] as const])));
    },
    async ownsAgent(accountId, agentId) {
      const owner = (await sources.agents().find(agentId))?.owner;
      if (owner === undefined) return false;
      if (owner.kind === 'user') return owner.id === accountId;
      return (await sources.accounts().groupsOf(accountId)).some(({ id }) => id === owner.id);
    },
    async ownerChoices() {
      const [people, groups] = await Promise.all([sources.accounts().list({ limit: CHOICES }), sources.accounts().listGroups()]);
      const active = people.items.filter(({ status }) => status === 'active').map(({ id, name }) => ({ kind: 'user' as const, id, name }));
      return [...active, ...groups.map(({ id, name }) => ({ kind: 'group' as const, id, name }))];
    },
    async delegationChoices() {
      const [page, servers] = await Promise.all([
        sources.agents().list({ limit: CHOICES }),
        sources.resourceServers().list({ limit: CHOICES }),
      ]);
      return {
        agents: page.agents.map(({ id, displayName }) => ({ value: id, words: displayName })),
        resources: servers.map(({ identifier, name }) => ({ value: identifier, words: name })),
      };
    },
    softwareOf: (clientId, actorId) => softwareOf(sources, clientId, actorId),
    agentChoices: async () => (await sources.agents().list({ limit: CHOICES })).agents.map(({ id, displayName }) => ({ id, displayName })),
  };
}

/** What ends with an agent and those below it. `pendingOf` counts the questions they have open. */
async function fallingOf(
  sources: Pick<Sources, 'agents' | 'tokens'>,
  agentId: string,
  pendingOf: AgentPage['pendingOf'],
): Promise<Falling> {
  const below = await sources.agents().idsActingBelow(agentId);
  const agentIds = [agentId, ...below];
  const [{ tokens, agents, people }, approvals] = await Promise.all([
    sources.tokens().countFalling({ by: 'agents', agentIds }),
    pendingOf(agentIds),
  ]);
  return { below: below.length, tokens, handedOn: agents, people, approvals };
}

/** The resources an agent holds live tokens for as the one that acts, each once, with every scope of them. */
async function heldBy(sources: Sources, agentId: string): Promise<ReadonlyMap<string, string>> {
  const { tokens } = await sources.tokens().live({ agentId, limit: RECENT });
  const held = new Map<string, Set<string>>();
  for (const { resource, scope } of tokens.filter((token) => token.agentId === agentId)) {
    const scopes = held.get(resource) ?? new Set();
    for (const name of scope.split(' ').filter((part) => part !== '')) scopes.add(name);
    held.set(resource, scopes);
  }
  return new Map([...held].map(([uri, scopes]) => [uri, scopes.size === 0 ? 'details only' : [...scopes].join(', ')]));
}

/** The resources an agent's clients are bounded to, and others it holds live tokens for. */
async function reachOf(sources: Sources, agentId: string): Promise<readonly ReachLine[]> {
  const clientIds = await sources.agents().clientsOf(agentId);
  const records = await Promise.all(clientIds.map((clientId) => sources.clients().find(clientId)));
  const bounded = records.flatMap((record) => (record?.bounds.resources ?? []).map((uri) => ({ uri, scopes: record?.scopes ?? [] })));
  const lines = bounded.map(async ({ uri, scopes }): Promise<ReachLine> => {
    const known = await sources.resourceServers().findByIdentifier(uri);
    const words = scopes.length === 0 ? 'any scope that is granted' : scopes.join(', ');
    return {
      name: known?.name ?? uri,
      words,
      state: known === undefined ? { word: 'Unknown', tone: 'stop' } : { word: 'May ask', tone: 'yes' },
    };
  });
  const named = new Set(bounded.map(({ uri }) => uri));
  const held = [...(await heldBy(sources, agentId))].filter(([uri]) => !named.has(uri));
  const holds = held.map(async ([uri, words]): Promise<ReachLine> => {
    const known = await sources.resourceServers().findByIdentifier(uri);
    return { name: known?.name ?? uri, words, state: { word: 'Holds a token', tone: 'yes' } };
  });
  return Promise.all([...lines, ...holds]);
}

/** The newest live token in which the agent acts for somebody: through whom it came, and what was left at its end. */
async function lastDelegationOf(
  sources: Pick<Sources, 'tokens'>,
  around: { agentId: string; directory: Pick<Directory, 'namesOf'>; basePath: string; now: Date },
): Promise<DelegationShown | undefined> {
  const { tokens } = await sources.tokens().live({ agentId: around.agentId, limit: RECENT });
  const last = tokens.find(({ act }) => act !== undefined);
  if (last === undefined) return undefined;
  const names = await around.directory.namesOf(namedIn([last]));
  const chain = chainOf(last, { names, now: around.now, basePath: around.basePath, mayEnd: false });
  const minutes = Math.round((last.expiresAt.getTime() - last.issuedAt.getTime()) / 60_000);
  const end = { limit: last.scope === '' ? 'details only' : last.scope, time: `${minutes} min` };
  const hops = chain.map((party, index) => (index === chain.length - 1 ? { party, ...end } : { party }));
  return { hops, tokenId: last.jti, at: last.issuedAt };
}

/** What the page of an agent asks beside the capabilities. `pendingOf` counts the questions agents have open. */
export interface AgentPage {
  readonly directory: Pick<Directory, 'namesOf'>;
  readonly pendingOf: (agentIds: readonly string[]) => Promise<number>;
  readonly issuer: URL;
  readonly clock: Clock;
}

/** What the page of an agent shows beside the agent. */
export function agentSurroundings(sources: Sources, page: AgentPage): Surroundings {
  const { directory, pendingOf, issuer, clock } = page;
  const basePath = basePathOf(issuer);
  return {
    whatWouldFall: (agentId) => fallingOf(sources, agentId, pendingOf),
    reachOf: (agentId) => reachOf(sources, agentId),
    credentialsOf: (clientIds) => credentialLines(clientIds, { clients: sources.clients(), now: clock.now() }),
    budgetsOf: (agentId) => sources.budgets().viewsOf({ agentId, limit: BUDGETS }),
    lastDelegationOf: (agentId) => lastDelegationOf(sources, { agentId, directory, basePath, now: clock.now() }),
  };
}
