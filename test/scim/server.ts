import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import parse from 'co-body';
import Koa from 'koa';
import { AppError } from '../../src/platform/errors.ts';
import { createScim } from '../../src/scim/index.ts';
import { scimFailureOf, useScimErrors } from '../support/scim-errors.ts';
import { type Lamps, createLamps } from './lamps.ts';

export const baseUrl = 'https://issuer.example/tenant/scim/v2';

/** What the tests read of an answer; empty when there was no SCIM body. */
export interface ScimBody {
  readonly [member: string]: unknown;
  readonly status?: string;
  readonly nextCursor?: string;
  readonly meta: { readonly resourceType: string };
  readonly Resources: readonly ScimBody[];
  readonly attributes: readonly { readonly name: string; readonly subAttributes?: readonly unknown[] }[];
  readonly authenticationSchemes: readonly { readonly type: string }[];
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: ScimBody;
}

export interface ScimServer {
  readonly lamps: Lamps;
  readonly failures: unknown[];
  /** Moves the clock. */
  advance(ms: number): void;
  /** One request; `target` is `METHOD /path below /scim/v2`. */
  send(target: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  close(): Promise<void>;
}

/** The real router behind real HTTP; a caller is whoever the Authorization header names, with the scopes it names. */
export async function startScim(lamps: Lamps = createLamps()): Promise<ScimServer> {
  const app = new Koa();
  const failures: unknown[] = [];
  let at = Date.parse('2026-01-01T00:00:00Z');
  useScimErrors(app, (error) => failures.push(error));
  const other = {
    ...createLamps(),
    name: 'Torch',
    endpoint: '/Torches',
    schema: { urn: 'urn:example:Torch', name: 'Torch', description: '', attributes: [] },
    extensions: [],
  };
  const { routes } = createScim<string>({
    resourceTypes: [lamps, other],
    baseUrl,
    guard: async (ctx, scope) => {
      const [name, ...scopes] = ctx.get('Authorization').split(' ');
      if (!name) throw new AppError('unauthenticated', 'Who are you?');
      if (!scopes.includes(scope)) throw new AppError('forbidden', `This needs ${scope}.`, { decisionId: 'dec_1' });
      return name;
    },
    readJson: async (ctx) => {
      try {
        return await parse.json(ctx, { limit: '2mb', strict: false });
      } catch {
        throw new AppError('invalid_input', 'The body is not JSON.', { scimType: 'invalidSyntax' });
      }
    },
    identify: (caller) => caller,
    me: (caller) => (caller.startsWith('lamp-') ? { type: 'Lamp', id: caller } : undefined),
    failureOf: scimFailureOf((error) => failures.push(error)),
    clock: { now: () => new Date(at) },
  });
  app.use(routes);
  app.use((ctx) => {
    ctx.body = 'elsewhere';
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const send: ScimServer['send'] = async (target, body, headers = {}) => {
    const [method = 'GET', path = ''] = target.split(/ (.*)/);
    const response = await fetch(path.startsWith('!') ? `${origin}${path.slice(1)}` : `${origin}/scim/v2${path}`, {
      method,
      headers: {
        authorization: 'ada scim:read scim:write',
        ...(body === undefined ? {} : { 'content-type': 'application/scim+json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/scim+json') ?? false;
    return { status: response.status, headers: response.headers, text, body: (isJson ? JSON.parse(text) : {}) as ScimBody };
  };
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  };
  const advance = (ms: number): void => {
    at += ms;
  };
  return { lamps, failures, advance, send, close };
}
