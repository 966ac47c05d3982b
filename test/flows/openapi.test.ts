import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import Router from '@koa/router';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { z } from 'zod';
import { openApiOf } from '../../src/platform/http/openapi.ts';
import { managementApi } from '../../src/platform/http/operation.ts';
import type { Web } from '../../src/platform/http/web.ts';
import { type DelegationStory, playDelegation } from '../support/delegation-story.ts';
import { createSend } from '../support/http-exchange.ts';

interface Described {
  readonly security: readonly { readonly token: readonly string[] }[];
  readonly operationId: string;
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

let story: DelegationStory;
let document: Document;
const send = createSend();
beforeAll(async () => {
  story = await playDelegation();
  document = (await send({ method: 'GET', url: `${story.server.issuer}/api/v1/openapi.json` })).body as unknown as Document;
}, 60_000);
afterAll(() => story.server.close());

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({ method: method.toUpperCase(), path, described })),
  );

test('OpenAPI 3.1: the document is valid, open to everybody and names every route once', async () => {
  const { valid, errors } = await new Validator().validate({ ...document });
  expect([valid, errors]).toEqual([true, undefined]);
  const ids = operations().map(({ described }) => described.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(Object.keys(document.components.schemas).filter((name) => !/^[A-Z][A-Za-z]+$/.test(name))).toEqual([]);
  for (const path of ['/api/v1/resource-servers/{id}/clients', '/api/v1/tokens/{jti}', '/api/v1/approvals/{id}/decision'])
    expect(Object.keys(document.paths)).toContain(path);
});

test('what a call sends is described, also where the service reads it itself', () => {
  const bodyOf = (path: string) => document.paths[path]?.['post']?.requestBody?.content['application/json']?.schema;
  expect(bodyOf('/api/v1/delegations')).toMatchObject({ type: 'object', required: ['from', 'to', 'resources', 'until'] });
  expect(bodyOf('/api/v1/resource-servers')).toMatchObject({ required: ['identifier', 'name'], properties: { tools: { maxItems: 200 } } });
  expect(document.paths['/api/v1/clients/{id}/secret']?.['post']?.requestBody).toMatchObject({ required: false });
});

test('every described route is guarded by the scope the document names', async () => {
  for (const { method, path, described } of operations()) {
    const url = `${story.server.issuer}${path.replaceAll(/\{\w+\}/g, 'none')}`;
    const { status, headers } = await send({ method, url, ...(method === 'GET' ? {} : { json: {} }) });
    expect([method, path, status]).toEqual([method, path, 401]);
    expect(headers.get('www-authenticate')).toContain(`scope="${described.security.at(0)?.token.at(0)}"`);
  }
});

/** Holds an answer against what the document says of it. */
function faultsOf(answer: { readonly status: number; readonly body: unknown }, path: string, method: string): unknown {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  for (const [name, schema] of Object.entries(document.components.schemas)) ajv.addSchema(schema, `#/components/schemas/${name}`);
  const content = document.paths[path]?.[method]?.responses[String(answer.status)]?.content?.['application/json'];
  if (content === undefined) return `${method} ${path} answers ${answer.status} without a schema`;
  return ajv.validate(content.schema, answer.body) ? undefined : ajv.errors;
}

/** Every answer about policies: a draft changes nothing for anybody. */
async function policiesAsDescribed(): Promise<void> {
  const policies = '/api/v1/policies';
  const text = '@id("described") forbid(principal, action, resource) when { context.scopes.contains("described") };';
  const calls = [
    ['POST', '', 201, { text, state: 'draft', reason: 'To be described' }],
    ['POST', '/validate', 200, { policies: [text, 'forbid('] }],
    ['POST', '/what-if', 202, { policies: [text] }],
    ['PATCH', '/described', 200, { text: text.replace('forbid', 'permit'), reason: 'Another one' }, '/{id}'],
    ['GET', '/versions/1', 200, undefined, '/versions/{id}'],
    ['GET', '/versions/2/diff?against=1', 200, undefined, '/versions/{id}/diff'],
    ['POST', '/versions/1/rollback', 200, { reason: 'As it was' }, '/versions/{id}/rollback'],
  ] as const;
  for (const [method, path, status, body, place] of calls) {
    const answer = await story.manage(method, `${policies}${path}`, body);
    expect([path, answer.status]).toEqual([path, status]);
    expect([path, faultsOf(answer, `${policies}${place ?? path}`, method.toLowerCase())]).toEqual([path, undefined]);
  }
}

test('what the routes answer is what the document says', async () => {
  const input = { identifier: 'https://described.acme.test', name: 'Described', scopes: [{ name: 'read', description: 'Read' }] };
  const made = await story.manage('POST', '/api/v1/resource-servers', input);
  expect(faultsOf(made, '/api/v1/resource-servers', 'post')).toBeUndefined();
  const client = await story.manage('POST', '/api/v1/clients', { client_name: 'Described' });
  expect(faultsOf(client, '/api/v1/clients', 'post')).toBeUndefined();
  const token = await story.manage('POST', '/api/v1/initial-access-tokens', {
    name: 'T',
    owner: { kind: 'user', id: story.server.miraId },
  });
  expect(faultsOf(token, '/api/v1/initial-access-tokens', 'post')).toBeUndefined();
  const scope = (resource: string) => ({ resource, scope: 'read' });
  const other = { ...input, identifier: 'https://described.other.test' };
  expect((await story.manage('POST', '/api/v1/resource-servers', other)).status).toBe(201);
  const mapping = await story.manage('POST', '/api/v1/scope-mappings', { from: scope(input.identifier), to: scope(other.identifier) });
  expect([mapping.status, faultsOf(mapping, '/api/v1/scope-mappings', 'post')]).toEqual([201, undefined]);
  await policiesAsDescribed();
  const lists = operations().filter(({ method, path }) => method === 'GET' && !path.includes('{'));
  for (const { path } of lists) {
    const list = await story.manage('GET', path);
    expect([path, faultsOf(list, path, 'get')]).toEqual([path, undefined]);
    const [first] = (list.body as { items?: readonly Record<string, unknown>[] }).items ?? [];
    const one = Object.keys(document.paths).find((each) => each.startsWith(`${path}/{`) && each.endsWith('}'));
    const id = first?.['id'] ?? first?.['jti'] ?? first?.['client_id'];
    if (one === undefined || typeof id !== 'string') continue;
    const read = await story.manage('GET', `${path}/${encodeURIComponent(id)}`);
    expect([one, faultsOf(read, one, 'get')]).toEqual([one, undefined]);
  }
});

test('a route that is not declared with its description stops the document', () => {
  const router = new Router();
  const web = {} as Web;
  managementApi(router, web).get('/api/v1/told', { summary: 'Told', scope: 'admin:read' }, async () => undefined);
  const facts = { title: 'T', description: 'D', version: '1', server: 'https://as.example', securityScheme: {} };
  expect(Object.keys(openApiOf(router, facts)['paths'] as object)).toEqual(['/api/v1/told']);
  const named = (schema: z.ZodType) => ({ summary: 'Named', scope: 'admin:read', answer: schema.meta({ id: 'Twice' }) }) as const;
  const twice = new Router();
  managementApi(twice, web).get('/api/v1/one', named(z.object({ one: z.string() })), async () => ({ one: '' }));
  managementApi(twice, web).get('/api/v1/other', named(z.object({ other: z.string() })), async () => ({ other: '' }));
  expect(() => openApiOf(twice, facts)).toThrow('Two schemas of the management API are called Twice');
  router.post('/api/v1/untold', () => undefined);
  expect(() => openApiOf(router, facts)).toThrow('POST /api/v1/untold is not described');
});
