/**
 * Token exchange and the word of others, which ask each other: an exchange of somebody else's token wants to know who the person is
 * here, and an on-behalf-of request that comes as an assertion is answered as an exchange. Joins capabilities that do not know each
 * other; app.ts passes the parts.
 */
import type { Accounts } from './accounts/index.ts';
import type { Agents } from './agents/index.ts';
import { createIdentityAssertion, type IdentityAssertion, type IdentityAssertionDeps } from './identity-assertion/index.ts';
import type { Directory } from './surroundings.ts';
import { createTokenExchange, type TokenExchange, type TokenExchangeDeps } from './token-exchange/index.ts';

/** What both stand on. */
export interface HandingOnParts
  extends Omit<TokenExchangeDeps, 'agents' | 'choices' | 'nameOf' | 'ownership' | 'people' | 'policy'>,
    Pick<IdentityAssertionDeps, 'policy'> {
  readonly accounts: Accounts;
  readonly agents: Agents;
  readonly directory: Pick<Directory, 'delegationChoices' | 'nameOf' | 'ownsAgent'>;
}

/** Builds the two. */
export function createHandingOn(parts: HandingOnParts): { tokenExchange: TokenExchange; identityAssertion: IdentityAssertion } {
  const { accounts, agents, directory } = parts;
  const tokenExchange = createTokenExchange({
    ...parts,
    choices: directory.delegationChoices,
    nameOf: directory.nameOf,
    ownership: { ownsAgent: directory.ownsAgent, ownedBy: agents.ownedBy, isSoleAdministrator: accounts.isSoleAdministrator },
    people: {
      find: (person, provider) => identityAssertion.people.find(person, provider),
      link: (person, accountId) => identityAssertion.people.link(person, accountId),
    },
  });
  const identityAssertion = createIdentityAssertion({ ...parts, onBehalfOf: tokenExchange.onBehalfOf });
  return { tokenExchange, identityAssertion };
}
