import type { Provider } from 'oidc-provider';
import { type ArtifactStore, hashOf } from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import type { Approval } from './approval.ts';
import { scopesOf } from './shown.ts';
import type { ApprovalStore } from './store.ts';

/** The engine's side of a decision. */
export interface Completion {
  /**
   * Tells the engine what was decided; safe to repeat and from many places at once: the first does it, all others find nothing
   * to do. A request that the client has redeemed, or whose time is over, stays as it is.
   */
  finish(id: string): Promise<void>;
}

interface CompletionDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly store: ApprovalStore;
  readonly artifacts: Pick<ArtifactStore, 'amend'>;
  readonly provider: () => Provider;
}

const MODEL = 'BackchannelAuthenticationRequest';
const DENIED = { error: 'access_denied', errorDescription: 'the request was denied' };

/** Exactly what was shown, and no longer than it was approved for (R10): when it ends, so does everything issued under it. */
async function saveGrant(provider: Provider, approval: Approval, until: Date): Promise<{ grantId: string; destroy: () => Promise<void> }> {
  const grant = new provider.Grant({ accountId: approval.accountId, clientId: approval.clientId });
  Object.assign(grant, { exp: Math.floor(until.getTime() / 1000) });
  if (approval.identityScope !== '') grant.addOIDCScope(approval.identityScope);
  if (approval.resource !== undefined && approval.scope !== '') grant.addResourceScope(approval.resource, approval.scope);
  for (const detail of approval.details) grant.addRar({ ...detail });
  return { grantId: await grant.save(), destroy: async () => void (await grant.destroy()) };
}

async function approve({ artifacts, provider }: CompletionDeps, approval: Approval, until: Date): Promise<Buffer | undefined> {
  const { grantId, destroy } = await saveGrant(provider(), approval, until);
  const { decision, details } = approval;
  const authTime = decision?.authTime && Math.floor(decision.authTime.getTime() / 1000);
  const isTold = await artifacts.amend(MODEL, approval.authReqHash, {
    members: {
      grantId,
      scope: [...scopesOf(approval.identityScope), ...scopesOf(approval.scope)].join(' '),
      ...(details.length === 0 ? {} : { rar: details }),
      ...(authTime === undefined ? {} : { authTime }),
      ...(decision?.acr === undefined ? {} : { acr: decision.acr, amr: decision.amr }),
    },
    expiresAt: until,
  });
  if (isTold) return hashOf(grantId);
  await destroy();
  return undefined;
}

/** Finishes decisions: between the decision's commit and this one a server may die, so a job calls it again. */
export function createCompletion(deps: CompletionDeps): Completion {
  const { db, clock, store, artifacts } = deps;
  return {
    finish: (id) =>
      db.transaction(async () => {
        const approval = await store.lockUnfinished(id);
        if (approval === undefined) return;
        const now = clock.now();
        const until = approval.approvedUntil;
        let grantHash: Buffer | undefined;
        if (until === undefined) await artifacts.amend(MODEL, approval.authReqHash, { members: DENIED });
        else if (until > now) grantHash = await approve(deps, approval, until);
        await store.complete(id, { at: now, grantHash });
      }),
  };
}
