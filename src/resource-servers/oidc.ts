import {
  type AccessToken,
  type Client,
  type ClientCredentials,
  errors,
  type KoaContextWithOIDC,
  type ResourceServer as EngineResource,
} from 'oidc-provider';
import type { OidcContribution } from '../oidc/index.ts';
import type { OwnResourceServer } from './own-resources.ts';
import { canonicaliseResourceParameter } from './resource-parameter.ts';
import type { ResourceServer } from './resource-server.ts';
import { canonicalResourceUri } from './resource-uri.ts';
import type { ResourceServerService } from './service.ts';
import { lifetimeOf } from './token-lifetime.ts';
import { unknownTool } from './tools/tool.ts';

/** What a client's record says about resources. */
export interface ClientResources {
  /** Marked by an administrator: may have tokens for the server's own resources (security rule R6). */
  readonly isManagement: boolean;
  readonly defaultResource?: string | undefined;
  readonly defaultScope?: string | undefined;
  /** The only resources it may ask for; undefined: any that is registered. */
  readonly allowedResources?: readonly string[] | undefined;
  /** Nobody wrote defaults for it, because it came by itself. */
  readonly comesByItself?: boolean;
  /** The only scopes of resources it may ask for; undefined: any. */
  readonly registeredScopes?: readonly string[] | undefined;
}

type Params = { scope?: string; resource?: string | string[]; audience?: unknown; grant_type?: string; authorization_details?: unknown };

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const CLIENT_CREDENTIALS = 'client_credentials';
/** What is longer is refused by whoever reads it (R26). */
const LONGEST_DETAILS = 16_384;

/** Where somebody is going to be asked. */
const ASKING_ROUTES: ReadonlySet<string> = new Set(['authorization', 'pushed_authorization_request', 'device_authorization']);

function paramsOf(ctx: KoaContextWithOIDC): Params {
  return (ctx.oidc.params ?? {}) as Params;
}

/** Whether the request speaks of a resource at all: it names no scope, or one that is not about the person's identity. */
function needsResource(ctx: KoaContextWithOIDC): boolean {
  const { size } = ctx.oidc.requestParamScopes;
  return size === 0 || size > ctx.oidc.requestParamOIDCScopes.size;
}

/** Where nobody wrote a default, the only resource server there is leaves no doubt: older MCP clients name none. */
async function onlyResource(service: Pick<ResourceServerService, 'list'>): Promise<string | undefined> {
  const [only, ...more] = await service.list({ after: undefined, limit: 2 });
  return more.length === 0 ? only?.identifier : undefined;
}

/**
 * The resource of a request that names none (RFC 8707 §2.1), and the scope of one that names none either. A request for the
 * person's identity alone keeps neither: a default resource would move its e-mail claim and break userinfo.
 */
async function defaultResource(
  ctx: KoaContextWithOIDC,
  client: Client,
  { service, clientResources, oneOf }: ResourceServersOidcDeps & { oneOf?: unknown },
): Promise<string | undefined> {
  if (Array.isArray(oneOf)) {
    if (oneOf.length === 1) return oneOf[0] as string;
    throw new errors.InvalidTarget('ask for one resource');
  }
  const params = paramsOf(ctx);
  // RFC 8693 §2.1: an exchange may name its target by audience instead
  const audience = params.grant_type === TOKEN_EXCHANGE ? canonicalResourceUri(params.audience) : undefined;
  if (audience?.ok === true) return audience.uri;
  if (!needsResource(ctx) && params.authorization_details === undefined) return undefined;
  const { allowedResources = [], comesByItself = false, ...defaults } = clientResources(client);
  const written = defaults.defaultResource ?? (allowedResources.length === 1 ? allowedResources[0] : undefined);
  const resource = written ?? (comesByItself ? await onlyResource(service) : undefined);
  if (resource === undefined) return needed(ctx);
  const isBackchannel = ctx.oidc.route === 'backchannel_authentication';
  if (params.scope === undefined && defaults.defaultScope !== undefined && !isBackchannel) params.scope = defaults.defaultScope;
  return resource;
}

/** Without identity to speak of, a request that names no resource asks for nothing: said at once, or it reads like a person's refusal. */
function needed(ctx: KoaContextWithOIDC): undefined {
  const isIdle = ASKING_ROUTES.has(ctx.oidc.route) && ctx.oidc.requestParamOIDCScopes.size === 0;
  if (isIdle) throw new errors.InvalidTarget('name the resource that the token is for (RFC 8707)');
  return undefined;
}

/**
 * What a person is asked for when a client names a resource and no scope (RFC 6749 §3.3; MCP authorization "Scope Selection
 * Strategy": a client that was told no scopes leaves them out): all but the most delicate scopes, which are asked for once a
 * call needs them; all, when there are no others. Never what the client is not registered for. The person may untick each.
 */
function scopesToAskFor(server: ResourceServer, { registeredScopes }: ClientResources): string | undefined {
  // the engine goes on for nobody without any scope; that a token names its subject is all that is left to ask for
  if (server.scopes.length === 0) return 'openid';
  const possible = server.scopes.filter(({ name }) => registeredScopes?.includes(name) !== false);
  const usual = possible.filter(({ risk }) => risk !== 'high');
  const names = (usual.length === 0 ? possible : usual).map(({ name }) => name);
  return names.length === 0 ? undefined : names.join(' ');
}

/** Tokens for this server itself (R6): only for clients marked for management, never by exchange; access also for resource servers' own. */
function checkOwn(own: OwnResourceServer, asked: { client: ClientResources; grantType: string | undefined; ownsResources: boolean }): void {
  const mayEvaluate = own.own === 'access' && asked.ownsResources;
  if (asked.grantType === TOKEN_EXCHANGE) throw new errors.InvalidTarget('tokens for this server itself are not exchanged');
  if (!asked.client.isManagement && !mayEvaluate)
    throw new errors.InvalidTarget('this resource is for clients that an administrator marked for management');
}

/** RFC 9396 §5: a tool that the server does not have is refused when it is asked for, not when it is called. */
function checkTools(text: unknown, server: ResourceServer): void {
  if (server.tools.length === 0 || typeof text !== 'string' || text.length > LONGEST_DETAILS) return;
  const path = unknownTool(parsed(text), server);
  if (path !== undefined)
    throw new errors.InvalidAuthorizationDetails(`authorization_details${path} is not a tool of this resource server`);
}

/** What is no JSON is refused by whoever reads the details. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A client for itself never decides an approval; a resource server's own client evaluates and does not search. */
function scopeNames(server: ResourceServer, asked: { client: ClientResources; grantType: string | undefined }): string {
  const names = server.scopes.map(({ name }) => name);
  if (!('own' in server)) return names.join(' ');
  return names
    .filter((name) => name !== 'approvals:decide' || asked.grantType !== CLIENT_CREDENTIALS)
    .filter((name) => name !== 'access:search' || asked.client.isManagement)
    .join(' ');
}

function ttl(ctx: KoaContextWithOIDC, token: AccessToken | ClientCredentials): number {
  const { resourceServer, rar } = token as unknown as { resourceServer?: { accessTokenTTL?: number }; rar?: readonly unknown[] };
  return lifetimeOf({
    configuredSeconds: resourceServer?.accessTokenTTL,
    grantType: paramsOf(ctx).grant_type,
    hasDetails: (rar?.length ?? 0) > 0,
  });
}

interface ResourceServersOidcDeps {
  readonly service: ResourceServerService;
  readonly clientResources: (client: Client) => ClientResources;
}

/** What resource servers add to the engine: resource indicators (RFC 8707), JWT access tokens (RFC 9068) and their lifetime. */
export function resourceServersOidc(deps: ResourceServersOidcDeps): OidcContribution {
  const { service, clientResources } = deps;
  const getResourceServerInfo = async (ctx: KoaContextWithOIDC, indicator: string, client: Client): Promise<EngineResource> => {
    const params = paramsOf(ctx);
    if (Array.isArray(params.resource) && params.resource.length > 1) throw new errors.InvalidTarget('ask for one resource at a time');
    const server = await service.findByIdentifier(indicator);
    if (server === undefined) throw new errors.InvalidTarget('this resource is not registered here');
    const asked = { client: clientResources(client), grantType: params.grant_type };
    if ('own' in server) {
      const ownsResources = (await service.resourcesOfClient(client.clientId)).length > 0;
      checkOwn(server as OwnResourceServer, { ...asked, ownsResources });
    } else if (asked.client.allowedResources?.includes(server.identifier) === false) {
      throw new errors.InvalidTarget('the client may not ask for this resource');
    }
    checkTools(params.authorization_details, server);
    const asksForNothing = params.scope === undefined && params.authorization_details === undefined;
    if (asksForNothing && ASKING_ROUTES.has(ctx.oidc.route) && !('own' in server)) {
      const scope = scopesToAskFor(server, asked.client);
      if (scope !== undefined) params.scope = scope;
    }
    return {
      scope: scopeNames(server, asked),
      audience: server.identifier,
      accessTokenFormat: 'jwt',
      ...(server.tokenTtlSeconds === undefined ? {} : { accessTokenTTL: server.tokenTtlSeconds }),
      jwt: { sign: { alg: server.algorithm } },
    };
  };
  return {
    features: {
      resourceIndicators: {
        enabled: true,
        defaultResource: (ctx, client, oneOf) => defaultResource(ctx, client, { ...deps, oneOf }) as Promise<string>,
        getResourceServerInfo,
        useGrantedResource: () => true,
      },
    },
    ttl: { AccessToken: ttl, ClientCredentials: ttl },
    /** A token without a resource would be one for everybody; identity alone (userinfo) is the exception. */
    tokenPolicy: async (ctx, token) => {
      const { aud, kind } = token as unknown as { aud?: string; kind: string };
      if (kind === 'ClientCredentials' && aud === undefined) throw new errors.InvalidTarget('name the resource the token is for');
      if (kind === 'ClientCredentials' && token.scope === undefined && paramsOf(ctx).scope !== undefined) {
        throw new errors.InvalidScope('none of the scopes belongs to this resource', String(paramsOf(ctx).scope));
      }
    },
    patch: canonicaliseResourceParameter,
  };
}
