import type { Columns, NewRow } from '../platform/db/row-set.ts';
import type { ActClaim, ApprovalClaim, SubjectProfile } from './token-record.ts';

/**
 * A row that another capability wants written in the statement that writes the token: it is there if and only if the token is.
 * Table and columns are constants of that capability's store, never input.
 */
export interface Companion {
  readonly table: string;
  readonly columns: Columns;
  readonly row: NewRow;
}

/**
 * What is decided about the token that a request is about to get. Policy, exchange and approvals fill it in; the ledger reads
 * it when the claims are written. What nobody says follows from the grant (see oidc.ts).
 */
export interface Issuance {
  /** The final `sub`: an id of ours, never a client_id (R5). */
  subject?: string;
  subjectProfile?: SubjectProfile;
  /** The final `act` claim, newest actor outermost. */
  actors?: ActClaim;
  /** How many actors the chain may hold, where an administrator allowed another number than the usual one (R26). */
  maxActors?: number;
  /** The token it is made from: its child dies with it. */
  parentJti?: string;
  /** By which right it is made from its parent (R1), and the delegation that right stands on. */
  basis?: string;
  delegationId?: string;
  /** The family of refresh tokens it comes with or from: it ends with it. */
  familyHash?: Buffer;
  /** The acting agent; read from `actors` or `subject` when left out. */
  agentId?: string;
  /** What made the actor the actor: `actor_token`, `client`, `continuation` … (R3). */
  actorSource?: string;
  decisionId?: string;
  /** The decision itself, to be kept with the token. */
  alongside?: Companion;
  /** The version of the policies it was decided under; left out: no policy was asked. */
  policyVersion?: number;
  /** Decides again, under the policies as they are now: the version changed while the token was made. Throws what refuses. */
  decideAgain?: () => Promise<void>;
  /** The id of the account that gave the approval. */
  approvedBy?: string;
  /** The whole `approval` claim; its `id` is the approval's. */
  approval?: ApprovalClaim;
  /** What it is made from ends then: a second that passes between deciding and signing must not make it live longer. */
  notAfter?: Date;
  acr?: string;
  authTime?: Date;
}

const notes = new WeakMap<object, Issuance>();

/** The notes of one token request; the same object for the same context. */
export function issuanceOf(ctx: object): Issuance {
  const known = notes.get(ctx);
  if (known !== undefined) return known;
  const fresh: Issuance = {};
  notes.set(ctx, fresh);
  return fresh;
}
