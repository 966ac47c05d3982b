import type { Agent, AgentModel, AgentOwner, Autonomy, RiskLevel } from './agent.ts';
import type { AgentStatus } from './lifecycle.ts';

/** An agent as PostgreSQL gives it. */
export interface AgentRow {
  readonly id: string;
  readonly name: string;
  readonly display_name: string;
  readonly description: string | null;
  readonly status: AgentStatus;
  readonly status_before: AgentStatus | null;
  readonly ttl_minutes: number | null;
  readonly status_reason: string | null;
  readonly status_changed_by: string | null;
  readonly status_changed_at: Date;
  readonly owner_kind: AgentOwner['kind'] | null;
  readonly owner_id: string | null;
  readonly purpose: string;
  readonly risk_level: RiskLevel;
  readonly autonomy: Autonomy;
  readonly data_classes: readonly string[] | null;
  readonly environment: string | null;
  readonly model: AgentModel | null;
  readonly manifest_digest: string | null;
  readonly valid_until: Date | null;
  readonly max_delegation_depth: number | null;
  readonly parent_id: string | null;
  readonly max_children: number | null;
  readonly max_child_depth: number | null;
  readonly stopped_with: string | null;
  readonly external_id: string | null;
  readonly source: string;
  readonly provisioned: Readonly<Record<string, unknown>>;
  readonly version: number;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly last_seen_at: Date | null;
  readonly last_confirmed_at: Date | null;
  readonly last_confirmed_by: string | null;
  readonly removed_at: Date | null;
  readonly acts_under_review: boolean;
}

/** The columns a description fills, in the order of `detailValues`. */
export const DETAIL_COLUMNS = [
  'name',
  'display_name',
  'description',
  'owner_kind',
  'owner_id',
  'purpose',
  'risk_level',
  'autonomy',
  'data_classes',
  'environment',
  'model',
  'manifest_digest',
  'valid_until',
  'max_delegation_depth',
  'parent_id',
  'max_children',
  'max_child_depth',
  'external_id',
  'provisioned',
] as const;

/** The columns that the life of an agent fills from its making on. */
export const LIFE_COLUMNS = [
  'id',
  'status',
  'status_reason',
  'status_changed_by',
  'status_changed_at',
  'source',
  'version',
  'created_at',
  'updated_at',
  'ttl_minutes',
] as const;

/** All columns, qualified, so that a condition may join other tables. */
export const AGENT_COLUMNS = [
  ...DETAIL_COLUMNS,
  ...LIFE_COLUMNS,
  'status_before',
  'stopped_with',
  'last_seen_at',
  'last_confirmed_at',
  'last_confirmed_by',
  'removed_at',
  'acts_under_review',
]
  .map((name) => `agents.${name}`)
  .join(', ');

/** The values of a description in the order of `DETAIL_COLUMNS`; objects are JSON. */
export function detailValues(agent: Omit<Agent, 'status'>): readonly unknown[] {
  const { model, provisioned, owner } = agent;
  return [
    agent.name,
    agent.displayName,
    agent.description,
    owner?.kind,
    owner?.id,
    agent.purpose,
    agent.riskLevel,
    agent.autonomy,
    agent.dataClasses,
    agent.environment,
    model,
    agent.manifestDigest,
    agent.validUntil,
    agent.maxDelegationDepth,
    agent.parentId,
    agent.maxChildren,
    agent.maxChildDepth,
    agent.externalId,
    provisioned,
  ];
}

/** The values of a life in the order of `LIFE_COLUMNS`. */
export function lifeValues(agent: Agent): readonly unknown[] {
  const { id, status, statusReason, statusChangedBy, statusChangedAt, source, version, createdAt, updatedAt, ttlMinutes } = agent;
  return [id, status, statusReason, statusChangedBy, statusChangedAt, source, version, createdAt, updatedAt, ttlMinutes];
}

/** A row in the words of the domain. */
export function toAgent(row: AgentRow): Agent {
  return {
    id: row.id,
    name: row.name,
    displayName: row.display_name,
    description: row.description ?? undefined,
    status: row.status,
    statusBefore: row.status_before ?? undefined,
    statusReason: row.status_reason ?? undefined,
    statusChangedBy: row.status_changed_by ?? undefined,
    statusChangedAt: row.status_changed_at,
    actsUnderReview: row.acts_under_review,
    owner: row.owner_kind === null || row.owner_id === null ? undefined : { kind: row.owner_kind, id: row.owner_id },
    purpose: row.purpose,
    riskLevel: row.risk_level,
    autonomy: row.autonomy,
    dataClasses: row.data_classes ?? [],
    environment: row.environment ?? undefined,
    model: row.model ?? undefined,
    manifestDigest: row.manifest_digest ?? undefined,
    validUntil: row.valid_until ?? undefined,
    maxDelegationDepth: row.max_delegation_depth ?? undefined,
    parentId: row.parent_id ?? undefined,
    maxChildren: row.max_children ?? undefined,
    maxChildDepth: row.max_child_depth ?? undefined,
    stoppedWith: row.stopped_with ?? undefined,
    externalId: row.external_id ?? undefined,
    ttlMinutes: row.ttl_minutes ?? undefined,
    source: row.source,
    provisioned: row.provisioned,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    lastSeenAt: row.last_seen_at ?? undefined,
    lastConfirmedAt: row.last_confirmed_at ?? undefined,
    lastConfirmedBy: row.last_confirmed_by ?? undefined,
    removedAt: row.removed_at ?? undefined,
  };
}
