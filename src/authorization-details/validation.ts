import { type AuthorizationDetail, type Fault, isJsonObject, type JsonObject, pointer } from './detail-type.ts';
import type { DetailTypes } from './registry.ts';

/** The limits of R26: larger details travel by reference, never inside a token. */
export const detailLimits = { bytes: 4096, entries: 10, depth: 6 } as const;

/** Details that may be granted, or the first thing wrong: a JSON Pointer into the array and a sentence (ASCII, no quotes). */
export type Validation = { readonly ok: true; readonly details: readonly AuthorizationDetail[] } | ({ readonly ok: false } & Fault);

const wrong = (path: string, message: string): Validation => ({ ok: false, path: path === '' ? '/' : path, message });

/** Control, format (bidi, zero-width), line-separating, private and unassigned characters: they make a text read differently. */
const deceptive = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\p{Cn}]/u;

/**
 * Checks `authorization_details` (RFC 9396 §2, §5): a non-empty array of at most 10 objects, ≤ 4 KB serialised, ≤ 6 levels
 * deep, every `type` known, every detail valid for its type, no text with deceptive characters (R11: a human will read it).
 * Answers the fault for `invalid_authorization_details`; never throws.
 */
export function validateDetails(types: DetailTypes, input: unknown): Validation {
  if (!Array.isArray(input) || input.length === 0) return wrong('', 'must be a non-empty array');
  if (input.length > detailLimits.entries) return wrong('', `must not have more than ${detailLimits.entries} entries`);
  const shape = faultOfShape(input, '', 0);
  if (shape !== undefined) return { ok: false, ...shape };
  if (Buffer.byteLength(JSON.stringify(input)) > detailLimits.bytes) return wrong('', `must not exceed ${detailLimits.bytes} bytes`);
  for (const [index, detail] of input.entries()) {
    const fault = faultOfDetail(types, detail);
    if (fault !== undefined) return wrong(`${pointer('', index)}${fault.path === '/' ? '' : fault.path}`, fault.message);
  }
  return { ok: true, details: input };
}

/** `validateDetails` on the request parameter as it was sent: a JSON text (RFC 9396 §2). */
export function parseDetails(types: DetailTypes, text: string): Validation {
  if (text.length > detailLimits.bytes * 2) return wrong('', `must not exceed ${detailLimits.bytes} bytes`);
  const input = parseJson(text);
  return input === undefined ? wrong('', 'is not JSON') : validateDetails(types, input);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function faultOfDetail(types: DetailTypes, detail: unknown): Fault | undefined {
  if (!isJsonObject(detail)) return { path: '/', message: 'must be an object' };
  const name = typeOf(detail);
  if (name === undefined) return { path: '/type', message: 'must be a string' };
  const type = types.find(name);
  return type === undefined ? { path: '/type', message: 'is not a known type' } : type.faultOf(detail);
}

function typeOf(detail: JsonObject): string | undefined {
  const type = Object.hasOwn(detail, 'type') ? detail['type'] : undefined;
  return typeof type === 'string' ? type : undefined;
}

/** Depth and characters, before anything else walks the value: the array is level 0, a detail level 1. */
function faultOfShape(value: unknown, path: string, depth: number): Fault | undefined {
  if (typeof value === 'string') return deceptive.test(value) ? { path, message: 'holds control or invisible characters' } : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth > detailLimits.depth) return { path, message: `is nested more than ${detailLimits.depth} levels deep` };
  for (const [name, member] of Object.entries(value)) {
    if (deceptive.test(name)) return { path, message: 'has a member whose name holds control or invisible characters' };
    const fault = faultOfShape(member, pointer(path, name), depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
