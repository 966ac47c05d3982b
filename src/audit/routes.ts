import type { Context } from 'koa';
import { z } from 'zod';
import type { Clock } from '../platform/clock.ts';
import { secondsAfter } from '../platform/clock.ts';
import { managementApi } from '../platform/http/operation.ts';
import { pageBody, pageQuery, startOf } from '../platform/http/paging.ts';
import type { Role, Routes } from '../platform/http/web.ts';
import { genesisHash } from './chain.ts';
import { isAuditEventType } from './event.ts';
import { eventBody, type NameOf, presentEvent, presentLine, presentRecord, rememberNames } from './present.ts';
import type { AuditService } from './service.ts';
import type { AuditFilter, AuditStore, StoredAuditEvent } from './store.ts';
import { eventKinds, isEventKind } from './words.ts';

interface AuditRouteDeps {
  readonly service: Pick<AuditService, 'list' | 'get'>;
  readonly store: Pick<AuditStore, 'count' | 'countUnsealed' | 'sealedFrom'>;
  readonly clock: Clock;
  readonly nameOf: NameOf;
  /** The issuer's path, without a slash at its end. */
  readonly base: string;
}

const READERS: readonly Role[] = ['admin', 'auditor'];
const PAGE = 50;
const DAY_SECONDS = 86_400;
const RELATED = 20;

const KIND_WORDS = {
  refused: 'What was refused',
  agents: 'Agents',
  tokens: 'Tokens',
  approvals: 'Approvals',
  consent: 'Consent',
  decisions: 'Decisions of policy',
  clients: 'Clients',
  people: 'People and sign-in',
  rules: 'Resource servers and rules',
  server: 'This server',
} as const satisfies Record<keyof typeof eventKinds, string>;

const identifier = z.string().max(2_000);
const day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'is a day: 2026-11-21');
const query = z.object({
  q: identifier.trim().max(120).catch(''),
  kind: z.string().max(40).catch(''),
  agent: identifier.catch(''),
  from: day.catch(''),
  to: day.catch(''),
  cursor: z
    .string()
    .regex(/^evt_[0-9a-f]{32}$/)
    .optional()
    .catch(undefined),
});
const apiQuery = pageQuery.extend({
  type: z.string().refine(isAuditEventType, 'is not a type of event').optional(),
  agent_id: identifier.optional(),
  subject_id: identifier.optional(),
  client_id: identifier.optional(),
  correlation_id: identifier.optional(),
  since: z.iso.datetime().optional(),
  until: z.iso.datetime().optional(),
});

type Values = z.output<typeof query>;

/** Midnight (UTC) of a day, or nothing for a day that does not exist. */
function midnightOf(text: string): Date | undefined {
  const at = new Date(`${text}T00:00:00Z`);
  return text === '' || Number.isNaN(at.getTime()) ? undefined : at;
}

function present<T extends object>(entries: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function filterOf({ q, kind, agent, from, to, cursor }: Values): AuditFilter {
  const last = midnightOf(to);
  return {
    limit: PAGE,
    ...present({
      types: isEventKind(kind) ? eventKinds[kind] : undefined,
      mentions: q === '' ? undefined : q,
      agentId: agent === '' ? undefined : agent,
      since: midnightOf(from),
      until: last && secondsAfter(last, DAY_SECONDS),
      cursor,
    }),
  };
}

/** The address of the same list from another place on: filters stay in it. */
function hrefOf(base: string, values: Values, cursor: string | undefined): string {
  const entries = Object.entries({ ...values, cursor: cursor ?? '' }).filter(([, value]) => value !== '' && value !== undefined);
  const search = new URLSearchParams(entries as [string, string][]).toString();
  return `${base}/console/audit${search === '' ? '' : `?${search}`}`;
}

async function listModel(deps: AuditRouteDeps, ctx: Context) {
  const { service, store, clock, nameOf, base } = deps;
  const values = query.parse(ctx.query);
  const now = clock.now();
  const [page, today, unsealed] = await Promise.all([
    service.list(filterOf(values)),
    store.count(secondsAfter(now, -DAY_SECONDS)),
    store.countUnsealed(),
  ]);
  const name = rememberNames(nameOf);
  const { cursor, ...filters } = values;
  const links = {
    ...(cursor === undefined ? {} : { previousHref: hrefOf(base, { ...values, cursor: undefined }, undefined) }),
    ...(page.nextCursor === undefined ? {} : { nextHref: hrefOf(base, values, page.nextCursor) }),
  };
  return {
    heading: today === 1 ? 'One thing happened in the last day' : `${today.toLocaleString('en')} things happened in the last day`,
    seal:
      unsealed === 0
        ? { state: { word: 'Sealed', tone: 'yes' }, words: 'Every event has its place in the chain.' }
        : { state: { word: 'Sealing', tone: 'wait' }, words: `${unsealed.toLocaleString('en')} events join the chain within a second.` },
    kinds: [{ value: '', words: 'Everything' }, ...Object.entries(KIND_WORDS).map(([value, words]) => ({ value, words }))],
    values: filters,
    ...(values.agent === '' ? {} : { agentName: await name(values.agent) }),
    events: await Promise.all(page.events.map((stored) => presentLine(stored, { name, now }))),
    filtered: Object.values(filters).some((value) => value !== ''),
    ...(Object.keys(links).length === 0 ? {} : { pager: { words: `${page.events.length} events`, ...links } }),
  };
}

async function hashBefore(store: AuditRouteDeps['store'], { position }: StoredAuditEvent): Promise<string | undefined> {
  if (position === undefined) return undefined;
  if (position === 1) return genesisHash;
  return (await store.sealedFrom(position - 1, 1))[0]?.hash;
}

/** `/console/audit`, one page an event, and `/api/v1/audit/events`; for administrators and auditors. */
export function auditRoutes(deps: AuditRouteDeps): Routes {
  const { service, store, clock, nameOf, base } = deps;
  return (router, web) => {
    router.get('/console/audit', async (ctx) => {
      const session = await web.guard.session(ctx, { roles: READERS });
      if (session !== undefined) await web.pages.show(ctx, 'console/audit', await listModel(deps, ctx), session);
    });
    router.get('/console/audit/:id', async (ctx) => {
      const session = await web.guard.session(ctx, { roles: READERS });
      if (session === undefined) return;
      const stored = await service.get(ctx.params['id'] ?? '');
      const { correlationId } = stored.event;
      const { events } = correlationId === 'server' ? { events: [] } : await service.list({ correlationId, limit: RELATED });
      const related = events.filter(({ event }) => event.id !== stored.event.id);
      const around = { name: rememberNames(nameOf), now: clock.now(), base, previousHash: await hashBefore(store, stored), related };
      await web.pages.show(ctx, 'console/audit-event', await presentEvent(stored, around), session);
    });
    const api = managementApi(router, web);
    const list = { summary: 'List audit events, newest first', scope: 'admin:read', query: apiQuery, answer: pageBody(eventBody) } as const;
    api.get('/api/v1/audit/events', list, async ({ query: wanted }) => {
      const { after, limit } = startOf(wanted);
      const page = await service.list({
        limit,
        ...present({
          type: wanted.type,
          agentId: wanted.agent_id,
          subjectId: wanted.subject_id,
          clientId: wanted.client_id,
          correlationId: wanted.correlation_id,
          since: wanted.since === undefined ? undefined : new Date(wanted.since),
          until: wanted.until === undefined ? undefined : new Date(wanted.until),
          cursor: after,
        }),
      });
      const next = page.nextCursor === undefined ? {} : { next_cursor: Buffer.from(page.nextCursor).toString('base64url') };
      return { items: page.events.map(presentRecord), ...next };
    });
    api.get('/api/v1/audit/events/:id', { summary: 'Read an audit event', scope: 'admin:read', answer: eventBody }, async ({ ctx }) =>
      presentRecord(await service.get(ctx.params['id'] ?? '')),
    );
  };
}
