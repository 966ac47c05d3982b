import type { KoaContextWithOIDC } from 'oidc-provider';
import type { ResourceServer } from './resource-server.ts';

interface Params {
  readonly scope?: string;
  readonly authorization_details?: unknown;
}

/** Requests that a person answers; where nobody is asked, nothing is added to what was asked. */
const ANSWERED_BY_PEOPLE: ReadonlySet<string> = new Set(['authorization', 'pushed_authorization_request', 'device_authorization']);

/** What a request without a resource and a scope is for: to know who the person is, and nothing that a resource server takes. */
export const IDENTITY_ALONE = 'openid';

/**
 * Whether a request that a person answers names nothing that it wants (RFC 6749 §3.3). MCP clients leave `scope` out when
 * neither the challenge nor the metadata of the MCP server names one.
 */
export function isUnscoped({ oidc }: KoaContextWithOIDC): boolean {
  const { scope, authorization_details: details } = (oidc.params ?? {}) as Params;
  return ANSWERED_BY_PEOPLE.has(oidc.route) && scope === undefined && details === undefined;
}

/** Whether none of the scopes means anything without a resource: the person would be asked for nothing. */
export function isAimless({ oidc }: KoaContextWithOIDC): boolean {
  const { scope, authorization_details: details } = (oidc.params ?? {}) as Params;
  if (!ANSWERED_BY_PEOPLE.has(oidc.route) || scope === undefined || details !== undefined) return false;
  return [...oidc.requestParamOIDCScopes].every((name) => name === 'offline_access');
}

/** What the person is asked for instead: everything of the resource server that is not of high risk; nothing where there is nothing. */
export function scopeOfUnscoped({ scopes }: Pick<ResourceServer, 'scopes'>): { readonly scope?: string } {
  const names = scopes.filter(({ risk }) => risk !== 'high').map(({ name }) => name);
  return names.length === 0 ? {} : { scope: names.join(' ') };
}
