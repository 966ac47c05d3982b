import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';

/** Somebody at an identity provider; `tenant` is empty when it has none (security rule R25). */
export interface SubjectKey {
  readonly iss: string;
  readonly tenant: string;
  readonly sub: string;
}

/** Who is who, in SQL. */
export interface LinkStore {
  /** The account of somebody who came before. */
  find(subject: SubjectKey): Promise<string | undefined>;
  /** Keeps it for good; false when somebody else was quicker. */
  insert(subject: SubjectKey, accountId: string): Promise<boolean>;
  removeOf(accountId: string): Promise<void>;
  removeOfIssuer(issuer: string): Promise<void>;
}

/** The store over PostgreSQL. */
export function createLinkStore({ db, clock }: { db: Db; clock: Clock }): LinkStore {
  return {
    async find({ iss, tenant, sub }) {
      const text = 'SELECT account_id FROM linked_subjects WHERE issuer = $1 AND tenant = $2 AND subject = $3';
      return (await db.row<{ account_id: string }>({ name: 'linked-subject-find', text, values: [iss, tenant, sub] }))?.account_id;
    },
    async insert({ iss, tenant, sub }, accountId) {
      const text = `INSERT INTO linked_subjects (issuer, tenant, subject, account_id, created_at) VALUES ($1, $2, $3, $4, $5)
                    ON CONFLICT DO NOTHING RETURNING 1 AS one`;
      return (await db.row({ name: 'linked-subject-insert', text, values: [iss, tenant, sub, accountId, clock.now()] })) !== undefined;
    },
    async removeOf(accountId) {
      await db.rows({
        name: 'linked-subjects-remove-account',
        text: 'DELETE FROM linked_subjects WHERE account_id = $1',
        values: [accountId],
      });
    },
    async removeOfIssuer(issuer) {
      await db.rows({ name: 'linked-subjects-remove-issuer', text: 'DELETE FROM linked_subjects WHERE issuer = $1', values: [issuer] });
    },
  };
}
