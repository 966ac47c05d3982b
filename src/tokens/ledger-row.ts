import { byteaOf, type Columns, type NewRow } from '../platform/db/row-set.ts';
import type { KnownToken, NewToken } from './token-record.ts';

/** The columns of a new token. */
export const COLUMNS: Columns = [
  ['jti', 'text'],
  ['kind', 'text'],
  ['client_id', 'text'],
  ['subject', 'text'],
  ['subject_profile', 'text'],
  ['account_id', 'text'],
  ['agent_id', 'text'],
  ['agent_ids', 'text[]'],
  ['actor_source', 'text'],
  ['grant_hash', 'bytea'],
  ['family_hash', 'bytea'],
  ['parent_jti', 'text'],
  ['grant_type', 'text'],
  ['basis', 'text'],
  ['delegation_id', 'text'],
  ['resource', 'text'],
  ['scope', 'text'],
  ['details', 'jsonb'],
  ['act', 'jsonb'],
  ['cnf', 'jsonb'],
  ['acr', 'text'],
  ['auth_time', 'timestamptz'],
  ['approval', 'jsonb'],
  ['approval_id', 'text'],
  ['decision_id', 'text'],
  ['issued_at', 'timestamptz'],
  ['expires_at', 'timestamptz'],
];

/** What a new token is judged by and the ledger does not keep. */
export const JUDGED: Columns = [['policy_version', 'integer']];

/** A row of the ledger as it is read, with the derived `is_live`. */
export interface LedgerRow {
  readonly jti: string;
  readonly kind: KnownToken['kind'];
  readonly client_id: string;
  readonly subject: string;
  readonly subject_profile: KnownToken['subjectProfile'];
  readonly account_id: string | null;
  readonly agent_id: string | null;
  readonly agent_ids: string[];
  readonly actor_source: string | null;
  readonly grant_hash: Buffer | null;
  readonly family_hash: Buffer | null;
  readonly parent_jti: string | null;
  readonly grant_type: string | null;
  readonly basis: string | null;
  readonly delegation_id: string | null;
  readonly root_jti: string;
  readonly depth: number;
  readonly resource: string;
  readonly scope: string;
  readonly details: KnownToken['details'] | null;
  readonly act: KnownToken['act'] | null;
  readonly cnf: KnownToken['cnf'] | null;
  readonly acr: string | null;
  readonly auth_time: Date | null;
  readonly approval: KnownToken['approval'] | null;
  readonly approval_id: string | null;
  readonly decision_id: string | null;
  readonly issued_at: Date;
  readonly expires_at: Date;
  readonly ended_at: Date | null;
  readonly end_cause: string | null;
  readonly is_live: boolean;
}

/** A row as the rest of the house knows it. */
export function toToken(row: LedgerRow): KnownToken {
  return {
    jti: row.jti,
    kind: row.kind,
    clientId: row.client_id,
    subject: row.subject,
    subjectProfile: row.subject_profile,
    accountId: row.account_id ?? undefined,
    agentId: row.agent_id ?? undefined,
    agentIds: row.agent_ids,
    actorSource: row.actor_source ?? undefined,
    grantHash: row.grant_hash ?? undefined,
    familyHash: row.family_hash ?? undefined,
    parentJti: row.parent_jti ?? undefined,
    grantType: row.grant_type ?? undefined,
    basis: row.basis ?? undefined,
    delegationId: row.delegation_id ?? undefined,
    rootJti: row.root_jti,
    depth: row.depth,
    resource: row.resource,
    scope: row.scope,
    details: row.details ?? undefined,
    act: row.act ?? undefined,
    cnf: row.cnf ?? undefined,
    acr: row.acr ?? undefined,
    authTime: row.auth_time ?? undefined,
    approval: row.approval ?? undefined,
    approvalId: row.approval_id ?? undefined,
    decisionId: row.decision_id ?? undefined,
    issuedAt: row.issued_at,
    expiresAt: row.expires_at,
    endedAt: row.ended_at ?? undefined,
    endCause: row.end_cause ?? undefined,
    isLive: row.is_live,
  };
}

/** A new token as its row. */
export function rowOf(token: NewToken): NewRow {
  const { jti, kind, subject, resource, scope, details, act, cnf, acr, approval } = token;
  return {
    ...{ jti, kind, subject, resource, scope, details, act, cnf, acr, approval },
    client_id: token.clientId,
    subject_profile: token.subjectProfile,
    account_id: token.accountId,
    agent_id: token.agentId,
    agent_ids: token.agentIds,
    actor_source: token.actorSource,
    grant_hash: byteaOf(token.grantHash),
    family_hash: byteaOf(token.familyHash),
    parent_jti: token.parentJti,
    grant_type: token.grantType,
    basis: token.basis,
    delegation_id: token.delegationId,
    auth_time: token.authTime,
    approval_id: token.approvalId,
    decision_id: token.decisionId,
    policy_version: token.policyVersion,
    issued_at: token.issuedAt,
    expires_at: token.expiresAt,
  };
}
