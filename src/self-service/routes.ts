import type { Context } from 'koa';
import type { AuditRecorder } from '../audit/index.ts';
import type { ArtifactStore } from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { AppError } from '../platform/errors.ts';
import type { BrowserSession, Routes } from '../platform/http/web.ts';
import { grantInWords, type GrantWords } from './grant.ts';
import { presentEnd, presentGrant, presentHistory, presentHome } from './present.ts';
import type { SelfServiceSources } from './sources.ts';

/** What the routes stand on. */
export interface SelfServiceRouteDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly audit: AuditRecorder;
  readonly artifacts: Pick<ArtifactStore, 'listOf'>;
  readonly sources: SelfServiceSources;
}

type RouteDeps = SelfServiceRouteDeps & { readonly base: string };

/** The grants of a person that are in force, in words. */
export async function grantsOf(
  { artifacts, sources }: Pick<RouteDeps, 'artifacts' | 'sources'>,
  accountId: string,
): Promise<readonly GrantWords[]> {
  const stored = await artifacts.listOf('Grant', accountId);
  const grants = await Promise.all(stored.map((grant) => grantInWords(sources, grant)));
  return grants.filter((grant) => grant !== undefined);
}

/** One's own grant by the hash in the address. @throws {AppError} `not_found`, also for somebody else's. */
async function ownGrant(deps: RouteDeps, ctx: Context, accountId: string): Promise<GrantWords> {
  const { id } = (ctx as Context & { params: Record<string, string | undefined> }).params;
  const grant = (await grantsOf(deps, accountId)).find(({ hash }) => hash.toString('hex') === id);
  if (grant === undefined) throw new AppError('not_found', 'There is no such permission: it ended already, or it is not yours.');
  return grant;
}

/** What somebody allowed, a line each: who may act for them, and what. */
export async function grantLines(deps: Omit<RouteDeps, 'base'>, grants: readonly GrantWords[]) {
  const now = deps.clock.now();
  return Promise.all(grants.map(async (grant) => presentGrant(grant, { lastUsed: await deps.sources.lastUsed(grant.hash), now })));
}

async function homeModel(deps: RouteDeps, session: BrowserSession) {
  const { sources, clock } = deps;
  const { accountId, sessionUid } = session;
  const now = clock.now();
  const [grants, agents, sessions, waiting, toConfirm, toHandOn, security] = await Promise.all([
    grantsOf(deps, accountId),
    sources.agentsOwnedBy(accountId),
    sources.sessionsOf(accountId),
    sources.waitingFor(accountId),
    sources.toConfirm(accountId),
    sources.toHandOn(accountId),
    sources.securityOf(accountId),
  ]);
  const lines = await grantLines(deps, grants);
  return {
    ...presentHome({ grants, lines, agents, sessions, waiting, toConfirm, toHandOn, currentUid: sessionUid, now }),
    ...security,
    liveHref: `${deps.base}/me/approvals/events`,
  };
}

/** `/me`, what became of a grant, and the page that ends it. */
export function selfServiceRoutes(deps: RouteDeps): Routes {
  const { db, base, sources, audit } = deps;
  const path = '/me/grants/:id/end';
  return (router, { guard, pages }) => {
    router.get('/me', async (ctx) => {
      const session = await guard.session(ctx);
      if (session !== undefined) await pages.show(ctx, 'me/home', await homeModel(deps, session), session);
    });
    router.get('/me/grants/:id', async (ctx) => {
      const session = await guard.session(ctx);
      if (session === undefined) return;
      const grant = await ownGrant(deps, ctx, session.accountId);
      await pages.show(ctx, 'me/grant', presentHistory(grant, await sources.historyOf(grant.hash), base), session);
    });
    router.get(path, async (ctx) => {
      const session = await guard.session(ctx);
      if (session === undefined) return;
      const grant = await ownGrant(deps, ctx, session.accountId);
      const falling = await sources.falling(grant.hash);
      await pages.show(ctx, 'me/end-grant', presentEnd(grant, { base, falling, person: session.name }), session);
    });
    router.post(path, async (ctx) => {
      const session = await guard.session(ctx);
      if (session === undefined) return;
      await pages.form(ctx);
      const { accountId } = session;
      const grant = await ownGrant(deps, ctx, accountId);
      const by = { kind: 'account', id: accountId } as const;
      await db.transaction(async () => {
        await sources.endGrant(grant.hash, { cause: 'grant.revoked', by });
        const event = {
          type: 'grant.revoked',
          actor: by,
          subjectId: accountId,
          clientId: grant.clientId,
          cause: 'ended by the person',
        } as const;
        await audit.record(event);
      });
      pages.redirect(ctx, '/me', { kind: 'done', text: `${grant.grantee.name} may do nothing more for you.` });
    });
  };
}
