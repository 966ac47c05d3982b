import { type DetailTypeDefinition, type Fault, isRequired, type JsonValue, type MemberSchema, pointer } from './detail-type.ts';
import { faultOfSpelling, faultOfText } from './safe-text.ts';

const placeholders = /\{([^{}]*)\}/g;
const always = ['items', 'count', 'resource'];

/** What is wrong with the words of a definition, or undefined: people decide by them, so none may lie or hide (R11, R12). */
export function faultOfWords(definition: DetailTypeDefinition): Fault | undefined {
  return faultOfTexts(definition as unknown as JsonValue, '') ?? faultOfHeadline(definition) ?? faultOfPhrase(definition.schema, '/schema');
}

function faultOfTexts(value: JsonValue, path: string): Fault | undefined {
  if (typeof value === 'string') {
    const message = faultOfText(value) ?? faultOfSpelling(value);
    return message === undefined ? undefined : { path, message };
  }
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, member] of Object.entries(value)) {
    const fault = faultOfTexts(member as JsonValue, pointer(path, name));
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** A headline says the same of every detail: what it names must be in every detail. */
function faultOfHeadline({ headline, schema }: DetailTypeDefinition): Fault | undefined {
  const required = Object.keys(schema.properties ?? {}).filter((name) => isRequired(schema, name));
  if (!required.includes(headline.counted))
    return { path: '/headline/counted', message: 'must name a required member of the type: its items are counted in the headline' };
  for (const form of ['one', 'many'] as const) {
    const stranger = placeholdersOf(headline[form]).find((name) => !always.includes(name) && !required.includes(name));
    if (stranger !== undefined)
      return { path: `/headline/${form}`, message: 'may only use {items}, {count}, {resource} and required members as placeholders' };
  }
  return undefined;
}

/** A phrase without its value would hide the limit it speaks of. */
function faultOfPhrase(schema: MemberSchema, path: string): Fault | undefined {
  const phrase = schema['x-phrase'];
  if (phrase !== undefined && placeholdersOf(phrase).join() !== 'value')
    return { path: `${path}/x-phrase`, message: 'must hold {value} once and no other placeholder' };
  const inner: [string, MemberSchema | undefined][] = Object.entries(schema.properties ?? {}).map(([name, member]) => [
    pointer(`${path}/properties`, name),
    member,
  ]);
  const { additionalProperties: others } = schema;
  inner.push([`${path}/additionalProperties`, typeof others === 'object' ? others : undefined], [`${path}/items`, schema.items]);
  for (const [at, member] of inner) {
    const fault = member === undefined ? undefined : faultOfPhrase(member, at);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function placeholdersOf(template: string): readonly string[] {
  return [...template.matchAll(placeholders)].map(([, name = '']) => name);
}
