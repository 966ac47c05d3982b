import type Router from '@koa/router';
import { z } from 'zod';
import { parseWith } from '../../platform/http/body.ts';
import { managementApi } from '../../platform/http/operation.ts';
import { type PageQuery, pageQuery, readPageQuery, startOf } from '../../platform/http/paging.ts';
import { idOf } from '../../platform/http/path-id.ts';
import type { Web } from '../../platform/http/web.ts';
import { type FindingsPage, presentTrial, trialBody } from './present.ts';
import type { WhatIfService } from './service.ts';
import { newTrial } from './trial.ts';

const PATH = '/api/v1/policies/what-if';
const position = z.coerce.number().int().min(0).max(100_000);

function findingsFrom({ after, limit }: PageQuery): FindingsPage {
  return { from: after === undefined ? 0 : parseWith(position, after), limit };
}

/** Which findings are wanted. @throws {AppError} `invalid_input` */
export function findingsPageOf(ctx: Parameters<typeof readPageQuery>[0]): FindingsPage {
  return findingsFrom(readPageQuery(ctx));
}

/** `/api/v1/policies/what-if`: begins a trial of a draft; its own address tells how far it got and what it found. */
export function whatIfApi({ service }: { readonly service: WhatIfService }, router: Router, web: Web): void {
  const api = managementApi(router, web);
  const answer = trialBody;
  const begin = { summary: 'Try policies on earlier decisions', scope: 'admin:write', body: newTrial, answer, status: 202 } as const;
  api.post(PATH, begin, async ({ ctx, by, body }) => {
    const trial = await service.start(body, by);
    ctx.set('location', `${ctx.path}/${trial.id}`);
    return presentTrial(trial, { from: 0, limit: 50 });
  });
  const read = { summary: 'Read how far a trial got and what it found', scope: 'admin:read', query: pageQuery, answer } as const;
  api.get(`${PATH}/:id`, read, async ({ ctx, query }) => {
    const page = findingsFrom(startOf(query));
    return presentTrial(await service.get(idOf(ctx)), page);
  });
}
