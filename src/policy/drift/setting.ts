import { type RiskLevel, riskLevels } from '../../agents/index.ts';

/** For which agents tokens flow while they are under review because something else runs than was agreed (security rule R5). */
export const driftChoices = ['never', 'low', 'medium'] as const;
export type DriftChoice = (typeof driftChoices)[number];

/** The setting as administrators left it. */
export interface DriftSetting {
  readonly choice: DriftChoice;
  /** Counts changes; 0: nobody ever set it. */
  readonly version: number;
  /** The id of whoever set it last. */
  readonly changedBy: string | undefined;
  readonly changedAt: Date | undefined;
}

/** What holds until an administrator says otherwise: nothing flows. */
export const strictest: DriftSetting = { choice: 'never', version: 0, changedBy: undefined, changedAt: undefined };

/** The risks at which an agent goes on: up to the chosen one, none for `never`. */
export function risksUpTo(choice: DriftChoice): readonly RiskLevel[] {
  return choice === 'never' ? [] : riskLevels.slice(0, riskLevels.indexOf(choice) + 1);
}

/** The choice a text names. */
export function choiceOf(text: unknown): DriftChoice | undefined {
  return driftChoices.find((one) => one === text);
}
