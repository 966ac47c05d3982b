import parse from 'co-body';
import type { Context } from 'koa';
import type { z } from 'zod';
import { AppError } from '../errors.ts';
import { bodyLimitOf } from './limits.ts';

const MAX_PARAMETERS = 1000;
const DEFAULT_DEPTH = 20;
const MAX_MEMBER = 120;

/** A parsed form: one string a parameter; a list only for parameters that were named as repeatable. */
export type Form = Readonly<Record<string, string | readonly string[]>>;

/** The parser's own errors, in our words: nothing of the body is repeated in them. */
function refusalOf(error: unknown, what: string, limit: number): unknown {
  if (!(error instanceof Error)) return error;
  const status = 'status' in error ? error.status : undefined;
  if (status === 413) return new AppError('too_large', `The body is larger than ${limit} bytes.`);
  if (status === 415) return new AppError('unsupported_media_type', 'The charset of the body is not supported; send UTF-8.');
  if (status === 400 || error instanceof SyntaxError) return new AppError('invalid_input', `The body is not ${what}.`);
  return error;
}

async function readText(ctx: Context, what: string): Promise<string> {
  try {
    return await parse.text(ctx.req, { limit: bodyLimitOf(ctx), encoding: ctx.request.charset || 'utf-8' });
  } catch (error) {
    throw refusalOf(error, what, bodyLimitOf(ctx));
  }
}

/**
 * Reads an `application/x-www-form-urlencoded` body. A parameter sent twice is refused with `invalid_input` (RFC 6749 §3.2 says the
 * same of its own) unless `repeatable` names it: those are lists, empty when absent. Throws `unsupported_media_type`, `too_large`.
 */
export async function readForm(ctx: Context, options: { repeatable?: readonly string[] } = {}): Promise<Form> {
  const type = ctx.is('application/x-www-form-urlencoded');
  if (type === false) throw new AppError('unsupported_media_type', 'Send application/x-www-form-urlencoded.');
  const text = type === null ? '' : await readText(ctx, 'a form');
  const form = new Map<string, string | string[]>((options.repeatable ?? []).map((name) => [name, []]));
  let count = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    count += 1;
    if (count > MAX_PARAMETERS) throw new AppError('too_large', `A form has at most ${MAX_PARAMETERS} parameters.`);
    const known = form.get(name);
    if (Array.isArray(known)) known.push(value);
    else if (known === undefined) form.set(name, value);
    else throw new AppError('invalid_input', 'A parameter was sent more than once.', { member: name.slice(0, MAX_MEMBER) });
  }
  return Object.assign(Object.create(null), Object.fromEntries(form));
}

/** Whether `value` nests deeper than `max` (an array or object of plain values is one deep); walks without recursion. */
export function isDeeperThan(value: unknown, max: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > max) return true;
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item).filter(isContainer) : []));
  }
  return false;
}

function isContainer(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/**
 * Reads a JSON body: an object or an array, nested at most `maxDepth` (20), of type application/json, application/*+json or one in
 * `types`. Members named `__proto__` are refused. Throws `unsupported_media_type`, `too_large`, `invalid_input`.
 */
export async function readJson(ctx: Context, options: { maxDepth?: number; types?: readonly string[] } = {}): Promise<unknown> {
  const type = ctx.is('application/json', 'application/*+json', ...(options.types ?? []));
  if (type === null) throw new AppError('invalid_input', 'The request needs a JSON body.');
  if (type === false) throw new AppError('unsupported_media_type', 'Send application/json.');
  const maxDepth = options.maxDepth ?? DEFAULT_DEPTH;
  const value = await parseJson(ctx);
  if (isDeeperThan(value, maxDepth - 1)) throw new AppError('invalid_input', `The body is nested deeper than ${maxDepth}.`);
  return value;
}

async function parseJson(ctx: Context): Promise<unknown> {
  try {
    const { parsed, raw } = await parse.json(ctx.req, { limit: bodyLimitOf(ctx), returnRawBody: true });
    if (raw.trim() === '') throw new AppError('invalid_input', 'The request needs a JSON body.');
    return parsed;
  } catch (error) {
    throw refusalOf(error, 'a JSON object or array', bodyLimitOf(ctx));
  }
}

const escapePointer = (part: PropertyKey): string => String(part).replaceAll('~', '~0').replaceAll('/', '~1');

/**
 * `value` as `schema` reads it; otherwise `invalid_input` naming the first member at fault as a JSON Pointer (RFC 6901; the empty
 * pointer is the whole). The value itself is not repeated.
 */
export function parseWith<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const member = [...(issue?.path ?? []), ...unknown]
    .map((part) => `/${escapePointer(part)}`)
    .join('')
    .slice(0, MAX_MEMBER);
  const reason = issue === undefined || issue.code === 'unrecognized_keys' ? 'is not known here' : issue.message;
  throw new AppError('invalid_input', `${member === '' ? 'The request' : member}: ${reason}`, { member });
}
