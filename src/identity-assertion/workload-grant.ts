import type { Trusted } from '../trust/index.ts';
import { detailsOf, scopesOf, targetOf } from './bounds.ts';
import { type Engine, type GrantDeps, isOwnResource, orRefuseWith, remember, useUp } from './grant-steps.ts';
import { type Context, DEFAULT_LIFETIME_SECONDS, issue, paramsOf, type Planned, proveKeys, serverOf } from './issue.ts';
import type { Asked } from './refusing.ts';

/** A token may outlive the assertion it came from by no more than this (WAG: not much). */
const SHORTEST_LIFETIME_SECONDS = 60;

/** A token for an agent that is known by the token of its platform, which was verified at the door (MCP SEP-1933). */
export function workloadGrant(deps: GrantDeps): (ctx: Context, engine: Engine, verified: Trusted) => Promise<void> {
  const { clock, types } = deps;
  const orRefuse = orRefuseWith(deps.refuse);

  const plan = async (ctx: Context, { helpers }: Engine, { asked, verified }: { asked: Asked; verified: Trusted }) => {
    const { provider, claims } = verified;
    const params = paramsOf(ctx);
    const keys = await proveKeys(ctx, helpers);
    const resource = orRefuse(targetOf({ claimed: undefined, allowed: provider.resources, requested: params['resource'] }), asked);
    const at = { ...asked, resource };
    const server = orRefuse(await serverOf(ctx, helpers, { resource, isOwn: await isOwnResource(deps, resource) }), at);
    const offered = (server.scope ?? '').split(' ');
    const scopes = orRefuse(scopesOf({ held: provider.scopes ?? [], allowed: undefined, offered, requested: params['scope'] }), at);
    orRefuse(detailsOf({ held: undefined, requested: params['authorization_details'], clientTypes: [], resource }, types), at);
    const left = Math.max(SHORTEST_LIFETIME_SECONDS, (claims.exp ?? 0) - clock.epochSeconds());
    const lifetimeSeconds = Math.floor(
      Math.min(server.accessTokenTTL ?? DEFAULT_LIFETIME_SECONDS, provider.maxTtlSeconds ?? Infinity, left),
    );
    const planned: Planned = { server, scopes, details: [], lifetimeSeconds, keys, accountId: undefined };
    return { planned, at };
  };
  return async (ctx, engine, verified) => {
    const { claims, provider } = verified;
    const { agentId = '' } = provider;
    const { iss, sub, jti = '', exp = 0 } = claims;
    const asked: Asked = { clientId: ctx.oidc.client.clientId, agentId, provider, assertion: { iss, sub } };
    const { planned, at } = await plan(ctx, engine, { asked, verified });
    const tokenId = await issue(ctx, engine, { planned, before: () => useUp(deps, { iss, jti, exp }, at) });
    await remember(deps, at, { subjectId: agentId, tokenId });
  };
}
