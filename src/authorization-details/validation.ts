import { type AuthorizationDetail, type Fault, isJsonObject, type JsonObject, pointer } from './detail-type.ts';
import type { DetailTypes } from './detail-type.ts';
import { faultOfSpelling, faultOfText, type TextCheck } from './safe-text.ts';

/** The limits of R26: larger details travel by reference, never inside a token. */
export const detailLimits = { bytes: 4096, entries: 10, depth: 6 } as const;

/** Details that may be granted, or the first thing wrong: a JSON Pointer into the array and a sentence (ASCII, no quotes). */
export type Validation = { readonly ok: true; readonly details: readonly AuthorizationDetail[] } | ({ readonly ok: false } & Fault);

const wrong = (path: string, message: string): Validation => ({ ok: false, path: path === '' ? '/' : path, message });

/**
 * Checks `authorization_details` (RFC 9396 §2, §5): a non-empty array of at most 10 objects, ≤ 4 KB serialised, ≤ 6 levels
 * deep, every `type` known, every detail valid for its type, no text with deceptive characters (R11: a human will read it).
 * Answers the fault for `invalid_authorization_details`; never throws.
 */
export function validateDetails(types: DetailTypes, input: unknown): Validation {
  if (!Array.isArray(input) || input.length === 0) return wrong('', 'must be a non-empty array');
  if (input.length > detailLimits.entries) return wrong('', `must not have more than ${detailLimits.entries} entries`);
  const shape = faultOfShape(input, { path: '', depth: 0, check: faultOfText });
  if (shape !== undefined) return { ok: false, ...shape };
  if (Buffer.byteLength(JSON.stringify(input)) > detailLimits.bytes) return wrong('', `must not exceed ${detailLimits.bytes} bytes`);
  for (const [index, detail] of input.entries()) {
    const fault = faultOfDetail(types, detail);
    if (fault !== undefined) return wrong(`${pointer('', index)}${fault.path === '/' ? '' : fault.path}`, fault.message);
  }
  return { ok: true, details: input };
}

/**
 * `validateDetails` on what a request asks for, as it was sent: a JSON text (RFC 9396 §2). Besides, no object names a member twice
 * (RFC 8259 §4: readers disagree about such a text), every text has its one spelling, and no type is switched off; details that were
 * granted before keep their meaning and pass `validateDetails`.
 */
export function parseDetails(types: DetailTypes, text: string): Validation {
  if (text.length > detailLimits.bytes * 2) return wrong('', `must not exceed ${detailLimits.bytes} bytes`);
  const input = parseJson(text);
  if (input === undefined) return wrong('', 'is not JSON');
  const checked = validateDetails(types, input);
  if (!checked.ok) return checked;
  if (namesWritten(text) !== namesRead(input)) return wrong('', 'names a member twice');
  const spelling = faultOfShape(input, { path: '', depth: 0, check: faultOfSpelling });
  if (spelling !== undefined) return { ok: false, ...spelling };
  const off = checked.details.findIndex(({ type }) => !types.names.includes(type));
  return off === -1 ? checked : wrong(`/${off}/type`, 'is a type that is switched off here');
}

/** How many members a JSON text writes: texts with a colon behind them. Texts are read from the front, so none begins inside another. */
function namesWritten(text: string): number {
  return [...text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/gs)].filter(([, colon]) => colon !== undefined).length;
}

function namesRead(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const members: unknown[] = Object.values(value);
  return members.reduce<number>((sum, member) => sum + namesRead(member), Array.isArray(value) ? 0 : members.length);
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

/** Where a value stands (the array is level 0, a detail level 1), and what texts are looked through for. */
interface Place {
  readonly path: string;
  readonly depth: number;
  readonly check: TextCheck;
}

/** Depth and texts, before anything else walks the value. */
function faultOfShape(value: unknown, { path, depth, check }: Place): Fault | undefined {
  if (typeof value === 'string') {
    const message = check(value);
    return message === undefined ? undefined : { path, message };
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth > detailLimits.depth) return { path, message: `is nested more than ${detailLimits.depth} levels deep` };
  for (const [name, member] of Object.entries(value)) {
    const message = check(name);
    if (message !== undefined) return { path, message: `has a member whose name ${message}` };
    const fault = faultOfShape(member, { path: pointer(path, name), depth: depth + 1, check });
    if (fault !== undefined) return fault;
  }
  return undefined;
}
