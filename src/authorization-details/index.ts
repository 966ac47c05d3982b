/**
 * Authorization details (RFC 9396): which types exist, whether a detail is valid, whether one lies inside another, how it
 * reads to a human and how it is hashed. Pure data and functions, and what the engine needs of them; it stores nothing. Approvals,
 * sign-in, token exchange and policy call it.
 */
import type { Capability } from '../capability.ts';
import { richAuthorizationRequests } from './oidc.ts';
import type { DetailTypes } from './registry.ts';
import { detailTypeRoutes } from './routes.ts';

export { builtInDetailTypes, mcpToolCall } from './built-in-types.ts';
export { type Coverage, covers, inherit } from './covers.ts';
export { coversAll, type Derivation } from './derivation.ts';
export type { AuthorizationDetail, DetailType, DetailTypeDefinition, JsonObject, JsonValue, MemberSchema } from './detail-type.ts';
export { detailsHash } from './details-hash.ts';
export { type LocationCheck, locationsWithin } from './locations.ts';
export { createDetailTypes, type DetailTypes } from './registry.ts';
export { detailLimits, parseDetails, type Validation, validateDetails } from './validation.ts';
export { describeDetail, type DetailRow, type DetailWords } from './words.ts';

/** The types in force and their contribution. */
export interface AuthorizationDetails {
  readonly types: DetailTypes;
  readonly capability: Capability;
}

/** Builds the capability over a registry of types. */
export function createAuthorizationDetails({ types }: { readonly types: DetailTypes }): AuthorizationDetails {
  return {
    types,
    capability: { name: 'authorization-details', oidc: richAuthorizationRequests(types), routes: detailTypeRoutes(types) },
  };
}
