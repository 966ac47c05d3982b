import type { AuthorizationDetail } from '../authorization-details/index.ts';
import type { VerifiedToken } from '../tokens/index.ts';
import type { ForeignPerson } from '../trust/index.ts';
import { type ActClaim, readActChain } from './act-chain.ts';
import type { Holding } from './narrowing.ts';
import { accept, type Outcome, refuse } from './refusal.ts';

/** On whose word a subject token of another issuer is taken, and what it gives here. */
export interface ForeignOrigin {
  readonly providerId: string;
  /** What it is used up under. */
  readonly name: { readonly iss: string; readonly jti: string; readonly exp: number };
  readonly person: ForeignPerson;
  /** Who it is here was found out just now. */
  readonly isNew: boolean;
  /** Ids of the agents that may present it. */
  readonly presenters: readonly string[];
  readonly holdings: readonly Holding[];
  readonly maxTtlSeconds: number | undefined;
}

/** The token that is exchanged, after signature and liveness were checked. */
export interface SubjectToken {
  /** Undefined for a token of another issuer: it is not in the ledger. */
  readonly jti: string | undefined;
  readonly rootJti: string | undefined;
  /** The namespace of `sub`: ours. */
  readonly iss: string;
  /** Who signed it. */
  readonly tokenIssuer: string;
  readonly sub: string;
  readonly profile: 'user' | 'ai_agent' | 'service';
  readonly accountId: string | undefined;
  /** Empty, like the resource, for a token of another issuer. */
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
  readonly foreign: ForeignOrigin | undefined;
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
    tokenIssuer: payload.iss ?? '',
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
    foreign: undefined,
  });
}
