import { z } from 'zod';
import type { Sent } from '../platform/http/operation.ts';
import { type ResourceScope, type ResourceServer, RISKS, TOKEN_ALGORITHMS } from './resource-server.ts';
import { toolBody } from './tools/tool.ts';

/** A resource server as the management interface shows it. */
export const resourceServerBody = z
  .object({
    id: z.string(),
    identifier: z.string(),
    name: z.string(),
    kind: z.enum(['api', 'mcp']),
    sensitivity: z.enum(RISKS),
    token_ttl_seconds: z.int().nullable(),
    algorithm: z.enum(TOKEN_ALGORITHMS),
    scopes: z.array(z.object({ name: z.string(), description: z.string(), risk: z.enum(RISKS) })),
    tools: z.array(toolBody),
    tools_open: z.boolean(),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'ResourceServer' });

/** The credentials of one. */
export const credentialsBody = z.object({
  items: z.array(z.object({ client_id: z.string(), name: z.string(), last_used_at: z.iso.datetime().nullable() })),
});

/** New credentials: the only answer that ever holds the secret. */
export const newCredentialBody = z.object({
  client_id: z.string(),
  client_secret: z.string(),
  token_endpoint_auth_method: z.literal('client_secret_basic'),
});

/** A record in the form of `resourceServerBody`. */
export function presentResourceServer(server: ResourceServer): Sent<typeof resourceServerBody> {
  return {
    id: server.id,
    identifier: server.identifier,
    name: server.name,
    kind: server.kind,
    sensitivity: server.sensitivity,
    token_ttl_seconds: server.tokenTtlSeconds ?? null,
    algorithm: server.algorithm,
    scopes: server.scopes,
    tools: server.tools.map((tool) => ({ ...tool, scope: tool.scope ?? null })),
    tools_open: server.hasOpenTools,
    created_at: server.createdAt.toISOString(),
  };
}

const TONES = { low: '', medium: 'info', high: 'wait' } as const;
const KINDS = { api: 'API', mcp: 'MCP server' } as const;

/** Seconds in the words of the console. */
export function lifetimeWords(seconds: number | undefined): string {
  if (seconds === undefined) return '5 or 15 min';
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

function sensitivityState({ sensitivity }: ResourceServer) {
  return { word: sensitivity, tone: TONES[sensitivity] };
}

/** A line of the console's list. */
export function presentInList(server: ResourceServer) {
  return {
    id: server.id,
    name: server.name,
    uri: server.identifier,
    kind: KINDS[server.kind],
    scopes: server.scopes.length,
    lifetime: lifetimeWords(server.tokenTtlSeconds),
    sensitivity: sensitivityState(server),
  };
}

/** The page of one resource server, without what others know about it. */
export function presentInConsole(server: ResourceServer, issuer: string) {
  return {
    resourceServer: {
      id: { short: `${server.id.slice(0, 8)}…${server.id.slice(-4)}`, full: server.id },
      name: server.name,
      uri: server.identifier,
      sensitivity: sensitivityState(server),
      facts: [
        { label: 'Kind', value: KINDS[server.kind] },
        { label: 'Tokens live', value: lifetimeWords(server.tokenTtlSeconds) },
        { label: 'Signed with', value: server.algorithm },
      ],
    },
    configuration: `issuer    ${issuer}\naudience  ${server.identifier}\ntyp       at+jwt\nalg       ${server.algorithm}`,
  };
}

/** The tools of one on its page; `editAt` is its own address for whoever may change them. */
export function presentTools({ tools, hasOpenTools }: ResourceServer, editAt: string | undefined) {
  return {
    tools: tools.map(({ name, title, description, risk, scope }) => ({
      ...{ name, title, risk },
      ...(description === '' ? {} : { words: description }),
      ...(scope === undefined ? {} : { scope }),
      ...(editAt === undefined ? {} : { href: `${editAt}/tools/${encodeURIComponent(name)}/edit` }),
    })),
    toolsOpen: hasOpenTools,
    toolsWords: hasOpenTools ? 'Agents may ask for other tools, too.' : 'Any other tool is refused when it is asked for.',
  };
}

/** One scope a line, as the form takes and gives it: the scope, a space, what it means. */
export function scopeLines(scopes: readonly ResourceScope[]): string {
  return scopes.map(({ name, description }) => `${name} ${description}`).join('\n');
}

/** What the lines of the form say; a scope without words means its own name. */
export function readScopeLines(text: string): { name: string; description: string }[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', ...words] = line.split(/\s+/);
      return { name, description: words.join(' ') || name };
    });
}
