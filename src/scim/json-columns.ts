import type { BoundAttribute } from './definition.ts';
import type { ScimColumn } from './filter-sql.ts';
import type { ScimAttribute } from './schema.ts';

/** A column of text. */
export function textColumn(column: string): ScimColumn {
  return { column, type: 'text' };
}

/** A column with a point in time. */
export function timeColumn(column: string): ScimColumn {
  return { column, type: 'timestamp' };
}

function memberOf(document: string, { name, type }: ScimAttribute): ScimColumn {
  const text = `(${document}->>'${name}')`;
  if (type === 'boolean') return { column: `(${text}::boolean)`, type };
  return type === 'integer' || type === 'decimal' ? { column: `(${text}::numeric)`, type: 'number' } : textColumn(text);
}

/**
 * Where an attribute is stored that lies in a JSON document under its own name, so that it can be filtered by; `document` is trusted
 * SQL, a jsonb column.
 */
export function columnsInJson(attribute: ScimAttribute, document: string): Pick<BoundAttribute<never, never>, 'column' | 'columns'> {
  const { name, multiValued, subAttributes } = attribute;
  const value = `${document}->'${name}'`;
  if (!multiValued) {
    if (subAttributes === undefined) return { column: memberOf(document, attribute) };
    const columns = Object.fromEntries(subAttributes.map((sub) => [sub.name, memberOf(`(${value})`, sub)]));
    return { column: textColumn(`(${document}->>'${name}')`), columns };
  }
  if (subAttributes === undefined) {
    const rows = `SELECT 1 FROM jsonb_array_elements_text(${value}) AS each(text) WHERE true`;
    return { column: { rows, columns: { value: textColumn('each.text') } } };
  }
  const rows = `SELECT 1 FROM jsonb_array_elements(${value}) AS each(doc) WHERE true`;
  return { column: { rows, columns: Object.fromEntries(subAttributes.map((sub) => [sub.name, memberOf('each.doc', sub)])) } };
}
