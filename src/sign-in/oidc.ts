import type { Configuration } from 'oidc-provider';
import { type OidcContribution, REFRESH_SECONDS } from '../oidc/index.ts';
import type { Pages } from '../platform/http/web.ts';
import type { ConsentGrants } from './consent-grants.ts';
import { devicePages, errorPage, logoutPages } from './engine-pages.ts';
import { loginPolicy } from './login-policy.ts';

/** What the contribution is made of. */
export interface SignInOidcDeps {
  readonly basePath: string;
  readonly pages: () => Pages;
  readonly grants: ConsentGrants;
  readonly emailOf: (accountId: string) => Promise<string | undefined>;
}

/**
 * A grant that the person gave this client before holds in every browser. What was refused before is not in force as a refusal:
 * a new request asks again, and nothing is added without an answer. A grant that would end before the connection that begins
 * now is asked for anew, so that no connection ends early.
 */
function loadExistingGrant(grants: ConsentGrants): NonNullable<Configuration['loadExistingGrant']> {
  return async (ctx) => {
    const { result, account, client } = ctx.oidc;
    const decided = result?.consent?.grantId;
    if (decided !== undefined) return grants.find(decided);
    if (account === undefined || client === undefined) return undefined;
    const grant = await grants.current({ accountId: account.accountId, clientId: client.clientId });
    if (grant === undefined || grant.remainingTTL < REFRESH_SECONDS.longest) return undefined;
    grant.rejected = undefined;
    return grant;
  };
}

/** What sign-in adds to the engine: when people are asked, where, what stays of their answer, and the engine's own pages in our words. */
export function signInOidc(deps: SignInOidcDeps): OidcContribution {
  const { basePath, grants } = deps;
  return {
    interactions: { policy: loginPolicy(), url: (_ctx, { uid }) => `${basePath}/interaction/${uid}` },
    loadExistingGrant: loadExistingGrant(grants),
    renderError: errorPage(deps),
    features: { rpInitiatedLogout: logoutPages(deps) ?? {}, deviceFlow: devicePages(deps) ?? {} },
    scopes: ['offline_access'],
  };
}
