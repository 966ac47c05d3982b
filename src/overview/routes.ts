import { type Audit, eventKinds, type StoredAuditEvent } from '../audit/index.ts';
import { type Clock, secondsAfter } from '../platform/clock.ts';
import type { Role, Routes } from '../platform/http/web.ts';
import type { Counts } from './counts.ts';
import { type OverviewFacts, presentOverview } from './present.ts';

const READERS: readonly Role[] = ['admin', 'approver', 'auditor'];
const HOUR = 3_600;
const HOURS = 24;
const LINES = 5;
const SCOPES = 3;
const WEEK_SECONDS = 7 * 86_400;

/** Whom the overview asks. */
export interface OverviewSources {
  readonly clock: Clock;
  readonly counts: Counts;
  readonly audit: Pick<Audit, 'list' | 'count' | 'countUnsealed'>;
  /** Names for typed ids; an id nobody knows stays as it is. */
  readonly nameOf: (id: string) => Promise<string | undefined>;
}

type RouteDeps = OverviewSources & { readonly base: string };

/** Tokens issued in each of the last 24 hours: differences of what was issued since then. */
async function issuedByHour({ audit }: RouteDeps, now: Date): Promise<number[]> {
  const since = await Promise.all(
    Array.from({ length: HOURS + 1 }, (_, index) => audit.count(secondsAfter(now, (index - HOURS) * HOUR), ['token.issued'])),
  );
  return since.slice(0, HOURS).map((count, index) => count - (since[index + 1] ?? 0));
}

async function named({ nameOf }: RouteDeps, stored: StoredAuditEvent) {
  const { kind, id } = stored.event.actor;
  if (kind === 'anonymous') return { ...stored, who: 'Somebody unknown' };
  return { ...stored, who: kind === 'system' ? 'The server' : ((await nameOf(id)) ?? id) };
}

async function factsOf(deps: RouteDeps): Promise<OverviewFacts> {
  const { counts, audit, clock, base } = deps;
  const now = clock.now();
  const today = secondsAfter(now, -HOURS * HOUR);
  const [agents, newSoftware, live, scopes, grants, certifications, waiting, waitingCount] = await Promise.all([
    counts.agents(),
    counts.newSoftware(secondsAfter(now, -WEEK_SECONDS)),
    counts.live(),
    counts.scopes(SCOPES),
    counts.grants(),
    counts.certifications(LINES),
    counts.waiting(LINES),
    counts.waitingCount(),
  ]);
  const [refused, refusedCount, decidedToday, byHour, latest, unsealed] = await Promise.all([
    audit.list({ types: eventKinds.refused, since: today, limit: LINES }),
    audit.count(today, eventKinds.refused),
    audit.count(today, ['approval.decided']),
    issuedByHour(deps, now),
    audit.list({ limit: 1 }),
    audit.countUnsealed(),
  ]);
  return {
    ...{
      now,
      base,
      agents,
      newSoftware,
      live,
      scopes,
      grants,
      certifications,
      waiting,
      waitingCount,
      refusedCount,
      decidedToday,
      unsealed,
    },
    refused: await Promise.all(refused.events.map((stored) => named(deps, stored))),
    issuedByHour: byHour,
    lastAt: latest.events[0]?.event.occurredAt,
  };
}

/** `GET /console`. */
export function overviewRoutes(deps: RouteDeps): Routes {
  return (router, { guard, pages }) => {
    router.get('/console', async (ctx) => {
      const session = await guard.session(ctx, { roles: READERS });
      if (session !== undefined) await pages.show(ctx, 'console/overview', presentOverview(await factsOf(deps)), session);
    });
  };
}
