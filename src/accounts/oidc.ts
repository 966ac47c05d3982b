import type { OidcContribution } from '../oidc/index.ts';
import type { Account } from './account.ts';
import { ACR_VALUES } from './assurance.ts';

/** What a client may learn of a person, by scope (OpenID Connect Core §5.4). */
const CLAIMS = { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] };

/**
 * The people's part of the engine: who a `sub` is, and what may be said of them. A disabled person is nobody, so that the
 * engine refuses their sessions, codes and refresh tokens as it refuses those of a stranger.
 */
export function createOidcContribution(deps: { find: (id: string) => Promise<Account | undefined> }): OidcContribution {
  return {
    async findAccount(_ctx, sub) {
      const account = await deps.find(sub);
      if (account?.status !== 'active') return undefined;
      return {
        accountId: account.id,
        // nobody has proven yet that they read this mailbox: an administrator typed the address
        claims: () => ({ sub: account.id, name: account.name, email: account.email, email_verified: false }),
      };
    },
    scopes: ['openid', 'profile', 'email'],
    claims: { ...CLAIMS, amr: null },
    acrValues: ACR_VALUES,
  };
}
