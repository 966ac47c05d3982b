/**
 * Where budgets meet the consent of people and the pages that show what was spent. Joins capabilities that do not know each other;
 * app.ts passes it as their hooks.
 */
import type { Agents } from './agents/index.ts';
import { type AuthorizationDetail, type DetailTypes, describeDetail } from './authorization-details/index.ts';
import { type Budgets, type BudgetView, budgetView, type KnownBudget, usedWords } from './budgets/index.ts';
import type { Clock } from './platform/clock.ts';
import type { Consented } from './sign-in/index.ts';

/** The hooks of consent and of pages. */
export interface BudgetHooks {
  readonly consent: {
    /** What was used up before of what a person is asked for. */
    readonly usedOf: (asked: Pick<Consented, 'accountId' | 'clientId' | 'details'>) => Promise<readonly (string | undefined)[]>;
    /** A person said yes: the limits are what they say now. Runs in the transaction of the consent. */
    readonly onConsent: (consented: Consented) => Promise<void>;
  };
  /** The budgets that were given to an agent, as meters. */
  readonly ofAgent: (agentId: string) => Promise<readonly BudgetView[]>;
}

interface Parts {
  readonly budgets: Budgets;
  readonly agents: () => Pick<Agents, 'findByClient'>;
  readonly details: { readonly types: DetailTypes };
  readonly nameOf: (id: string) => Promise<string | undefined>;
  readonly clock: Clock;
  /** What else a consent leads to, before the budgets are looked at. */
  readonly onConsent: (consented: Consented) => Promise<void>;
}

const SHOWN = 20;

/** What a budget is for, in words: what its detail allows, and for whom. */
async function wordsOf({ details, nameOf }: Parts, { budget }: KnownBudget): Promise<string> {
  const type = details.types.find(budget.type);
  const resource = budget.resource === '' ? undefined : ((await nameOf(budget.resource)) ?? budget.resource);
  return type === undefined ? budget.type : describeDetail(type, budget.detail, resource ?? 'its resource').headline;
}

/** The hooks over the capabilities. */
export function budgetHooks(parts: Parts): BudgetHooks {
  const partyOf = async ({ accountId, clientId }: Pick<Consented, 'accountId' | 'clientId'>) => {
    const agent = await parts.agents().findByClient(clientId);
    return { accountId, clientId, agentId: agent?.id, approvalId: undefined };
  };
  const mayHaveBudget = (given: readonly AuthorizationDetail[]) =>
    given.some(({ type }) => Object.values(parts.details.types.find(type)?.definition.schema.properties ?? {}).some(isBudget));
  return {
    consent: {
      async usedOf({ details, ...parties }) {
        if (!mayHaveBudget(details)) return [];
        const known = await parts.budgets.knownOf(await partyOf(parties), details);
        return known.map((one) => one && usedWords(one, parts.clock.now()));
      },
      async onConsent(consented) {
        await parts.onConsent(consented);
        const { details, resource, ...parties } = consented;
        if (mayHaveBudget(details)) await parts.budgets.allowed(await partyOf(parties), { details, resource: resource ?? '' });
      },
    },
    async ofAgent(agentId) {
      const known = await parts.budgets.list({ agentId, limit: SHOWN });
      const now = parts.clock.now();
      return Promise.all(known.map(async (one) => budgetView(one, { words: await wordsOf(parts, one), now })));
    },
  };
}

function isBudget(member: { readonly 'x-budget'?: object }): boolean {
  return member['x-budget'] !== undefined;
}
