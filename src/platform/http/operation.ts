import type Router from '@koa/router';
import type { RouterContext } from '@koa/router';
import { z } from 'zod';
import { parseWith } from './body.ts';
import { callerAsChanger, type Changer } from './changed-by.ts';
import type { ApiCaller, ApiNeed, Web } from './web.ts';

/** Scopes of `<issuer>/api/v1` (contract.md "Addresses"). */
export type ApiScope = 'admin:read' | 'admin:write' | 'approvals:decide';

type Schema = z.ZodType;

type ReadOnly<T> = T extends readonly (infer Item)[]
  ? readonly ReadOnly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: ReadOnly<T[Key]> }
    : T;

/** What a schema of an answer lets out; what a presenter returns. */
export type Sent<Answer extends Schema> = ReadOnly<z.input<Answer>>;

/** What is said once about a route of the management API: it is guarded, read and described by it. */
export interface Operation<Query extends Schema = Schema, Body extends Schema = Schema, Answer extends Schema = Schema> {
  /** A short sentence without a full stop: `List the clients`. */
  readonly summary: string;
  /** What the token must carry; of several the first that the caller has. */
  readonly scope: ApiScope | readonly [ApiScope, ...ApiScope[]];
  /** The parameters of the address; others are left alone. Left out: none. */
  readonly query?: Query;
  /** The JSON body; one that takes `undefined` may be absent. Left out: none is read. */
  readonly body?: Body;
  /** The JSON answer. Left out: 204. */
  readonly answer?: Answer;
  /** Callers with a token for another resource of this server, as security rule R6 lets them in here. */
  readonly others?: readonly ApiNeed[];
  /** The answer is no JSON but of this type, and the handler writes it. */
  readonly media?: string;
  /** Of the answer; 200 when left out. 202: what was asked for goes on after the answer. */
  readonly status?: 200 | 201 | 202;
}

/** A call that passed the guard, with what it sent. */
export interface Call<Query extends Schema, Body extends Schema> {
  readonly ctx: RouterContext;
  readonly caller: ApiCaller;
  /** Who a change is recorded as. */
  readonly by: Changer;
  /** The scope the caller was let in by. */
  readonly scope: string;
  readonly query: z.output<Query>;
  readonly body: z.output<Body>;
}

type Add = <Query extends Schema = z.ZodUndefined, Body extends Schema = z.ZodUndefined, Answer extends Schema = z.ZodVoid>(
  path: string,
  operation: Operation<Query, Body, Answer>,
  handle: (call: Call<Query, Body>) => Promise<Sent<Answer>>,
) => void;

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** Adds routes to the management API, one function a method. */
export type ManagementApi = Readonly<Record<(typeof METHODS)[number], Add>>;

/** A route's handler with what was said about it; openapi.ts reads it off the router. */
export interface DescribedHandler {
  readonly operation?: Operation;
}

/** The scopes that open a route, the first to be tried first. */
export function scopesOf({ scope }: Pick<Operation, 'scope'>): readonly ApiScope[] {
  return typeof scope === 'string' ? [scope] : scope;
}

/** A body that the service reads with a schema of its own: whatever was sent is handed on, and the document says what `schema` says. */
export function asSent(schema: Schema) {
  const { $schema: _dialect, ...said } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  return z
    .unknown()
    .refine((body) => body !== undefined)
    .meta(said);
}

/** The first scope that lets the caller in. */
async function admit(ctx: RouterContext, operation: Operation, api: Web['api']): Promise<{ caller: ApiCaller; scope: string }> {
  const own = scopesOf(operation).map((scope) => ({ resource: 'api', scope }) as const);
  const { caller, need } = await api.callerFor(ctx, [...own, ...(operation.others ?? [])] as [ApiNeed, ...ApiNeed[]]);
  return { caller, scope: need.scope };
}

/** The body as its schema reads it; nothing is read when none is taken, or when it is absent and may be. */
async function bodyOf(ctx: RouterContext, { body: schema }: Operation, readJson: Web['readJson']): Promise<unknown> {
  if (schema === undefined) return undefined;
  const isAbsent = ctx.request.length === undefined || ctx.request.length === 0;
  if (isAbsent && schema.safeParse(undefined).success) return schema.parse(undefined);
  return parseWith(schema, await readJson(ctx));
}

/**
 * The management API on the router of the server: a route is guarded by the scope, read by the schemas and described by the words
 * it is declared with, so the document at `/api/v1/openapi.json` cannot say anything else than the routes do.
 */
export function managementApi(router: Router, { api, readJson }: Pick<Web, 'api' | 'readJson'>): ManagementApi {
  const adder =
    (method: (typeof METHODS)[number]): Add =>
    (path, operation, handle) => {
      const described = operation as Operation;
      const handler = async (ctx: RouterContext): Promise<void> => {
        const { caller, scope } = await admit(ctx, described, api);
        const query = described.query === undefined ? undefined : parseWith(described.query, { ...ctx.query });
        const body = await bodyOf(ctx, described, readJson);
        const answer = await handle({ ctx, caller, by: callerAsChanger(caller), scope, query, body } as Parameters<typeof handle>[0]);
        if (described.media !== undefined) return;
        ctx.status = described.answer === undefined ? 204 : (described.status ?? 200);
        if (described.answer !== undefined) ctx.body = answer;
      };
      router[method](path, Object.assign(handler, { operation: described }));
    };
  return Object.fromEntries(METHODS.map((method) => [method, adder(method)])) as ManagementApi;
}
