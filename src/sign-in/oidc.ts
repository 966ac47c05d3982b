import type { Client, Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { OidcContribution } from '../oidc/index.ts';
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

/** Refresh tokens come from a person's own answer in a browser; an approval of one act is used up with it (R10). */
const LASTING_SOURCES: ReadonlySet<string> = new Set(['AuthorizationCode', 'DeviceCode']);
/** A confidential client's refresh token is replaced when this much of its life is over, so that it lives as long as it is used. */
const RENEW_AT_PERCENT = 70;

function mayRefresh(client: Client): boolean {
  return client.grantTypeAllowed('refresh_token');
}

/**
 * A grant that the person gave this client before holds in every browser. What was refused before is not in force as a refusal:
 * a new request asks again, and nothing is added without an answer.
 */
function loadExistingGrant(grants: ConsentGrants): NonNullable<Configuration['loadExistingGrant']> {
  return async (ctx) => {
    const { result, account, client } = ctx.oidc;
    const decided = result?.consent?.grantId;
    if (decided !== undefined) return grants.find(decided);
    if (account === undefined || client === undefined) return undefined;
    const grant = await grants.current({ accountId: account.accountId, clientId: client.clientId });
    if (grant !== undefined) grant.rejected = undefined;
    return grant;
  };
}

/** Who cannot keep a secret and did not bind the token to a key gets a new one each time, so that a stolen one shows (RFC 9700 §4.14.2). */
function rotateRefreshToken(ctx: KoaContextWithOIDC): boolean {
  const { RefreshToken: token, Client: client } = ctx.oidc.entities;
  if (token === undefined || client === undefined) return true;
  if (client.clientAuthMethod === 'none' && !token.isSenderConstrained()) return true;
  return token.ttlPercentagePassed() >= RENEW_AT_PERCENT;
}

/** What sign-in adds to the engine: when people are asked, where, what stays of their answer, and the engine's own pages in our words. */
export function signInOidc(deps: SignInOidcDeps): OidcContribution {
  const { basePath, grants } = deps;
  return {
    interactions: { policy: loginPolicy(), url: (_ctx, { uid }) => `${basePath}/interaction/${uid}` },
    loadExistingGrant: loadExistingGrant(grants),
    issueRefreshToken: async (_ctx, client, source) => mayRefresh(client) && LASTING_SOURCES.has(source.kind),
    rotateRefreshToken,
    // what a person allowed an agent does not end with their visit; they end it under /me
    expiresWithSession: async () => false,
    renderError: errorPage(deps),
    features: { rpInitiatedLogout: logoutPages(deps) ?? {}, deviceFlow: devicePages(deps) ?? {} },
    scopes: ['offline_access'],
  };
}
