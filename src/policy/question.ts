import type { AuthorizationDetail, JsonObject } from '../authorization-details/index.ts';
import type { Actor, Effect } from './decision.ts';
import type { PrincipalFacts } from './principal.ts';

/** Who an access is for: a person, or an agent or service for itself. `properties` are the caller's word, never ours. */
export interface QuestionSubject {
  readonly kind: 'account' | 'agent' | 'service';
  readonly id: string;
  readonly properties?: JsonObject | undefined;
}

/** What is reached: a resource server itself, or a thing of it, such as a tool. */
export interface QuestionResource {
  /** `resource_server` or a word of that server: `tool`, `invoice`. */
  readonly type: string;
  readonly id: string;
  /** The identifier of the resource server that it belongs to; itself for a resource server. Undefined: the person's identity alone. */
  readonly server: string | undefined;
  readonly properties?: JsonObject | undefined;
}

/** What is known of the moment. Members that nobody knows are left out: a policy that needs one does not match. */
export interface QuestionContext {
  readonly at: Date;
  readonly grantType?: string | undefined;
  /** The address the request came from, after trusted proxies. */
  readonly network?: string | undefined;
  readonly acr?: string | undefined;
  readonly amr?: readonly string[] | undefined;
  readonly authTime?: Date | undefined;
  /** Signals of risk about the session or the agent, by name. */
  readonly riskSignals?: readonly string[] | undefined;
  /** A person has approved exactly this. */
  readonly isApproved?: boolean | undefined;
  /** The id of the account that approved it. */
  readonly approvedBy?: string | undefined;
  /** As what that person approved: left out, whoever answers looks it up. */
  readonly approvers?: readonly Approvers[] | undefined;
  /** What a caller of the evaluation interface added; its own word. */
  readonly properties?: JsonObject | undefined;
}

/**
 * What the administrators' policies are asked, for a token (`action.name` is `issue_token`) as for a single access that a
 * resource server asks about (AuthZEN): who, through whom, what, on what, when. No bearer value is among it.
 */
export interface Question {
  readonly subject: QuestionSubject;
  /** The chain of actors, newest first (RFC 8693 §4.1). */
  readonly actors: readonly Actor[];
  readonly clientId: string;
  /** The client and the agent it stands for, as the records say. */
  readonly facts: PrincipalFacts;
  readonly action: { readonly name: string; readonly properties?: JsonObject | undefined };
  readonly resource: QuestionResource;
  readonly scopes: readonly string[];
  readonly details: readonly AuthorizationDetail[];
  readonly context: QuestionContext;
  /** The groups that people of this question are in, by account: left out, whoever answers looks them up if a policy names a group. */
  readonly groups?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** Who may approve what a policy does not allow outright. */
export type Approvers = 'subject' | 'owner' | 'manager' | 'administrators' | `group:${string}`;

/** What has to happen before the same question is answered with yes. */
export type Obligation =
  | { readonly kind: 'approval'; readonly by: readonly Approvers[] }
  | { readonly kind: 'step_up'; readonly acr: string; readonly maxAgeSeconds?: number | undefined };

/** What the policies say. `rule`, `reason` and `remedy` are sentences and names a caller may read. */
export interface Answer {
  readonly effect: Effect;
  /** The name of the policy that decided, or of the invariant. */
  readonly rule: string;
  readonly reason: string;
  readonly remedy: string;
  readonly obligation?: Obligation | undefined;
  /** The version of the policies that answered. */
  readonly policyVersion: string;
}

/** Asks the policies in force. Never throws for what a question holds: what cannot be judged is refused. */
export type Ask = (question: Question) => Promise<Answer> | Answer;
