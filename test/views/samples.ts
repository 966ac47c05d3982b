import { consoleSamples } from './samples-console.ts';
import { personSamples } from './samples-person.ts';
import type { Sample } from './shapes.ts';

/** One sample or more for every page template: the gallery test renders them all, and fails for a template without one. */
export const samples: readonly Sample[] = [...personSamples, ...consoleSamples];
