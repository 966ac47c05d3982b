import { z } from 'zod';
import type { Sent } from '../platform/http/operation.ts';
import { covers, inherit } from './covers.ts';
import { type AuthorizationDetail, type DetailType, type DetailTypes, isRequired, type MemberSchema, narrowingOf } from './detail-type.ts';
import type { RegisteredType } from './registered-type.ts';
import { registryOf } from './registry.ts';
import { parseDetails } from './validation.ts';
import { describeDetail, type DetailWords } from './words.ts';

/** A type as the management interface shows it. `used` says that its meaning is fixed. */
export const typeBody = z
  .object({
    type: z.string(),
    title: z.string(),
    headline: z.object({ counted: z.string(), one: z.string(), many: z.string() }),
    schema: z.looseObject({}),
    example: z.looseObject({}).optional(),
    status: z.enum(['active', 'disabled']),
    built_in: z.boolean(),
    used: z.boolean(),
    changed_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'AuthorizationDetailType' });

/** A type in the form of `typeBody`. */
export function presentType({ definition, isBuiltIn, isEnabled, usedAt, changed }: RegisteredType): Sent<typeof typeBody> {
  const { schema, example, ...words } = definition;
  return {
    ...words,
    schema: { ...schema },
    ...(example === undefined ? {} : { example: { ...example } }),
    status: isEnabled ? 'active' : 'disabled',
    built_in: isBuiltIn,
    used: isBuiltIn || usedAt !== undefined,
    changed_at: changed?.at.toISOString() ?? null,
  };
}

function stateOf({ isEnabled }: RegisteredType) {
  return isEnabled ? { word: 'On', tone: 'yes' } : { word: 'Off', tone: 'wait' };
}

/** A line of the console's list. */
export function presentInList(type: RegisteredType) {
  const { definition, isBuiltIn } = type;
  return { type: definition.type, title: definition.title, origin: isBuiltIn ? 'Built in' : 'Registered here', state: stateOf(type) };
}

/** The page of one type, without its live example. */
export function presentInConsole(type: RegisteredType) {
  const { definition, isBuiltIn, usedAt } = type;
  const members = Object.entries(definition.schema.properties ?? {}).filter(([name]) => name !== 'type');
  return {
    type: definition.type,
    title: definition.title,
    origin: isBuiltIn ? 'Built in' : 'Registered here',
    state: stateOf(type),
    meaning: meaningOf(isBuiltIn, usedAt),
    members: members.map(([name, schema]) => ({
      name,
      label: schema['x-label'] ?? name,
      narrows: narrowingWords(schema),
      isRequired: isRequired(definition.schema, name),
    })),
    definition: definitionText(definition),
  };
}

function meaningOf(isBuiltIn: boolean, usedAt: Date | undefined): string {
  if (isBuiltIn) return 'It is part of Behalf and stays as it is. You may switch it off.';
  return usedAt === undefined
    ? 'No request has named it yet: you may still change it in any way, or remove it.'
    : 'Requests have named it, so its meaning is fixed: you may change its words, relax bounds and add optional members.';
}

const NARROWING = {
  upperBound: 'may only fall',
  lowerBound: 'may only rise',
  subset: 'may only lose entries',
  prefix: 'may only become longer',
  equal: 'stays as it is',
  window: 'may only become shorter',
  budget: 'is shared by all that comes from it, and may only shrink',
  optionalConstraint: 'each part by its own rule',
} as const;

function narrowingWords(schema: MemberSchema): string {
  const narrowing = narrowingOf(schema);
  const parts = Object.entries(schema.properties ?? {});
  if (narrowing !== 'optionalConstraint' || parts.length === 0) return NARROWING[narrowing];
  return parts.map(([name, part]) => `${part['x-label'] ?? name} ${narrowingWords(part)}`).join(', ');
}

/** A definition as the form takes and gives it. */
export function definitionText(definition: unknown): string {
  return JSON.stringify(definition, null, 2);
}

/** What was typed to be tried out: a detail, and one that is derived from it. Texts as sent. */
export interface Attempt {
  readonly example: string;
  readonly narrower: string;
}

/** What came of an attempt. */
export interface Tried {
  readonly granted: TriedDetail | undefined;
  readonly derived: TriedDetail | undefined;
  /** How the second lies to the first; undefined while one of them is not valid. */
  readonly comparison: { readonly isCovered: boolean; readonly sentence: string; readonly effective: string } | undefined;
}

/** One detail of an attempt: what is wrong with it, or its words. */
export interface TriedDetail {
  readonly fault: string | undefined;
  readonly words: DetailWords | undefined;
}

const RESOURCE_NAME = 'the resource server';

/** Validates what was typed, puts it into words, and compares the two as an exchange would. Changes nothing. */
export function tryOut(type: DetailType, { example, narrower }: Attempt): Tried {
  const types = registryOf([type]);
  const [first, second] = [example, narrower].map((text) => (text.trim() === '' ? undefined : readDetail(types, text)));
  const granted = first && shownOf(type, first);
  const derived = second && shownOf(type, second);
  if (first?.detail === undefined || second?.detail === undefined) return { granted, derived, comparison: undefined };
  return { granted, derived, comparison: compared(type, first.detail, second.detail) };
}

type Read = { readonly detail: AuthorizationDetail } | { readonly detail: undefined; readonly fault: string };

function readDetail(types: DetailTypes, text: string): Read {
  const parsed = parseDetails(types, `[${text}]`);
  const [detail] = parsed.ok ? parsed.details : [];
  if (parsed.ok && detail !== undefined && parsed.details.length === 1) return { detail };
  if (parsed.ok) return { detail: undefined, fault: 'Type one detail: a JSON object.' };
  const path = parsed.path.replace(/^\/0?/, '');
  return { detail: undefined, fault: path === '' ? `It ${parsed.message}.` : `${path} ${parsed.message}.` };
}

function shownOf(type: DetailType, read: Read): TriedDetail {
  return read.detail === undefined
    ? { fault: read.fault, words: undefined }
    : { fault: undefined, words: describeDetail(type, read.detail, RESOURCE_NAME) };
}

function compared(type: DetailType, granted: AuthorizationDetail, requested: AuthorizationDetail): NonNullable<Tried['comparison']> {
  const derived = inherit(granted, requested, type);
  const effective = definitionText(derived);
  const coverage = covers(granted, derived, type);
  if (!coverage.covered)
    return { isCovered: false, sentence: `The second reaches beyond the first: ${coverage.path} ${coverage.reason}.`, effective };
  const fault = type.faultOf(derived);
  if (fault !== undefined) return { isCovered: false, sentence: `Together they allow nothing: ${fault.path} ${fault.message}.`, effective };
  const isSame = covers(derived, granted, type).covered;
  const sentence = isSame
    ? 'The second allows exactly what the first allows.'
    : 'The second lies inside the first: whoever holds the first may hand on the second.';
  return { isCovered: true, sentence, effective };
}
