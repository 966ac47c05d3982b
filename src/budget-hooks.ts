/**
 * Where budgets meet the consent of people: what was used up is said before they answer, and their answer says what the limits are.
 * Joins capabilities that do not know each other; app.ts passes it as their hooks.
 */
import type { Agents } from './agents/index.ts';
import { type AuthorizationDetail, budgetOf, type DetailTypes } from './authorization-details/index.ts';
import { type Budgets, usedWords } from './budgets/index.ts';
import type { Clock } from './platform/clock.ts';
import type { Consented } from './sign-in/index.ts';

/** The hooks of consent. */
export interface BudgetHooks {
  readonly consent: {
    /** What was used up before of what a person is asked for. */
    readonly usedOf: (asked: Pick<Consented, 'accountId' | 'clientId' | 'details'>) => Promise<readonly (string | undefined)[]>;
    /** A person said yes: the limits are what they say now. Runs in the transaction of the consent. */
    readonly onConsent: (consented: Consented) => Promise<void>;
  };
}

interface Parts {
  readonly budgets: Budgets;
  readonly agents: () => Pick<Agents, 'findByClient'>;
  readonly details: { readonly types: DetailTypes };
  readonly clock: Clock;
  /** What else a consent leads to, before the budgets are looked at. */
  readonly onConsent: (consented: Consented) => Promise<void>;
}

/** The hooks over the capabilities. */
export function budgetHooks(parts: Parts): BudgetHooks {
  const partyOf = async ({ accountId, clientId }: Pick<Consented, 'accountId' | 'clientId'>) => {
    const agent = await parts.agents().findByClient(clientId);
    return { accountId, clientId, agentId: agent?.id, approvalId: undefined };
  };
  const hasBudget = (given: readonly AuthorizationDetail[]) =>
    given.some((detail) => {
      const type = parts.details.types.find(detail.type);
      return type !== undefined && budgetOf(type, detail) !== undefined;
    });
  return {
    consent: {
      async usedOf({ details, ...parties }) {
        if (!hasBudget(details)) return [];
        const known = await parts.budgets.knownOf(await partyOf(parties), details);
        return known.map((one) => one && usedWords(one, parts.clock.now()));
      },
      async onConsent(consented) {
        await parts.onConsent(consented);
        const { details, resource, ...parties } = consented;
        if (hasBudget(details)) await parts.budgets.allowed(await partyOf(parties), { details, resource: resource ?? '' });
      },
    },
  };
}
