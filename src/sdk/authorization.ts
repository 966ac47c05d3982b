import { AccessRefused } from './refusal.ts';

/** A party in the delegation chain (RFC 8693 §4.1; the Actor Profile demands `iss` and `sub`). */
export interface Actor {
  /** Where `subject` is a name; the two together are the party. */
  readonly issuer: string;
  readonly subject: string;
  /** `user`, `ai_agent`, `service` …, lower case; several are separated by spaces. */
  readonly profile: string | undefined;
}

/** One element of `authorization_details` (RFC 9396 §2). */
export interface AuthorizationDetail {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** A human's decision that this token rests on. */
export interface Approval {
  readonly id: string;
  readonly approvedAt: Date | undefined;
  readonly approvedUntil: Date;
  readonly detailsHash: string | undefined;
  readonly approvedBy: string | undefined;
  readonly by: 'subject' | 'other' | undefined;
  /** How often it may be used; undefined where the issuer set no bound. */
  readonly maxUses: number | undefined;
}

/** The token itself, for the rare caller that needs more than its meaning. */
export interface PresentedToken {
  readonly value: string;
  readonly id: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  /** All claims, verified but otherwise untouched. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** Thumbprints the presenter has proven, if the token is bound to a key or a certificate. */
  readonly boundTo: { readonly jwkThumbprint?: string; readonly certificateThumbprint?: string };
}

/** Who asks for what, in whose name: what a verified request is worth. */
export interface Authorization {
  readonly issuer: string;
  /** Whose authority is used: a person's account, or the agent itself. */
  readonly subject: string;
  readonly subjectProfile: string | undefined;
  /** Newest first. Decide on the first alone; the others are history (RFC 8693 §4.1). */
  readonly actors: readonly Actor[];
  /** The agent at work now: the newest actor, or else the subject, if it is an `ai_agent`. */
  readonly agent: Actor | undefined;
  /** `client_id`: the software, never to be taken for the agent. */
  readonly client: string;
  /** How and when the person behind the token had signed in, as far as the token tells (RFC 9470 §6). */
  readonly authentication: { readonly acr: string | undefined; readonly at: Date | undefined };
  readonly scopes: readonly string[];
  readonly authorizationDetails: readonly AuthorizationDetail[];
  readonly approval: Approval | undefined;
  readonly token: PresentedToken;
}

/**
 * Returns when the token holds every one of `scopes`.
 * @throws AccessRefused 403 `insufficient_scope`, naming all of `scopes` so that one step-up is enough (RFC 6750 §3.1).
 */
export function requireScope(authorization: Pick<Authorization, 'scopes'>, ...scopes: readonly string[]): void {
  if (scopes.every((scope) => authorization.scopes.includes(scope))) return;
  throw new AccessRefused('insufficient_scope', 'this needs a token with more scope', { scopes });
}

/**
 * Returns the first detail of `type` for which `isEnough` holds (RFC 9396 §2).
 * @throws AccessRefused 403 `insufficient_authorization` when there is none.
 */
export function requireDetail(
  authorization: Pick<Authorization, 'authorizationDetails'>,
  type: string,
  isEnough: (detail: AuthorizationDetail) => boolean,
): AuthorizationDetail {
  const found = authorization.authorizationDetails.find((detail) => detail.type === type && isEnough(detail));
  if (found) return found;
  throw new AccessRefused('insufficient_authorization', 'this needs a token whose authorization details allow it');
}

/**
 * Returns the party that acts now, if `isAllowed` says so: the newest actor, or else the agent acting for itself. What a
 * person may do is not yet what this agent may do for them: judge the actor and the subject together (Actor Profile).
 * @throws AccessRefused 403 `actor_unauthorized`, also when nobody but the subject acts.
 */
export function requireActor(
  authorization: Pick<Authorization, 'actors' | 'agent' | 'issuer' | 'subject' | 'subjectProfile'>,
  isAllowed: (actor: Actor, subject: Actor) => boolean,
): Actor {
  const acting = authorization.actors[0] ?? authorization.agent;
  const { issuer, subject, subjectProfile } = authorization;
  if (acting && isAllowed(acting, { issuer, subject, profile: subjectProfile })) return acting;
  throw new AccessRefused('actor_unauthorized', 'this actor may not do this here');
}
