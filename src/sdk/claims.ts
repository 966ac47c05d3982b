import type { Actor, Approval, Authorization, AuthorizationDetail } from './authorization.ts';
import { fromEpochSeconds } from './clock.ts';
import { invalidToken } from './refusal.ts';

const maxClaimLength = 1024;
const maxDetails = 64;
const maxApprovalUses = 100;
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** A plain JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a JSON value is an object, not an array and not null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A non-empty string claim of bounded length. @throws AccessRefused `invalid_token`. */
export function readString(claims: JsonObject, name: string): string {
  const value = claims[name];
  if (typeof value !== 'string' || value === '' || value.length > maxClaimLength) {
    throw invalidToken(`the claim ${name} is missing or malformed`);
  }
  return value;
}

/** A string claim that may be absent. @throws AccessRefused `invalid_token` when present and no string. */
export function readOptionalString(claims: JsonObject, name: string): string | undefined {
  return claims[name] === undefined ? undefined : readString(claims, name);
}

/** A NumericDate claim, in seconds (RFC 7519 §2). @throws AccessRefused `invalid_token`. */
export function readNumericDate(claims: JsonObject, name: string): number {
  const value = claims[name];
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0 || value > 8.64e12) {
    throw invalidToken(`the claim ${name} is missing or malformed`);
  }
  return value;
}

/** The entity profile of a party, lower case: its values compare without case (Entity Profiles). */
export function readProfile(claims: JsonObject): string | undefined {
  return readOptionalString(claims, 'sub_profile')?.toLowerCase();
}

/** Whether a profile names an AI agent among its values. */
export function isAgentProfile(profile: string | undefined): boolean {
  return profile?.split(' ').includes('ai_agent') ?? false;
}

/** `scope` as a list without repetitions; none when absent (RFC 9068 §2.2.3). @throws AccessRefused `invalid_token`. */
export function readScopes(claims: JsonObject): readonly string[] {
  const value = claims['scope'];
  if (value === undefined || value === '') return [];
  if (typeof value !== 'string') throw invalidToken('the claim scope is malformed');
  const scopes = value.split(' ');
  if (!scopes.every((scope) => scopeToken.test(scope))) throw invalidToken('the claim scope is malformed');
  return [...new Set(scopes)];
}

/**
 * The delegation chain, newest actor first (RFC 8693 §4.1). It is read whole or not at all: a chain that is too deep or lacks
 * an `iss` or `sub` anywhere says nothing reliable about who acts.
 * @throws AccessRefused `invalid_token`.
 */
export function readActors(claims: JsonObject, maxDepth: number): readonly Actor[] {
  const actors: Actor[] = [];
  let act = claims['act'];
  while (act !== undefined) {
    if (!isJsonObject(act)) throw invalidToken('the act claim is malformed');
    if (actors.length === maxDepth) throw invalidToken('the act claim is nested too deeply');
    actors.push({ issuer: readString(act, 'iss'), subject: readString(act, 'sub'), profile: readProfile(act) });
    act = act['act'];
  }
  return actors;
}

function isDetail(value: unknown): value is AuthorizationDetail {
  return isJsonObject(value) && typeof value['type'] === 'string' && value['type'] !== '';
}

/** `authorization_details`: an array of objects that each have a `type` (RFC 9396 §2). @throws AccessRefused `invalid_token`. */
export function readDetails(claims: JsonObject): readonly AuthorizationDetail[] {
  const value = claims['authorization_details'];
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > maxDetails || !value.every(isDetail)) {
    throw invalidToken('the claim authorization_details is malformed');
  }
  return value;
}

function readInstant(claims: JsonObject, name: string): Date {
  const value = claims[name];
  const instant = typeof value === 'string' ? fromEpochSeconds(Date.parse(value) / 1000) : fromEpochSeconds(readNumericDate(claims, name));
  if (Number.isNaN(instant.getTime())) throw invalidToken(`the claim ${name} is malformed`);
  return instant;
}

function readMaxUses(approval: JsonObject): number | undefined {
  const value = approval['max_uses'];
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > maxApprovalUses) {
    throw invalidToken('the claim max_uses is malformed');
  }
  return value;
}

/** The `approval` claim; its instants are NumericDates or RFC 3339 text. @throws AccessRefused `invalid_token`. */
export function readApproval(claims: JsonObject): Approval | undefined {
  const value = claims['approval'];
  if (value === undefined) return undefined;
  if (!isJsonObject(value)) throw invalidToken('the approval claim is malformed');
  const by = readOptionalString(value, 'by');
  if (by !== undefined && by !== 'subject' && by !== 'other') throw invalidToken('the approval claim is malformed');
  return {
    id: readString(value, 'id'),
    approvedAt: value['approved_at'] === undefined ? undefined : readInstant(value, 'approved_at'),
    approvedUntil: readInstant(value, 'approved_until'),
    detailsHash: readOptionalString(value, 'details_hash'),
    approvedBy: readOptionalString(value, 'approved_by'),
    by,
    maxUses: readMaxUses(value),
  };
}

/** `acr` and `auth_time` (RFC 9068 §2.2.1). @throws AccessRefused `invalid_token`. */
export function readAuthentication(claims: JsonObject): Authorization['authentication'] {
  const at = claims['auth_time'] === undefined ? undefined : fromEpochSeconds(readNumericDate(claims, 'auth_time'));
  return { acr: readOptionalString(claims, 'acr'), at };
}

/** Where the status of a token is kept (draft-ietf-oauth-status-list §6.1). */
export interface StatusReference {
  readonly uri: string;
  readonly index: number;
}

/**
 * The `status` claim; undefined where the token has none. A status that is kept in another way cannot be looked up here.
 * @throws AccessRefused `invalid_token`.
 */
export function readStatusReference(claims: JsonObject): StatusReference | undefined {
  const status = claims['status'];
  if (status === undefined) return undefined;
  const reference = isJsonObject(status) ? status['status_list'] : undefined;
  if (!isJsonObject(reference)) throw invalidToken('the claim status is malformed');
  const index = reference['idx'];
  if (typeof index !== 'number' || !Number.isSafeInteger(index) || index < 0) throw invalidToken('the claim status is malformed');
  return { uri: readString(reference, 'uri'), index };
}
