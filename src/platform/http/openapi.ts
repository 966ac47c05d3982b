import type Router from '@koa/router';
import { z } from 'zod';
import type { ErrorCode } from '../errors.ts';
import { type DescribedHandler, type Operation, scopesOf } from './operation.ts';
import { textFaultBody, titleOf } from './problem.ts';
import type { Routes } from './web.ts';

/** What the document says beside the routes. */
export interface DocumentFacts {
  readonly title: string;
  readonly description: string;
  readonly version: string;
  /** Where the paths begin: the issuer without a slash at its end. */
  readonly server: string;
  /** How callers prove what they may (OpenAPI 3.1 §4.8.27), under the name `token`. */
  readonly securityScheme: Readonly<Record<string, unknown>>;
}

type Json = Record<string, unknown>;

const ROOT = '/api/v1';
const DOCUMENT = `${ROOT}/openapi.json`;
const DONE = { 200: 'The answer', 201: 'Made', 202: 'Begun' } as const;
const CODES = ['invalid_input', 'unauthenticated', 'forbidden', 'not_found', 'conflict', 'too_many_requests', 'unavailable', 'internal'];

/** RFC 9457, as problem.ts writes it. */
const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    code: z.string().meta({ examples: CODES }),
    member: z.string().optional(),
    decision_id: z.string().optional(),
    faults: z.array(textFaultBody).optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457; `member` is a JSON Pointer to what is at fault.' });

/** Schemas with a name, gathered while the document is written. */
function schemaWriter() {
  const components: Json = {};
  const keep = (name: string, schema: unknown): void => {
    if (components[name] !== undefined && JSON.stringify(components[name]) !== JSON.stringify(schema))
      throw new Error(`Two schemas of the management API are called ${name}.`);
    components[name] = schema;
  };
  const write = (schema: z.ZodType, io: 'input' | 'output'): Json => {
    // a member of an object, so that a schema with a name of its own becomes a reference too
    const { properties, $defs = {} } = z.toJSONSchema(z.object({ it: schema }), {
      io,
      unrepresentable: 'any',
      override: ({ jsonSchema }) => {
        if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
        delete jsonSchema.id;
      },
    });
    const rewritten = JSON.parse(JSON.stringify({ it: properties?.['it'], $defs }).replaceAll('"#/$defs/', '"#/components/schemas/'));
    for (const [name, named] of Object.entries(rewritten.$defs)) keep(name, named);
    return rewritten.it;
  };
  return { components, write };
}

type Write = ReturnType<typeof schemaWriter>['write'];

/** `getResourceServersById` for `GET /api/v1/resource-servers/:id`. */
function operationIdOf(method: string, path: string): string {
  const words = path
    .slice(ROOT.length)
    .replaceAll('/:', '/by-')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '');
  return method.toLowerCase() + words.map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`).join('');
}

function parametersOf(path: string, { query }: Operation, write: Write): Json[] {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({ name, in: 'path', required: true, schema: { type: 'string' } }));
  if (query === undefined) return inPath;
  const { properties = {}, required = [] } = write(query, 'input') as { properties?: Record<string, Json>; required?: string[] };
  const inQuery = Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: required.includes(name), schema }));
  return [...inPath, ...inQuery];
}

function problemsOf(codes: readonly (readonly [number | 'default', ErrorCode | 'internal'])[], write: Write): Json {
  const content = { 'application/problem+json': { schema: write(problem, 'output') } };
  return Object.fromEntries(
    codes.map(([status, code]) => [status, { description: status === 'default' ? 'Any other problem' : titleOf(code), content }]),
  );
}

function describe(method: string, path: string, about: { readonly operation: Operation; readonly write: Write }): Json {
  const { operation, write } = about;
  const { body, answer, summary } = operation;
  const parameters = parametersOf(path, operation, write);
  const content = (schema: z.ZodType, io: 'input' | 'output') => ({ 'application/json': { schema: write(schema, io) } });
  const done =
    operation.media !== undefined
      ? { 200: { description: 'The answer', content: { [operation.media]: { schema: { type: 'string' } } } } }
      : answer === undefined
        ? { 204: { description: 'Done' } }
        : { [operation.status ?? 200]: { description: DONE[operation.status ?? 200], content: content(answer, 'output') } };
  return {
    operationId: operationIdOf(method, path),
    summary,
    tags: [path.split('/')[3] ?? ''],
    security: [...scopesOf(operation), ...(operation.others ?? []).map(({ scope }) => scope)].map((scope) => ({ token: [scope] })),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: !body.safeParse(undefined).success, content: content(body, 'input') } }),
    responses: {
      ...done,
      ...problemsOf(
        [
          [401, 'unauthenticated'],
          [403, 'forbidden'],
          ['default', 'internal'],
        ],
        write,
      ),
    },
  };
}

/** Every route below `/api/v1` on the router with what was said about it; the document itself is none of them. */
function routesOn(router: Router) {
  return router.stack
    .filter(({ path }) => String(path).startsWith(`${ROOT}/`) && path !== DOCUMENT)
    .map(({ path, methods, stack }) => ({
      path: String(path),
      method: methods.find((method) => method !== 'HEAD') ?? 'GET',
      operation: stack.map((handler) => (handler as DescribedHandler).operation).find((operation) => operation !== undefined),
    }));
}

/**
 * The management API as OpenAPI 3.1, made of the routes on the router.
 *
 * @throws {Error} when a route below `/api/v1` was not declared with `managementApi`: it would be there without being described.
 */
export function openApiOf(router: Router, facts: DocumentFacts): Json {
  const { components, write } = schemaWriter();
  const paths: Record<string, Json> = {};
  for (const { path, method, operation } of routesOn(router)) {
    if (operation === undefined) throw new Error(`${method} ${path} is not described: declare it with managementApi.`);
    const place = path.replaceAll(/:(\w+)/g, '{$1}');
    paths[place] = { ...paths[place], [method.toLowerCase()]: describe(method, path, { operation, write }) };
  }
  return {
    openapi: '3.1.0',
    info: { title: facts.title, description: facts.description, version: facts.version },
    servers: [{ url: facts.server }],
    paths,
    components: { schemas: components, securitySchemes: { token: facts.securityScheme } },
  };
}

/**
 * `GET /api/v1/openapi.json`, open to everybody: it names routes, never a record or a secret. Made when it is first asked for, when
 * all routes are there.
 */
export function openApiRoute(facts: DocumentFacts): Routes {
  return (router) => {
    let text: string | undefined;
    router.get(DOCUMENT, (ctx) => {
      text ??= JSON.stringify(openApiOf(router, facts));
      ctx.set('cache-control', 'public, max-age=300');
      ctx.type = 'application/json';
      ctx.body = text;
    });
  };
}
