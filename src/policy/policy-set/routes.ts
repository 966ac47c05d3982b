import type Router from '@koa/router';
import { z } from 'zod';
import { parseWith } from '../../platform/http/body.ts';
import { type ManagementApi, managementApi } from '../../platform/http/operation.ts';
import { pageBody, pageOf, pageQuery, startOf } from '../../platform/http/paging.ts';
import { idOf } from '../../platform/http/path-id.ts';
import type { Web } from '../../platform/http/web.ts';
import { POLICY_SCHEMA, SCHEMA_VERSION } from '../cedar/schema.ts';
import { newPolicy, policyChange, policyReason, policyStates, policyTexts } from './policy-set.ts';
import {
  checksBody,
  diffBody,
  policiesBody,
  policyBody,
  policySchemaBody,
  policyWithVersion,
  presentChecked,
  presentDifference,
  presentPolicy,
  presentVersion,
  rolledBackBody,
  versionBody,
  versionWithPolicies,
} from './present.ts';
import type { PolicySetService } from './service.ts';

const PATH = '/api/v1/policies';
const READ = { scope: 'admin:read' } as const;
const WRITE = { scope: 'admin:write' } as const;

/** Longer than any version number can get. */
const number = z.coerce.number().int().min(1).max(2_147_483_647);
const listQuery = pageQuery.extend({ state: z.enum(policyStates).optional() });
const removeQuery = z.object({ reason: policyReason.shape.reason, version: z.coerce.number().int().min(0).optional() });
const diffQuery = z.object({ against: number.optional() });

const versionOf = (ctx: Parameters<typeof idOf>[0]) => parseWith(number, idOf(ctx));

/** `/api/v1/policies`: the policies, the schema they speak of, and a look at texts before they are saved. */
export function policySetApi({ service }: { readonly service: PolicySetService }, router: Router, web: Web): void {
  const api = managementApi(router, web);
  setRoutes(service, api);
  // before what takes any name in their place
  textRoutes(service, api);
  versionRoutes(service, api);
  policyRoutes(service, api);
}

function setRoutes(service: PolicySetService, api: ManagementApi): void {
  const list = { ...READ, summary: 'List the policies', query: listQuery, answer: policiesBody } as const;
  api.get(PATH, list, async ({ query }) => {
    const { after, limit } = startOf(query);
    const { version, policies } = await service.current();
    const asked = policies.filter(({ state }) => query.state === undefined || state === query.state);
    const sorted = asked.sort((left, right) => (left.id < right.id ? -1 : 1)).filter(({ id }) => after === undefined || id > after);
    const page = pageOf(sorted.slice(0, limit + 1), limit, ({ id }) => id);
    return { version, ...page, items: page.items.map(presentPolicy) };
  });
  const add = { ...WRITE, summary: 'Add a policy', body: newPolicy, answer: policyBody, status: 201 } as const;
  api.post(PATH, add, async ({ ctx, by, body }) => {
    const policy = await service.create(body, by);
    ctx.set('location', `${ctx.path}/${policy.id}`);
    return presentPolicy(policy);
  });
}

function textRoutes(service: PolicySetService, api: ManagementApi): void {
  const schema = { ...READ, summary: 'Read what policies may speak about', answer: policySchemaBody } as const;
  api.get(`${PATH}/schema`, schema, async () => ({ version: SCHEMA_VERSION, schema: POLICY_SCHEMA }));
  const validate = { ...READ, summary: 'Check texts of policies without saving them', body: policyTexts, answer: checksBody } as const;
  api.post(`${PATH}/validate`, validate, async ({ body: { policies } }) => {
    const items = [];
    for (const text of policies) items.push(presentChecked(await service.check(text)));
    return { items };
  });
}

function versionRoutes(service: PolicySetService, api: ManagementApi): void {
  const list = {
    ...READ,
    summary: 'List the versions of the policies, newest first',
    query: pageQuery,
    answer: pageBody(versionBody),
  } as const;
  api.get(`${PATH}/versions`, list, async ({ query }) => {
    const { after, limit } = startOf(query);
    const before = after === undefined ? undefined : parseWith(number, after);
    const page = pageOf(await service.versions({ before, limit: limit + 1 }), limit, ({ version }) => String(version));
    return { ...page, items: page.items.map(presentVersion) };
  });
  const read = { ...READ, summary: 'Read a version with all its policies', answer: versionWithPolicies } as const;
  api.get(`${PATH}/versions/:id`, read, async ({ ctx }) => {
    const version = await service.version(versionOf(ctx));
    return { ...presentVersion(version), policies: version.policies.map(presentPolicy) };
  });
  const compare = { ...READ, summary: 'Compare a version with an earlier one', query: diffQuery, answer: diffBody } as const;
  api.get(`${PATH}/versions/:id/diff`, compare, async ({ ctx, query }) => {
    const version = versionOf(ctx);
    const { against, changes } = await service.diff(version, query.against);
    return { version, against, changes: changes.map(presentDifference) };
  });
  const back = { ...WRITE, summary: 'Put back what a version held', body: policyReason, answer: rolledBackBody } as const;
  api.post(`${PATH}/versions/:id/rollback`, back, async ({ ctx, by, body }) => ({
    version: await service.rollBack(versionOf(ctx), body, by),
  }));
}

function policyRoutes(service: PolicySetService, api: ManagementApi): void {
  api.get(`${PATH}/:id`, { ...READ, summary: 'Read a policy', answer: policyWithVersion }, async ({ ctx }) => {
    const { policy, version } = await service.get(idOf(ctx));
    return { ...presentPolicy(policy), version };
  });
  const change = { ...WRITE, summary: 'Change a policy', body: policyChange, answer: policyBody } as const;
  api.patch(`${PATH}/:id`, change, async ({ ctx, by, body }) => presentPolicy(await service.update(idOf(ctx), body, by)));
  const remove = { ...WRITE, summary: 'Remove a policy', query: removeQuery } as const;
  api.delete(`${PATH}/:id`, remove, async ({ ctx, by, query }) => {
    await service.remove(idOf(ctx), query, by);
  });
}
