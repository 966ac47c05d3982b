import { AppError } from '../../platform/errors.ts';
import { resolveAttributePath, scimRefusal } from '../../scim/index.ts';
import type { GivenValue } from '../batch/given.ts';
import type { UpsertRow } from '../batch/upsert.ts';
import { agentDefinition, extensionUrn } from '../scim-extension.ts';

/** What a column of a file, or a member of a JSON line, stands for. */
export type Column =
  | { readonly kind: 'attribute'; readonly place: Omit<GivenValue, 'value'>; readonly isList: boolean; readonly isNumber: boolean }
  | { readonly kind: 'owner' }
  | { readonly kind: 'ignored' };

const SEPARATOR = ';';

/**
 * The attribute of a name: SCIM names of Agent and, without or with its URN, of our extension, in any case; `model.name` for a part,
 * `owner` for who owns it. Names that begin with `_` are for whoever keeps the file. @throws {AppError} `invalid_input`.
 */
export function columnOf(name: string): Column {
  const trimmed = name.trim();
  if (trimmed.startsWith('_') || trimmed.toLowerCase() === 'schemas') return { kind: 'ignored' };
  if (['owner', 'owners.value'].includes(trimmed.toLowerCase())) return { kind: 'owner' };
  const path = resolveAttributePath(agentDefinition, trimmed) ?? resolveAttributePath(agentDefinition, `${extensionUrn}:${trimmed}`);
  if (path === undefined || (path.subAttribute !== undefined && path.attribute.multiValued))
    throw new AppError('invalid_input', `There is no attribute ${trimmed.slice(0, 100)}.`, { member: trimmed.slice(0, 100) });
  const { attribute, subAttribute, extension } = path;
  const { type } = subAttribute ?? attribute;
  const place = {
    name: attribute.name,
    ...(extension === undefined ? {} : { extension }),
    ...(subAttribute === undefined ? {} : { subName: subAttribute.name }),
  };
  return { kind: 'attribute', place, isList: attribute.multiValued, isNumber: type === 'integer' || type === 'decimal' };
}

/** The text of a cell as JSON says it: nothing is null, a list is parted by `;`, and JSON stands for itself where it is needed. */
export function valueOfCell(text: string, { isList, isNumber }: Column & { readonly kind: 'attribute' }): unknown {
  if (text === '') return null;
  if (isNumber) return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text;
  if (/^\s*[[{]/.test(text)) {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw scimRefusal('invalidSyntax', 'A cell that begins with [ or { is JSON.');
    }
  }
  const parts = isList ? text.split(SEPARATOR).map((part) => part.trim()) : [];
  return isList ? parts.filter((part) => part !== '') : text;
}

/** What a row says, put together from its columns. @throws {AppError} `invalid_input` without an external id. */
export function rowOf(values: readonly (readonly [Column, unknown])[]): UpsertRow {
  const given: GivenValue[] = [];
  let ownerReference: string | undefined;
  for (const [column, value] of values) {
    if (column.kind === 'attribute') given.push({ ...column.place, value });
    if (column.kind !== 'owner') continue;
    if (value !== null && typeof value !== 'string') throw scimRefusal('invalidValue', 'owner is an id or an e-mail address.', 'owner');
    // Without an owner in the row the list of owners is cleared.
    if (value === null || value.trim() === '') given.push({ name: 'owners', value: null });
    else ownerReference = value.trim();
  }
  const externalId = given.find(({ name, extension }) => name === 'externalId' && extension === undefined)?.value;
  if (typeof externalId !== 'string' || externalId === '')
    throw scimRefusal('invalidValue', 'A row needs an externalId: it is how the agent is found the next time.', 'externalId');
  return { externalId, given, ownerReference };
}
