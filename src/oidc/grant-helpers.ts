/**
 * The only file that reaches into the engine's library: its grant handlers and the helpers they are built from. The engine
 * is pinned to one version, and test/oidc/grant-helpers.test.ts fails when either changes its shape.
 */
import type { Provider, TokenEndpointGrantContext } from 'oidc-provider';
import * as grants from 'oidc-provider/lib/actions/grants/index.js';
import * as engineHelpers from 'oidc-provider/lib/helpers/grants.js';

type Bound<F> = F extends (provider: Provider, ...rest: infer Rest) => infer Result ? (...rest: Rest) => Result : never;

/** The engine's grant helpers with the provider already bound: what a handler is made of. */
export type GrantHelpers = { [Name in keyof typeof engineHelpers]: Bound<(typeof engineHelpers)[Name]> };

/** A grant as the engine itself defines it. */
export interface EngineGrant {
  readonly grantType: string;
  readonly parameters: ReadonlySet<string>;
  readonly handler: (provider: Provider, helpers: GrantHelpers, ctx: TokenEndpointGrantContext) => Promise<void>;
}

/** The engine's own grants that Behalf offers; implicit and pre-authorized code are not among them. */
export const OFFERED_GRANTS = [
  grants.authorization_code,
  grants.refresh_token,
  grants.client_credentials,
  grants.device_code,
  grants.ciba,
] as readonly unknown[] as readonly EngineGrant[];

/** The engine's helpers for one provider. */
export function bindHelpers(provider: Provider): GrantHelpers {
  const bound = Object.entries(engineHelpers).map(([name, helper]) => [
    name,
    (helper as (...args: unknown[]) => unknown).bind(undefined, provider),
  ]);
  return Object.fromEntries(bound) as GrantHelpers;
}
