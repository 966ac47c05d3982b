import { expect } from '@jest/globals';
import { type DescribedType, patchSchema, type ScimAnswer, type ScimConformanceServer, type ScimSend } from './scim-client.ts';
import { type AttributeDocument, baseOf, commonAttributes, mayFallBack, valueFor, writableParts } from './scim-values.ts';

type Values = Readonly<Record<string, unknown>>;

/** One attribute of one resource type under test, and how it is asked about. */
export interface Subject {
  readonly type: DescribedType;
  readonly attribute: AttributeDocument;
  /** As a filter or a PATCH names it: with the URN of its schema unless it is of the core schema. */
  readonly path: string;
  /** A valid value, another one for each turn. */
  value(turn: number): unknown;
  /** A representation of a new resource with this value; undefined: without the attribute. */
  body(value: unknown): Values;
  /** The value in an answer. */
  in(body: Values): unknown;
  /** Creates a resource with this value, and tells where it is. */
  create(value: unknown): Promise<{ readonly answer: ScimAnswer; readonly at: string }>;
  patch(at: string, ...operations: readonly Values[]): Promise<ScimAnswer>;
  readonly send: ScimSend;
}

export const asArray = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value]);
const asObject = (value: unknown): Values => Object(value) as Values;

/** Every attribute of every type that the server describes, core, extensions and the common one. */
export function subjectsOf({ types, send, real }: ScimConformanceServer): readonly Subject[] {
  const subjectOf = (type: DescribedType, attribute: AttributeDocument, urn?: string): Subject => {
    const path = urn === undefined ? attribute.name : `${urn}:${attribute.name}`;
    const body = (value: unknown) => {
      const schemas = [type.schema.id, ...(urn === undefined ? [] : [urn])];
      const given = value === undefined ? {} : { [attribute.name]: value };
      return { schemas, ...baseOf(type, path, real), ...(urn === undefined ? given : { [urn]: given }) };
    };
    return {
      ...{ type, attribute, path, send, body },
      value: (turn) => valueFor(type.name, path, { attribute, turn, real }),
      in: (answered) => (urn === undefined ? answered : asObject(answered[urn]))[attribute.name],
      async create(value) {
        const answer = await send(`POST ${type.endpoint}`, body(value));
        return { answer, at: `${type.endpoint}/${answer.body.id}` };
      },
      patch: (at, ...Operations) => send(`PATCH ${at}`, { schemas: [patchSchema], Operations }),
    };
  };
  return types.flatMap((type) => [
    ...commonAttributes.map((attribute) => subjectOf(type, attribute)),
    ...type.schema.attributes.map((attribute) => subjectOf(type, attribute)),
    ...type.extensions.flatMap(({ id, attributes }) => attributes.map((attribute) => subjectOf(type, attribute, id))),
  ]);
}

function holdsOne(attribute: AttributeDocument, shown: unknown, sent: unknown): boolean {
  if (attribute.type === 'complex') {
    return writableParts(attribute)
      .filter(({ name }) => asObject(sent)[name] !== undefined)
      .every((part) => holds(part, asObject(shown)[part.name], asObject(sent)[part.name]));
  }
  if (attribute.type === 'dateTime') return Date.parse(String(shown)) === Date.parse(String(sent));
  return shown === sent;
}

/** Whether a shown value is the one that was sent; the server may add readOnly parts. */
export function holds(attribute: AttributeDocument, shown: unknown, sent: unknown): boolean {
  if (!attribute.multiValued) return shown !== undefined && holdsOne(attribute, shown, sent);
  const [all, wanted] = [asArray(shown), asArray(sent)];
  return all.length === wanted.length && wanted.every((each) => all.some((one) => holdsOne(attribute, one, each)));
}

/** The answer is 200 (or as said) and shows the value as it was sent. */
export function expectShown(subject: Subject, answer: ScimAnswer, sent: unknown, status = 200): void {
  expect({ status: answer.status, body: answer.body }).toMatchObject({ status });
  const shown = subject.in(answer.body);
  if (!holds(subject.attribute, shown, sent)) expect(shown).toEqual(sent);
}

/** The answer is 200 and shows no value, unless the attribute always has one. */
export function expectUnassigned({ type, path, in: shownIn }: Subject, answer: ScimAnswer): void {
  expect({ status: answer.status, body: answer.body }).toMatchObject({ status: 200 });
  if (!mayFallBack(type.name, path)) expect(shownIn(answer.body)).toBeUndefined();
}

/** A path to one value, and what it is. */
export interface Leaf {
  readonly path: string;
  readonly definition: AttributeDocument;
  readonly value: unknown;
  readonly isSingle: boolean;
}

/** What a filter can compare of a shown value. */
export function leavesOf({ attribute, path }: Pick<Subject, 'attribute' | 'path'>, shown: unknown): readonly Leaf[] {
  const [first] = asArray(shown);
  const isSingle = !attribute.multiValued;
  if (attribute.type !== 'complex') return [{ path, definition: attribute, value: first, isSingle }];
  return (attribute.subAttributes ?? []).flatMap((definition) => {
    const [value] = asArray(asObject(first)[definition.name]);
    return value === undefined ? [] : [{ path: `${path}.${definition.name}`, definition, value, isSingle }];
  });
}
