import { z } from 'zod';
import type { Sent } from '../platform/http/operation.ts';
import { isRequired, type MemberSchema, narrowingOf } from './detail-type.ts';
import type { RegisteredType } from './registered-type.ts';

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
