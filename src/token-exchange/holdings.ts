import { type AuthorizationDetail, type DetailTypes, locationsWithin, validateDetails } from '../authorization-details/index.ts';
import type { Holding } from './narrowing.ts';

function words(value: unknown): string[] {
  return typeof value === 'string' ? value.split(' ').filter((word) => word !== '') : [];
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** Only details that say where they hold: one without locations means the audience it was granted for, which is not this one. */
function detailsAt(types: DetailTypes, rar: unknown, resource: string): AuthorizationDetail[] {
  if (!Array.isArray(rar)) return [];
  return (rar as unknown[]).flatMap((detail) => {
    const checked = validateDetails(types, [detail]);
    if (!checked.ok) return [];
    return checked.details.filter((one) => Object.hasOwn(one, 'locations') && locationsWithin([one], resource).within);
  });
}

/**
 * What a stored grant of the engine holds, one entry a resource (security rule R2): the scopes the person granted for it and did
 * not reject, and the details that are located there. `payload` is the grant as the engine stored it.
 */
export function holdingsFrom(payload: Readonly<Record<string, unknown>>, types: DetailTypes): readonly Holding[] {
  const rejected = recordOf(recordOf(payload['rejected'])['resources']);
  return Object.entries(recordOf(payload['resources'])).map(([resource, granted]) => {
    const taken = new Set(words(rejected[resource]));
    const scopes = words(granted).filter((scope) => !taken.has(scope));
    return { resource, scopes, details: detailsAt(types, payload['rar'], resource) };
  });
}
