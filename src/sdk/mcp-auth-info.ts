import type { Authorization } from './authorization.ts';
import { isJsonObject } from './claims.ts';
import { epochSeconds } from './clock.ts';
import type { ResourceServer } from './protection.ts';
import { AccessRefused } from './refusal.ts';

/** What the MCP TypeScript SDK hands to a tool: `extra.authInfo` in version 1, `ctx.http.authInfo` in version 2. */
export interface McpAuthInfo {
  token: string;
  clientId: string;
  scopes: string[];
  /** Seconds since 1970. */
  expiresAt: number;
  resource: URL;
  /** Where challenges of version 2 send the client (RFC 9728). */
  resourceMetadataUrl: string;
  extra: Record<string, unknown>;
}

/** The authorization in the form of the MCP SDK. */
export function authInfoOf(server: ResourceServer, authorization: Authorization): McpAuthInfo {
  return {
    token: authorization.token.value,
    clientId: authorization.client,
    scopes: [...authorization.scopes],
    expiresAt: epochSeconds(authorization.token.expiresAt),
    resource: new URL(server.resource),
    resourceMetadataUrl: server.metadataUrl,
    extra: { authorization },
  };
}

function isAuthorization(value: unknown): value is Authorization {
  return isJsonObject(value) && 'token' in value && 'actors' in value;
}

/**
 * The authorization behind a tool call, from its auth info.
 * @throws AccessRefused `token_missing` when the call did not come through this package.
 */
export function authorizationOf(info: { readonly extra?: Record<string, unknown> } | undefined): Authorization {
  const authorization = info?.extra?.['authorization'];
  if (!isAuthorization(authorization)) throw new AccessRefused('token_missing', 'this call was not authorized');
  return authorization;
}
