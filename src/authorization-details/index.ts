/**
 * Authorization details (RFC 9396): which types exist, whether a detail is valid, whether one lies inside another, how it
 * reads to a human and how it is hashed. Pure data and functions: it stores nothing and knows no request. Approvals, sign-in,
 * token exchange and policy call it.
 */
export { apiCall, builtInDetailTypes, mcpToolCall } from './built-in-types.ts';
export { type Coverage, covers, inherit } from './covers.ts';
export { coversAll, type Derivation } from './derivation.ts';
export type { AuthorizationDetail, DetailType, DetailTypeDefinition, JsonObject, JsonValue, MemberSchema } from './detail-type.ts';
export { detailsHash } from './details-hash.ts';
export { type LocationCheck, locationsWithin } from './locations.ts';
export { createDetailTypes, type DetailTypes } from './registry.ts';
export { detailLimits, parseDetails, type Validation, validateDetails } from './validation.ts';
export { describeDetail, type DetailRow, type DetailWords } from './words.ts';
