import { AppError } from '../../platform/errors.ts';
import { scimRefusal } from '../errors.ts';
import { isObject } from '../schema-validation.ts';

/** The most operations of one bulk request, and its largest body (RFC 7644 §3.7.4; ServiceProviderConfig prints both). */
export const maxOperations = 1_000;
export const maxPayloadSize = 2 * 1024 * 1024;

const requestSchema = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';
const methods = ['POST', 'PUT', 'PATCH', 'DELETE'] as const;
const maxPathLength = 1_000;
const maxBulkIdLength = 200;
const maxVersionLength = 500;

/** One operation, read but not yet understood. */
export interface BulkOperation {
  readonly method: (typeof methods)[number];
  readonly path: string;
  readonly bulkId: string | undefined;
  /** The If-Match of this operation. */
  readonly version: string | undefined;
  readonly data: unknown;
}

/** An operation as it was sent: what its answer repeats of it, and what it asks or why that cannot be read. */
export interface BulkEntry {
  readonly shown: { readonly method?: string; readonly bulkId?: string };
  readonly operation: BulkOperation | AppError;
}

/** A bulk request (RFC 7644 §3.7). */
export interface BulkRequest {
  /** After how many errors the rest is left undone; undefined: never. */
  readonly failOnErrors: number | undefined;
  readonly entries: readonly BulkEntry[];
}

function textIn(entry: Readonly<Record<string, unknown>>, name: string, max: number): string | undefined {
  const value = entry[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && value !== '' && value.length <= max) return value;
  throw scimRefusal('invalidValue', `${name} is a string of 1 to ${max} characters.`, name);
}

function readOperation(entry: Readonly<Record<string, unknown>>): BulkOperation {
  const name = textIn(entry, 'method', 10)?.toUpperCase();
  const method = methods.find((each) => each === name);
  if (method === undefined) throw scimRefusal('invalidValue', 'method is POST, PUT, PATCH or DELETE.', 'method');
  const path = textIn(entry, 'path', maxPathLength);
  if (path === undefined) throw scimRefusal('invalidValue', 'path is the endpoint of a resource type, or a resource below it.', 'path');
  const bulkId = textIn(entry, 'bulkId', maxBulkIdLength);
  if (method === 'POST' && bulkId === undefined) throw scimRefusal('invalidValue', 'A POST needs a bulkId.', 'bulkId');
  const data = entry['data'];
  if (method !== 'DELETE' && (typeof data !== 'object' || data === null))
    throw scimRefusal('invalidSyntax', `${method} needs data, a JSON object.`, 'data');
  return { method, path, bulkId, version: textIn(entry, 'version', maxVersionLength), data };
}

function readEntry(entry: unknown): BulkEntry {
  if (!isObject(entry)) throw scimRefusal('invalidSyntax', 'Each of Operations is an object.', 'Operations');
  const shown = Object.fromEntries(
    (['method', 'bulkId'] as const).flatMap((name) => {
      const value = entry[name];
      return typeof value === 'string' && value.length <= maxBulkIdLength ? [[name, value]] : [];
    }),
  );
  try {
    return { shown, operation: readOperation(entry) };
  } catch (error) {
    if (error instanceof AppError) return { shown, operation: error };
    throw error;
  }
}

function assertUniqueBulkIds(entries: readonly BulkEntry[]): void {
  const seen = new Set<string>();
  for (const { shown } of entries) {
    if (shown.bulkId === undefined) continue;
    if (seen.has(shown.bulkId)) throw scimRefusal('invalidValue', `The bulkId ${shown.bulkId} is given twice.`, 'bulkId');
    seen.add(shown.bulkId);
  }
}

/**
 * The body of POST /Bulk (RFC 7644 §3.7). Refused as a whole: 400 `invalidSyntax` when it is no BulkRequest, `invalidValue` for a
 * bulkId given twice or a failOnErrors below 1, 413 beyond 1,000 operations. What is wrong with one operation is that one's error.
 */
export function readBulkRequest(body: unknown): BulkRequest {
  if (!isObject(body) || !Array.isArray(body['schemas']) || !body['schemas'].includes(requestSchema))
    throw scimRefusal('invalidSyntax', `The body is an object whose schemas contains ${requestSchema}.`, 'schemas');
  const { Operations: operations, failOnErrors } = body as { Operations?: unknown; failOnErrors?: unknown };
  if (!Array.isArray(operations) || operations.length === 0)
    throw scimRefusal('invalidSyntax', 'Operations is an array of at least one operation.', 'Operations');
  if (operations.length > maxOperations) throw new AppError('too_large', `A bulk request has at most maxOperations (${maxOperations}).`);
  const isNumber = typeof failOnErrors === 'number' && Number.isSafeInteger(failOnErrors) && failOnErrors >= 1;
  if (failOnErrors !== undefined && failOnErrors !== null && !isNumber)
    throw scimRefusal('invalidValue', 'failOnErrors is an integer of at least 1.', 'failOnErrors');
  const entries = operations.map(readEntry);
  assertUniqueBulkIds(entries);
  return { failOnErrors: isNumber ? failOnErrors : undefined, entries };
}
