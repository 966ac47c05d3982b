import { ACR_VALUES } from '../accounts/index.ts';

/** The weakest class that satisfies a request; essential: without it the request fails (OpenID Connect Core §5.5.1.1). */
export interface NeededAcr {
  readonly acr: string;
  readonly isEssential: boolean;
}

/** Reads the `acr` part of a claims request: one `value`, or `values` in which each is good enough. Classes we do not know count only when essential. */
export function readNeeded(request: unknown): NeededAcr | undefined {
  const { essential, value, values } = (request ?? {}) as { essential?: unknown; value?: unknown; values?: unknown };
  const asked = [value, values].flat().filter((item) => typeof item === 'string');
  if (asked.length === 0) return undefined;
  const isEssential = essential === true;
  const weakest = ACR_VALUES.find((acr) => asked.includes(acr));
  const acr = weakest ?? (isEssential ? asked[0] : undefined);
  return acr === undefined ? undefined : { acr, isEssential };
}

/** What the engine noted for the pages when the class was not reached. */
export function neededOf(details: Readonly<Record<string, unknown>>): NeededAcr | undefined {
  const { acr, isEssential } = (details['neededAcr'] ?? {}) as Partial<NeededAcr>;
  return typeof acr === 'string' ? { acr, isEssential: isEssential === true } : undefined;
}
