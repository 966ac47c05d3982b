import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { purge } from '../../platform/db/purge.ts';

/** The agent that a code was asked for with. */
export interface RequestedActor {
  /** SHA-256 of the code. */
  readonly codeHash: Buffer;
  readonly clientId: string;
  readonly agentId: string;
  readonly expiresAt: Date;
}

/** SQL of the actors that codes name. */
export interface RequestedActorStore {
  find(codeHash: Buffer): Promise<Pick<RequestedActor, 'clientId' | 'agentId'> | undefined>;
  insert(actor: RequestedActor): Promise<void>;
  /** Forgets those of codes that are over; returns how many went. */
  purge(limit: number): Promise<number>;
}

/** The store over PostgreSQL. */
export function createRequestedActorStore({ db, clock }: { db: Db; clock: Clock }): RequestedActorStore {
  return {
    async find(codeHash) {
      const text = 'SELECT client_id, agent_id FROM requested_actors WHERE code_hash = $1';
      const row = await db.row<{ client_id: string; agent_id: string }>({ name: 'requested-actor-find', text, values: [codeHash] });
      return row && { clientId: row.client_id, agentId: row.agent_id };
    },
    async insert({ codeHash, ...rest }) {
      await db.prisma.requestedActor.create({ data: { codeHash: new Uint8Array(codeHash), ...rest } });
    },
    purge: (limit) => purge(db, { table: 'requested_actors', column: 'expires_at', before: clock.now() }, limit),
  };
}
