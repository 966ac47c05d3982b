import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import Koa from 'koa';
import { readJson } from '../../src/platform/http/body.ts';
import { requestLimits } from '../../src/platform/http/limits.ts';
import type { ApiCaller } from '../../src/platform/http/web.ts';
import { createScim, maxPayloadSize } from '../../src/scim/index.ts';
import { scimFailureOf, useScimErrors } from '../support/scim-errors.ts';
import { openRegistry, type Registry } from './registry.ts';

export const agentUrn = 'urn:ietf:params:scim:schemas:core:2.0:Agent';
export const extensionUrn = 'urn:ietf:params:scim:schemas:extension:behalf:2.0:Agent';
export const baseUrl = 'https://issuer.example/tenant/scim/v2';

/** A SCIM answer, as far as the tests read it. */
export interface Answer {
  readonly status: number;
  readonly etag: string | null;
  readonly body: Readonly<Record<string, unknown>> & {
    readonly id: string;
    readonly meta: { readonly version: string; readonly location: string };
    readonly Resources: readonly { readonly id: string; readonly displayName: string }[];
    readonly nextCursor?: string;
  };
}

/** The registry behind the SCIM room over real HTTP. `provisioner` has the governance right, `helper` has not. */
export interface ScimRegistry extends Registry {
  /** What only the log is told. */
  readonly failures: unknown[];
  send(
    target: string,
    body?: unknown,
    options?: { readonly as?: 'provisioner' | 'helper' | 'elsewhere'; readonly ifMatch?: string },
  ): Promise<Answer>;
}

const callerNamed = (name: string): ApiCaller => ({
  clientId: name,
  subject: `svc_${name}`,
  subjectProfile: 'service',
  accountId: undefined,
  scopes: new Set(['scim:read', 'scim:write']),
  hasGovernance: name !== 'helper',
  jti: name,
});

export async function openScimRegistry(home?: URL): Promise<ScimRegistry> {
  const registry = await openRegistry(home);
  const app = new Koa();
  const failures: unknown[] = [];
  useScimErrors(app, (error) => failures.push(error));
  app.use(requestLimits([{ prefix: '/scim', bytes: maxPayloadSize }]));
  const { routes } = createScim<ApiCaller>({
    resourceTypes: registry.agents.capability.scim ?? [],
    baseUrl,
    guard: async (ctx) => callerNamed(ctx.get('Authorization')),
    readJson: (ctx) => readJson(ctx, { types: ['application/scim+json'] }),
    identify: ({ clientId }) => clientId,
    me: () => undefined,
    failureOf: scimFailureOf((error) => failures.push(error)),
    clock: registry.clock,
  });
  app.use(routes);
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}/scim/v2`;
  return {
    ...registry,
    failures,
    async send(target, body, { as = 'provisioner', ifMatch } = {}) {
      const [method = 'GET', path = ''] = target.split(/ (.*)/);
      const response = await fetch(`${origin}${path}`, {
        method,
        headers: {
          authorization: as,
          ...(body === undefined ? {} : { 'content-type': 'application/scim+json' }),
          ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, etag: response.headers.get('etag'), body: text === '' ? {} : JSON.parse(text) } as Answer;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await registry.close();
    },
  };
}
