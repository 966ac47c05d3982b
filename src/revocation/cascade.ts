import { type ArtifactStore, hashOf } from '../oidc/index.ts';
import type { Db } from '../platform/db/db.ts';
import type { EndReason, TokenSelector, TokenService } from '../tokens/index.ts';

/**
 * What ends when a party is stopped. Each runs in the transaction under way, so that nobody is stopped with tokens left, and may
 * be repeated. app.ts passes them as hooks to whoever stops parties.
 */
export interface Cascade {
  /** Tokens in which the agent acts or is the subject, their descendants, and every refresh token, grant and code of its clients. */
  onAgentSuspended(agentId: string, reason?: Partial<EndReason>): Promise<void>;
  /** Tokens in which the agent acts or is the subject, and their descendants; what people allowed it waits for the end of its review. */
  onAgentPaused(agentId: string, reason?: Partial<EndReason>): Promise<void>;
  /** The same for many at once, in as many statements as for one. */
  onAgentsSuspended(agentIds: readonly string[], reason?: Partial<EndReason>): Promise<void>;
  /** Tokens for the person, their descendants, what they granted, and their sign-ins. */
  onAccountDisabled(accountId: string, reason?: Partial<EndReason>): Promise<void>;
  onClientDisabled(clientId: string, reason?: Partial<EndReason>): Promise<void>;
  /** Everything that came from a grant, named by its id or by the SHA-256 of it. */
  onGrantEnded(grant: string | Buffer, reason?: Partial<EndReason>): Promise<void>;
  /** Tokens for a resource that is no longer known here, and their descendants. */
  onResourceRemoved(resource: string, reason?: Partial<EndReason>): Promise<void>;
}

/** What the cascade needs; `clientsOf` gives the client ids that are linked to these agents. */
export interface CascadeDeps {
  readonly db: Db;
  readonly tokens: Pick<TokenService, 'end' | 'endOfAgents'>;
  readonly artifacts: Pick<ArtifactStore, 'destroyAuthority'>;
  readonly clientsOf: (agentIds: readonly string[]) => Promise<readonly string[]>;
}

const SYSTEM = { kind: 'system', id: 'revocation' } as const;

/** The cascade over ledger and engine storage. */
export function createCascade(deps: CascadeDeps): Cascade {
  const { db, tokens, artifacts, clientsOf } = deps;
  const end = (selector: TokenSelector, cause: string, reason: Partial<EndReason> = {}) =>
    tokens.end(selector, { cause: reason.cause ?? cause, by: reason.by ?? SYSTEM });
  const onAgentsSuspended: Cascade['onAgentsSuspended'] = (agentIds, reason = {}) =>
    db.transaction(async () => {
      const clientIds = await clientsOf(agentIds);
      if (clientIds.length > 0) await artifacts.destroyAuthority({ clientIds });
      await tokens.endOfAgents(agentIds, { cause: reason.cause ?? 'agent.suspended', by: reason.by ?? SYSTEM });
    });
  return {
    onAgentPaused: async (agentId, reason) => void (await end({ by: 'agent', agentId }, 'agent.reviewed', reason)),
    onAgentSuspended: (agentId, reason) => onAgentsSuspended([agentId], reason),
    onAgentsSuspended,
    onAccountDisabled: (accountId, reason) =>
      db.transaction(async () => {
        await artifacts.destroyAuthority({ accountId });
        await end({ by: 'account', accountId }, 'account.disabled', reason);
      }),
    onClientDisabled: (clientId, reason) =>
      db.transaction(async () => {
        await artifacts.destroyAuthority({ clientIds: [clientId] });
        await end({ by: 'client', clientId }, 'client.updated', reason);
      }),
    onGrantEnded: (grant, reason) =>
      db.transaction(async () => {
        const grantHash = typeof grant === 'string' ? hashOf(grant) : grant;
        await artifacts.destroyAuthority({ grantHash });
        await end({ by: 'grant', grantHash }, 'grant.revoked', reason);
      }),
    onResourceRemoved: async (resource, reason) => void (await end({ by: 'resource', resource }, 'resource_server.deleted', reason)),
  };
}
