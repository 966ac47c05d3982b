import type Router from '@koa/router';
import { z } from 'zod';
import { parseWith } from '../../platform/http/body.ts';
import { callerAsChanger } from '../../platform/http/changed-by.ts';
import { pageOf, readPageQuery } from '../../platform/http/paging.ts';
import { idOf } from '../../platform/http/path-id.ts';
import type { Web } from '../../platform/http/web.ts';
import { POLICY_SCHEMA, SCHEMA_VERSION } from '../cedar/schema.ts';
import { newPolicy, policyChange, policyReason, policyStates, policyTexts } from './policy-set.ts';
import { presentDifference, presentPolicy, presentVersion } from './present.ts';
import type { PolicySetService } from './service.ts';

const PATH = '/api/v1/policies';
const READ = { resource: 'api', scope: 'admin:read' } as const;
const WRITE = { resource: 'api', scope: 'admin:write' } as const;

/** Longer than any version number can get. */
const number = z.coerce.number().int().min(1).max(2_147_483_647);
const listQuery = z.object({ state: z.enum(policyStates).optional() });
const fromQuery = z.object({ reason: policyReason.shape.reason, version: z.coerce.number().int().min(0).optional() });

type Context = Parameters<Web['api']['caller']>[0];
const versionOf = (ctx: Context) => parseWith(number, idOf(ctx));

/** `/api/v1/policies`: the policies, the schema they speak of, and a look at texts before they are saved. */
export function policySetApi({ service }: { readonly service: PolicySetService }, router: Router, web: Web): void {
  router.get(PATH, async (ctx) => {
    await web.api.caller(ctx, READ);
    const { after, limit } = readPageQuery(ctx);
    const { state } = parseWith(listQuery, { state: ctx.query['state'] });
    const { version, policies } = await service.current();
    const asked = policies.filter((policy) => state === undefined || policy.state === state);
    const sorted = asked.sort((left, right) => (left.id < right.id ? -1 : 1)).filter(({ id }) => after === undefined || id > after);
    const page = pageOf(sorted.slice(0, limit + 1), limit, ({ id }) => id);
    ctx.body = { version, ...page, items: page.items.map(presentPolicy) };
  });
  router.post(PATH, async (ctx) => {
    const by = callerAsChanger(await web.api.caller(ctx, WRITE));
    const policy = await service.create(parseWith(newPolicy, await web.readJson(ctx)), by);
    ctx.status = 201;
    ctx.set('location', `${ctx.path}/${policy.id}`);
    ctx.body = presentPolicy(policy);
  });
  router.get(`${PATH}/schema`, async (ctx) => {
    await web.api.caller(ctx, READ);
    ctx.body = { version: SCHEMA_VERSION, schema: POLICY_SCHEMA };
  });
  router.post(`${PATH}/validate`, async (ctx) => {
    await web.api.caller(ctx, READ);
    const { policies } = parseWith(policyTexts, await web.readJson(ctx));
    const items = [];
    for (const text of policies) {
      const checked = await service.check(text);
      items.push(checked.ok ? { valid: true, id: checked.id, effect: checked.effect } : { valid: false, faults: checked.faults });
    }
    ctx.body = { items };
  });
  versionRoutes(service, router, web);
  router.get(`${PATH}/:id`, async (ctx) => {
    await web.api.caller(ctx, READ);
    const { policy, version } = await service.get(idOf(ctx));
    ctx.body = { ...presentPolicy(policy), version };
  });
  router.patch(`${PATH}/:id`, async (ctx) => {
    const by = callerAsChanger(await web.api.caller(ctx, WRITE));
    ctx.body = presentPolicy(await service.update(idOf(ctx), parseWith(policyChange, await web.readJson(ctx)), by));
  });
  router.delete(`${PATH}/:id`, async (ctx) => {
    const by = callerAsChanger(await web.api.caller(ctx, WRITE));
    const { reason, version } = ctx.query;
    await service.remove(idOf(ctx), parseWith(fromQuery, { reason, version }), by);
    ctx.status = 204;
  });
}

function versionRoutes(service: PolicySetService, router: Router, web: Web): void {
  router.get(`${PATH}/versions`, async (ctx) => {
    await web.api.caller(ctx, READ);
    const { after, limit } = readPageQuery(ctx);
    const before = after === undefined ? undefined : parseWith(number, after);
    const page = pageOf(await service.versions({ before, limit: limit + 1 }), limit, ({ version }) => String(version));
    ctx.body = { ...page, items: page.items.map(presentVersion) };
  });
  router.get(`${PATH}/versions/:id`, async (ctx) => {
    await web.api.caller(ctx, READ);
    const version = await service.version(versionOf(ctx));
    ctx.body = { ...presentVersion(version), policies: version.policies.map(presentPolicy) };
  });
  router.get(`${PATH}/versions/:id/diff`, async (ctx) => {
    await web.api.caller(ctx, READ);
    const { against: given } = ctx.query;
    const { against, changes } = await service.diff(versionOf(ctx), given === undefined ? undefined : parseWith(number, given));
    ctx.body = { version: versionOf(ctx), against, changes: changes.map(presentDifference) };
  });
  router.post(`${PATH}/versions/:id/rollback`, async (ctx) => {
    const by = callerAsChanger(await web.api.caller(ctx, WRITE));
    const input = parseWith(policyReason, await web.readJson(ctx));
    ctx.body = { version: await service.rollBack(versionOf(ctx), input, by) };
  });
}
