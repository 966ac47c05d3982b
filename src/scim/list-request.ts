import { decodeCursor } from './cursor.ts';
import { scimRefusal } from './errors.ts';
import { parseFilter, parseSort } from './filter.ts';
import { parseSelection, shownBy } from './projection.ts';
import type { ScimListQuery, ScimPageRequest } from './resource-type.ts';
import type { ScimDescription } from './schema.ts';
import { isObject } from './schema-validation.ts';

/** The largest page, and the page of a client that names no size. */
export const maxPageSize = 200;
export const defaultPageSize = 100;

const searchSchema = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';
const texts = ['filter', 'sortBy', 'sortOrder', 'cursor'] as const;
const lists = ['attributes', 'excludedAttributes'] as const;
const numbers = ['startIndex', 'count'] as const;

/** The parameters of a list request or a search (RFC 7644 §3.4.2 table 4, §3.4.3; RFC 9865 §2), read but not yet understood. */
export type ScimListRequest = { readonly [K in (typeof texts)[number]]?: string } & {
  readonly [K in (typeof lists)[number]]?: readonly string[];
} & { readonly [K in (typeof numbers)[number]]?: number };

const invalidValue = (name: string, expectation: string): Error => scimRefusal('invalidValue', `${name} is ${expectation}.`, name);

function readInteger(name: string, value: unknown, isCursorMode: boolean): number {
  const number = typeof value === 'string' && /^-?\d{1,9}$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number)) return number;
  if (isCursorMode && name === 'count') throw scimRefusal('invalidCount', 'count is an integer.', 'count');
  throw invalidValue(name, 'an integer');
}

function readList(name: string, value: unknown): string[] {
  const names = typeof value === 'string' ? value.split(',') : value;
  if (!Array.isArray(names) || !names.every((each) => typeof each === 'string')) throw invalidValue(name, 'a list of attribute names');
  return names.map((each) => each.trim()).filter((each) => each !== '');
}

/** Reads the parameters from a query string; one given twice is 400 `invalidValue`. */
export function readListRequest(params: Readonly<Record<string, unknown>>): ScimListRequest {
  const request: Record<string, unknown> = {};
  for (const name of texts) {
    if (params[name] === undefined) continue;
    if (typeof params[name] !== 'string') throw invalidValue(name, 'one string');
    request[name] = params[name];
  }
  for (const name of lists) if (params[name] !== undefined && params[name] !== '') request[name] = readList(name, params[name]);
  for (const name of numbers)
    if (params[name] !== undefined) request[name] = readInteger(name, params[name], params['cursor'] !== undefined);
  return request;
}

/** Reads the body of `POST …/.search` (RFC 7644 §3.4.3); 400 `invalidSyntax` without its schema. */
export function readSearchRequest(body: unknown): ScimListRequest {
  if (!isObject(body) || !Array.isArray(body['schemas']) || !body['schemas'].includes(searchSchema)) {
    throw scimRefusal('invalidSyntax', `The body is an object whose schemas contains ${searchSchema}.`, 'schemas');
  }
  return readListRequest(body);
}

/** What a cursor is tied to: everything that decides which resources come in which order, and whose it is (RFC 9865 §2.2). */
export function cursorQuery(type: ScimDescription, { filter, sortBy, sortOrder }: ScimListRequest, holder: string): readonly unknown[] {
  return [holder, type.name, filter ?? null, sortBy ?? null, sortOrder ?? null];
}

/** The page an index request names: a count above 200 is 200, a negative one 0, a startIndex below 1 is 1 (RFC 7644 §3.4.2.4). */
export function indexPage(request: ScimListRequest): { by: 'index'; startIndex: number; count: number } {
  const count = Math.min(Math.max(request.count ?? defaultPageSize, 0), maxPageSize);
  return { by: 'index', startIndex: Math.max(request.startIndex ?? 1, 1), count };
}

function pageOf(type: ScimDescription, request: ScimListRequest, holder: string): ScimPageRequest {
  if (request.cursor === undefined) return indexPage(request);
  if (request.startIndex !== undefined) throw invalidValue('startIndex', 'not combined with cursor');
  const { count } = indexPage(request);
  if (count < 1) throw scimRefusal('invalidCount', 'count is at least 1 with a cursor.', 'count');
  if (request.cursor === '') return { by: 'position', count };
  return { by: 'position', position: decodeCursor(request.cursor, cursorQuery(type, request, holder)), count };
}

/**
 * A list request in the terms of one resource type; a cursor must be one of `holder`, whoever that is. 400 `invalidFilter`,
 * `invalidPath`, `invalidValue`, `invalidCursor`, `invalidCount`.
 */
export function toListQuery(type: ScimDescription, request: ScimListRequest, holder: string): ScimListQuery {
  return {
    ...(request.filter === undefined ? {} : { filter: parseFilter(type, request.filter) }),
    ...(request.sortBy === undefined ? {} : { sort: parseSort(type, request.sortBy, request.sortOrder) }),
    page: pageOf(type, request, holder),
    isShown: shownBy(parseSelection(type, request)),
  };
}
