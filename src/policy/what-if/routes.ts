import type Router from '@koa/router';
import { z } from 'zod';
import { parseWith } from '../../platform/http/body.ts';
import { callerAsChanger } from '../../platform/http/changed-by.ts';
import { readPageQuery } from '../../platform/http/paging.ts';
import { idOf } from '../../platform/http/path-id.ts';
import type { Web } from '../../platform/http/web.ts';
import { type FindingsPage, presentTrial } from './present.ts';
import type { WhatIfService } from './service.ts';
import { newTrial } from './trial.ts';

const PATH = '/api/v1/policies/what-if';
const READ = { resource: 'api', scope: 'admin:read' } as const;
const WRITE = { resource: 'api', scope: 'admin:write' } as const;
const position = z.coerce.number().int().min(0).max(100_000);

/** Which findings are wanted. @throws {AppError} `invalid_input` */
export function findingsPageOf(ctx: Parameters<typeof readPageQuery>[0]): FindingsPage {
  const { after, limit } = readPageQuery(ctx);
  return { from: after === undefined ? 0 : parseWith(position, after), limit };
}

/** `/api/v1/policies/what-if`: begins a trial of a draft; its own address tells how far it got and what it found. */
export function whatIfApi({ service }: { readonly service: WhatIfService }, router: Router, web: Web): void {
  router.post(PATH, async (ctx) => {
    const by = callerAsChanger(await web.api.caller(ctx, WRITE));
    const trial = await service.start(parseWith(newTrial, await web.readJson(ctx)), by);
    ctx.status = 202;
    ctx.set('location', `${ctx.path}/${trial.id}`);
    ctx.body = presentTrial(trial, { from: 0, limit: 50 });
  });
  router.get(`${PATH}/:id`, async (ctx) => {
    await web.api.caller(ctx, READ);
    const page = findingsPageOf(ctx);
    ctx.body = presentTrial(await service.get(idOf(ctx)), page);
  });
}
