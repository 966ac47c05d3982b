import { COUNT, describeDetail, type DetailTypes, fromMinor } from '../../authorization-details/index.ts';
import type { Clock } from '../../platform/clock.ts';
import { initialsOf } from '../../platform/http/pages.ts';
import { type BudgetView, budgetView, type Known } from '../present.ts';

/** Budgets in words that need names. */
export interface BudgetWords {
  viewOf(known: Known): Promise<BudgetView>;
  /** Who was given it. */
  holderOf(known: Known): Promise<{ readonly kind: 'agent' | 'service'; readonly name: string; readonly initials: string }>;
}

/** What the words are made from. */
export interface BudgetWordsDeps {
  readonly clock: Clock;
  readonly types: () => DetailTypes;
  readonly nameOf: (id: string) => Promise<string | undefined>;
}

/** Words over the types and the names of this server. */
export function createBudgetWords({ clock, types, nameOf }: BudgetWordsDeps): BudgetWords {
  return {
    async viewOf(known) {
      const { type: name, detail, resource } = known.budget;
      const type = types().find(name);
      const where = resource === '' ? 'its resource' : ((await nameOf(resource)) ?? resource);
      const words = type === undefined ? name : describeDetail(type, detail, where).headline;
      return budgetView(known, { words, now: clock.now() });
    },
    async holderOf({ budget: { agentId, clientId } }) {
      const name = (await nameOf(agentId ?? clientId)) ?? 'Software that is gone';
      return { kind: agentId === undefined ? 'service' : 'agent', name, initials: initialsOf(name) };
    },
  };
}

/** The model of views/me/budgets.eta. */
export async function presentBudgets(all: readonly Known[], { words, base }: { words: BudgetWords; base: string }) {
  const budgets = await Promise.all(
    all.map(async (known) => {
      const { id, unit, granted, lowered, endedAt } = known.budget;
      const here = `${base}/me/budgets/${id}`;
      const limit = (lowered ?? granted)?.limit;
      const text = limit === undefined ? '' : unit === COUNT ? limit.toString() : fromMinor(limit, unit);
      return {
        ...(await words.viewOf(known)),
        holder: await words.holderOf(known),
        ...(granted === undefined || endedAt !== undefined
          ? {}
          : { lower: { action: `${here}/lower`, label: unit === COUNT ? 'New limit, how often' : `New limit, in ${unit}`, value: text } }),
        ...(endedAt === undefined ? { end: `${here}/end` } : {}),
      };
    }),
  );
  return { heading: headingOf(all.length), budgets };
}

function headingOf(count: number): string {
  if (count === 0) return 'Nothing to use up';
  return count === 1 ? 'One budget' : `${count} budgets`;
}
