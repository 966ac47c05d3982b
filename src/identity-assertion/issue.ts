import type { Provider, TokenEndpointGrantContext } from 'oidc-provider';
import type { AuthorizationDetail } from '../authorization-details/index.ts';
import type { GrantHelpers, IssuedToken } from '../oidc/index.ts';
import { accept, type Outcome, refuse } from './refusal.ts';

/** RFC 7523 §2.1. */
export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

export type Context = TokenEndpointGrantContext;
export type ResourceServer = NonNullable<IssuedToken['resourceServer']>;

/** A token whose resource server says nothing lives this long (contract.md "Tokens"). */
export const DEFAULT_LIFETIME_SECONDS = 300;

/** The parameters of a request; a repeated one is a list. */
export function paramsOf(ctx: Context): Record<string, unknown> {
  return (ctx.oidc.params ?? {}) as Record<string, unknown>;
}

/** Keys this request proved (RFC 9449 §5, RFC 8705 §3); a proof is used up whether a token comes of it or not. */
export async function proveKeys(ctx: Context, helpers: GrantHelpers) {
  const dPoP = await helpers.validateDpop(ctx);
  helpers.checkDpopRequired(ctx, dPoP);
  const certificate = helpers.checkMtlsCert(ctx);
  await helpers.checkDpopReplay(ctx, dPoP, ctx.oidc.client.clientId);
  return { dPoP, certificate };
}

export type Keys = Awaited<ReturnType<typeof proveKeys>>;

/** The resource server of a canonical indicator, as the engine knows it; tokens for this server itself are not among them (R6). */
export async function serverOf(
  ctx: Context,
  helpers: GrantHelpers,
  target: { readonly resource: string; readonly isOwn: boolean },
): Promise<Outcome<ResourceServer>> {
  if (target.isOwn)
    return refuse('invalid_target', 'own-resource', 'Tokens for this server itself are not issued on the word of somebody else.');
  paramsOf(ctx)['resource'] = target.resource;
  const servers = await helpers.resolveRequestedResources(ctx);
  return accept(servers.find((one) => one.identifier() === target.resource) as ResourceServer);
}

/** What a token is to be. */
export interface Planned {
  readonly server: ResourceServer;
  readonly scopes: readonly string[];
  readonly details: readonly AuthorizationDetail[];
  readonly lifetimeSeconds: number;
  readonly keys: Keys;
  /** The person it is for; undefined: the agent itself. */
  readonly accountId: string | undefined;
}

/** The last writes before a token, in its transaction. */
export type BeforeIssuing = () => Promise<void>;

function newToken(ctx: Context, provider: Provider, { accountId, server, lifetimeSeconds, scopes }: Planned): IssuedToken {
  const { client } = ctx.oidc;
  const token: IssuedToken =
    accountId === undefined
      ? new provider.ClientCredentials({ client } as ConstructorParameters<Provider['ClientCredentials']>[0])
      : new provider.AccessToken({ client, accountId, gty: JWT_BEARER } as ConstructorParameters<Provider['AccessToken']>[0]);
  Object.assign(token, { resourceServer: server, expiresIn: lifetimeSeconds });
  if (scopes.length > 0) token.scope = scopes.join(' ');
  return token;
}

/**
 * Lets the token policy judge, then `before` write, then the ledger; answers without a refresh token (draft ID-JAG §5, WAG: the
 * client comes again with another assertion). Returns the id of the token.
 */
export async function issue(
  ctx: Context,
  { helpers, provider }: { readonly helpers: GrantHelpers; readonly provider: Provider },
  { planned, before }: { readonly planned: Planned; readonly before: BeforeIssuing },
): Promise<string> {
  const token = newToken(ctx, provider, planned);
  const { dPoP, certificate } = planned.keys;
  if (certificate !== undefined) token.setThumbprint('x5t', certificate);
  if (dPoP !== undefined) token.setThumbprint('jkt', dPoP.thumbprint);
  await helpers.applyAuthorizationDetails(ctx, token, planned.details.length === 0 ? undefined : { rar: planned.details });
  await before();
  ctx.oidc.entity(token.kind, token);
  const accessToken = await token.save();
  ctx.body = helpers.buildTokenResponse({
    accessToken,
    tokenType: token.tokenType,
    expiresIn: token.expiration,
    scope: token.scope ?? '',
    authorizationDetails: (token as { rar?: readonly AuthorizationDetail[] }).rar as never,
  });
  return (token as { jti?: string }).jti ?? '';
}
