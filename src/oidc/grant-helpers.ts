/**
 * The only file that reaches into the engine's library: its grant handlers and the helpers they are built from. The engine
 * is pinned to one version, and test/oidc/grant-helpers.test.ts fails when either changes its shape.
 */
import type { Provider, TokenEndpointGrantContext } from 'oidc-provider';
import * as grants from 'oidc-provider/lib/actions/grants/index.js';
import * as engineHelpers from 'oidc-provider/lib/helpers/grants.js';
import type { GrantTypeContribution, IssuedToken, TokenPolicy } from './contribution.ts';

type Bound<F> = F extends (provider: Provider, ...rest: infer Rest) => infer Result ? (...rest: Rest) => Result : never;

/** The engine's grant helpers with the provider already bound: what a handler is made of. */
export type GrantHelpers = { [Name in keyof typeof engineHelpers]: Bound<(typeof engineHelpers)[Name]> };

/** The engine's own grants that Behalf offers; implicit and pre-authorized code are not among them. */
const OFFERED: readonly unknown[] = [
  grants.authorization_code,
  grants.refresh_token,
  grants.client_credentials,
  grants.device_code,
  grants.ciba,
];

interface EngineGrant {
  readonly grantType: string;
  readonly parameters: ReadonlySet<string>;
  readonly handler: (provider: Provider, helpers: GrantHelpers, ctx: TokenEndpointGrantContext) => Promise<void>;
}

function bindHelpers(provider: Provider): GrantHelpers {
  const bound = Object.entries(engineHelpers).map(([name, helper]) => [
    name,
    (helper as (...args: unknown[]) => unknown).bind(undefined, provider),
  ]);
  return Object.fromEntries(bound) as GrantHelpers;
}

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
  deps: { policies: readonly TokenPolicy[]; ours: ReadonlyMap<string, GrantTypeContribution> },
): void {
  const helpers = withPolicy(bindHelpers(provider), deps.policies);
  for (const grant of OFFERED as readonly EngineGrant[]) {
    const parameters = [...grant.parameters, 'resource', 'authorization_details'];
    provider.registerGrantType(grant.grantType, (ctx) => grant.handler(provider, helpers, ctx), parameters, ['resource']);
  }
  for (const [name, grant] of deps.ours) {
    provider.registerGrantType(name, (ctx) => grant.handler(ctx, helpers, provider), [...grant.parameters], [...(grant.duplicates ?? [])]);
  }
}
