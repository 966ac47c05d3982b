import type { AuditActor, AuditRecorder } from '../audit/index.ts';
import { REFRESH_SECONDS, type RefreshTokenStore } from '../oidc/index.ts';
import { type Clock, secondsAfter } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import type { TokenService } from '../tokens/index.ts';

/** One connection of one client, for one person. */
export interface Family {
  readonly familyHash: Buffer;
  readonly clientId: string;
  readonly accountId: string;
}

/** How families end. What the person consented to stays, and so do other connections of the same client. */
export interface FamilyService {
  /** Somebody used a token again that had been replaced: everything of the family ends, and the audit says so, once. */
  endReplayed(family: Family): Promise<void>;
  /** The code it began with was used again (RFC 6749 §4.1.2): everything that came of it ends, and the audit says so, once. */
  endCodeReplayed(family: Family): Promise<void>;
  /** Its client has no more use for it (RFC 7009 §2.1). */
  endRevoked(family: Family): Promise<void>;
}

/** What the end of a family needs. */
export interface FamilyServiceDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly store: Pick<RefreshTokenStore, 'endFamily'>;
  /** Ends the access tokens of the family, and what was made from them. */
  readonly tokens: Pick<TokenService, 'end'>;
  readonly audit: AuditRecorder;
  /** Who a client stands for, for the trail of that agent. */
  readonly agents: { findByClient(clientId: string): Promise<{ readonly id: string } | undefined> };
}

/** The ends of families over their store. */
export function createFamilyService(deps: FamilyServiceDeps): FamilyService {
  const { db, clock, store, tokens, audit, agents } = deps;
  /** How many access tokens fell; undefined when the family was ended before. */
  const end = async ({ familyHash }: Family, reason: { cause: string; by: AuditActor }): Promise<number | undefined> => {
    if (!(await store.endFamily(familyHash, secondsAfter(clock.now(), REFRESH_SECONDS.longest)))) return undefined;
    return (await tokens.end({ by: 'family', familyHash }, reason)).tokens;
  };
  const endAndTell = (family: Family, event: { type: 'refresh_token.replayed' } | { type: 'token.replayed'; cause: string }) =>
    db.transaction(async () => {
      const { clientId, accountId } = family;
      const by = { kind: 'client', id: clientId } as const;
      const count = await end(family, { cause: event.type, by });
      if (count === undefined) return;
      const agent = await agents.findByClient(clientId);
      await audit.record({
        ...event,
        actor: by,
        clientId,
        subjectId: accountId,
        ...(agent === undefined ? {} : { agentId: agent.id }),
        remedy: `ended the connection and ${count} access ${count === 1 ? 'token' : 'tokens'} of it; the person signs in again`,
      });
    });
  return {
    endReplayed: (family) => endAndTell(family, { type: 'refresh_token.replayed' }),
    endCodeReplayed: (family) => endAndTell(family, { type: 'token.replayed', cause: 'the code it began with was used again' }),
    endRevoked: (family) =>
      db.transaction(async () => {
        await end(family, { cause: 'its refresh token was revoked', by: { kind: 'client', id: family.clientId } });
      }),
  };
}
