import type { Provider, TokenEndpointGrantContext } from 'oidc-provider';
import type { GrantTypeContribution, IssuedToken, TokenPolicy } from './contribution.ts';
import { bindHelpers, type GrantHelpers, OFFERED_GRANTS } from './grant-helpers.ts';

/**
 * The helpers with the token policy as the tail of `applyAuthorizationDetails`, which every grant calls last before it stores
 * the access token. So there is no grant that could forget the policy.
 */
function withPolicy(helpers: GrantHelpers, policies: readonly TokenPolicy[]): GrantHelpers {
  const applyAuthorizationDetails = async (ctx: TokenEndpointGrantContext, token: IssuedToken, source?: object) => {
    await helpers.applyAuthorizationDetails(ctx, token, source);
    for (const policy of policies) await policy(ctx, token, source);
  };
  return { ...helpers, applyAuthorizationDetails };
}

/** Registers the engine's grants and ours, all behind the token policy, replacing what the engine registered by itself. */
export function registerGrants(
  provider: Provider,
  deps: { policies: readonly TokenPolicy[]; ours: ReadonlyMap<string, GrantTypeContribution>; parameters: readonly string[] },
): void {
  const helpers = withPolicy(bindHelpers(provider), deps.policies);
  for (const grant of OFFERED_GRANTS) {
    const parameters = [...grant.parameters, 'resource', 'authorization_details', ...deps.parameters];
    provider.registerGrantType(grant.grantType, (ctx) => grant.handler(provider, helpers, ctx), parameters, ['resource']);
  }
  for (const [name, grant] of deps.ours) {
    const parameters = [...grant.parameters, ...deps.parameters];
    provider.registerGrantType(name, (ctx) => grant.handler(ctx, helpers, provider), parameters, [...(grant.duplicates ?? [])]);
  }
}
