import type { AuthorizationDetail } from '../authorization-details/index.ts';
import type { VerifiedToken } from '../tokens/index.ts';
import { type ActClaim, type Actor, readActChain } from './act-chain.ts';
import type { KeyProof } from './presenter.ts';
import { accept, type Outcome, refuse } from './refusal.ts';

/** The token that is exchanged, after signature and liveness were checked. */
export interface SubjectToken {
  readonly jti: string;
  readonly rootJti: string;
  readonly iss: string;
  readonly sub: string;
  readonly profile: 'user' | 'ai_agent' | 'service';
  readonly accountId: string | undefined;
  readonly clientId: string;
  readonly resource: string;
  readonly scopes: readonly string[];
  readonly details: readonly AuthorizationDetail[];
  readonly chain: ActClaim | undefined;
  readonly cnf: unknown;
  readonly mayAct: unknown;
  readonly acr: string | undefined;
  readonly authTime: Date | undefined;
  readonly approval: Readonly<Record<string, unknown>> | undefined;
  /** Epoch seconds. */
  readonly expiresAt: number;
}

/**
 * What a verified access token says as a subject token (RFC 8693 §2.1). `invalid_request` when there is none (§2.2.2: invalid for
 * any reason), and for a token for this server itself, which is never exchanged (security rule R6).
 */
export function readSubjectToken(verified: VerifiedToken | undefined, ownResources: readonly string[]): Outcome<SubjectToken> {
  if (verified === undefined) return refuse('invalid_request', 'the subject token is not a live access token of this server');
  const { record, payload } = verified;
  if (ownResources.includes(record.resource)) return refuse('invalid_request', 'tokens for this server itself are not exchanged');
  const chain = readActChain(payload['act']);
  if (!chain.ok) return chain;
  return accept({
    jti: record.jti,
    rootJti: record.rootJti,
    iss: payload.iss ?? '',
    sub: record.subject,
    profile: record.subjectProfile,
    accountId: record.accountId,
    clientId: record.clientId,
    resource: record.resource,
    scopes: record.scope.split(' ').filter((scope) => scope !== ''),
    details: (record.details ?? []) as readonly AuthorizationDetail[],
    chain: chain.value,
    cnf: payload['cnf'],
    mayAct: payload['may_act'],
    acr: record.acr,
    authTime: record.authTime,
    approval: record.approval,
    expiresAt: payload.exp ?? 0,
  });
}

/** The actor a verified actor token names, and whether this client holds it. */
export interface ActorToken {
  readonly actor: Actor;
  readonly isHeldByClient: boolean;
}

/**
 * Who an actor token names (RFC 8693 §2.1): an agent or a service of this server that acts for itself. A person's token, or one
 * that somebody already acts on, names nobody who could act here: `invalid_request`. Held by the client means: bound to a key
 * that this request proved, or, without a key, issued to it.
 */
export function readActorToken(
  verified: VerifiedToken | undefined,
  holder: { readonly clientId: string; readonly proof: KeyProof },
): Outcome<ActorToken> {
  if (verified === undefined) return refuse('invalid_request', 'the actor token is not a live access token of this server');
  const { record, payload } = verified;
  if (record.subjectProfile === 'user' || record.act !== undefined)
    return refuse('invalid_request', 'the actor token is not one of an agent or service for itself');
  const actor = { iss: payload.iss ?? '', sub: record.subject, sub_profile: record.subjectProfile };
  return accept({ actor, isHeldByClient: isHeld(record, holder) });
}

function isHeld({ cnf, clientId }: VerifiedToken['record'], holder: { readonly clientId: string; readonly proof: KeyProof }): boolean {
  if (cnf === undefined) return clientId === holder.clientId;
  const proven = new Map<string, unknown>(Object.entries(holder.proof));
  return Object.entries(cnf).every(([name, thumbprint]) => proven.get(name) === thumbprint);
}
