import type { AuthorizationDetail } from '../authorization-details/index.ts';
import type { PrincipalFacts } from './principal.ts';

/** What a decision can say. `approval` and `step_up` ask for more before the same request may succeed. */
export type Effect = 'permit' | 'deny' | 'approval' | 'step_up';

/** A party that acts (RFC 8693 §4.1), newest first in a list. */
export interface Actor {
  readonly iss: string;
  readonly sub: string;
}

/** What runs held against what was agreed. */
export interface DriftInput {
  /** The record says something else; otherwise it says nothing. */
  readonly differs: boolean;
  /** An agent of this risk goes on meanwhile. */
  readonly goesOn: boolean;
}

/** Everything the rules look at when a token is about to be issued. No bearer value is among it. */
export interface PolicyInput {
  readonly grantType: string;
  readonly clientId: string;
  /** The client proved itself; `none` is no proof. */
  readonly isAuthenticated: boolean;
  readonly facts: PrincipalFacts;
  /** Whose token it becomes; undefined when nobody can be named. */
  readonly subject: { readonly kind: 'account' | 'agent' | 'service'; readonly id: string } | undefined;
  /** `own`: a resource of this server. `none`: a token without audience, for the person's identity alone. */
  readonly resource: { readonly kind: 'own' | 'registered' | 'unknown' | 'none'; readonly identifier?: string; readonly own?: string };
  /** The client belongs to a resource server: it may evaluate accesses. */
  readonly isResourceServersOwn: boolean;
  readonly scopes: readonly string[];
  readonly details: readonly AuthorizationDetail[];
  readonly actors: readonly Actor[];
  /** The most actors a chain may hold. */
  readonly maxActors: number;
  /** What the request says of the software, where the record of the agent does not say it. */
  readonly drift?: DriftInput | undefined;
  readonly now: Date;
}

/** What was decided. `rule`, `reason` and `remedy` are sentences and names a caller may read. */
export interface Decision {
  readonly id: string;
  readonly effect: Effect;
  /** The rule that decided; `invariants` when all of them held. */
  readonly rule: string;
  readonly reason: string;
  /** The smallest change that would allow it. */
  readonly remedy: string;
}

/** A decision as it is kept. */
export interface StoredDecision extends Decision {
  readonly at: Date;
  readonly clientId: string;
  readonly agentId: string | undefined;
  readonly subjectId: string | undefined;
  readonly resource: string | undefined;
  readonly action: string;
  /** What the rules saw. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly policyVersion: string;
}
