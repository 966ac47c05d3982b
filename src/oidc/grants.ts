import { errors, type Provider, type TokenEndpointGrantContext } from 'oidc-provider';
import type { GrantTypeContribution, IssuedToken, OnSourceReplayed, ReplayedSource, TokenPolicy } from './contribution.ts';
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

/** A code that is used again ends what came of it, where somebody knows what that is; the engine itself would end the whole grant. */
function withReplay(helpers: GrantHelpers, onReplayed: OnSourceReplayed): GrantHelpers {
  const consumeGrantSource: GrantHelpers['consumeGrantSource'] = async (ctx, source, label) => {
    const { consumed, ...replayed } = source as object as ReplayedSource & { consumed?: unknown };
    if (consumed !== undefined && (await onReplayed(ctx, replayed))) throw new errors.InvalidGrant(`${label} already used`);
    return helpers.consumeGrantSource(ctx, source, label);
  };
  return { ...helpers, consumeGrantSource };
}

/** Registers the engine's grants and ours, all behind the token policy, replacing what the engine registered by itself. */
export function registerGrants(
  provider: Provider,
  deps: {
    policies: readonly TokenPolicy[];
    ours: ReadonlyMap<string, GrantTypeContribution>;
    parameters: readonly string[];
    onReplayed: OnSourceReplayed | undefined;
  },
): void {
  const judged = withPolicy(bindHelpers(provider), deps.policies);
  const helpers = deps.onReplayed === undefined ? judged : withReplay(judged, deps.onReplayed);
  for (const grant of OFFERED_GRANTS) {
    const parameters = [...grant.parameters, 'resource', 'authorization_details', ...deps.parameters];
    provider.registerGrantType(grant.grantType, (ctx) => grant.handler(provider, helpers, ctx), parameters, ['resource']);
  }
  for (const [name, grant] of deps.ours) {
    const parameters = [...grant.parameters, ...deps.parameters];
    provider.registerGrantType(name, (ctx) => grant.handler(ctx, helpers, provider), parameters, [...(grant.duplicates ?? [])]);
  }
}
