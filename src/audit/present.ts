import { z } from 'zod';
import { momentOf } from '../platform/http/moment.ts';
import type { Sent } from '../platform/http/operation.ts';
import type { AuditEvent } from './event.ts';
import type { StoredAuditEvent } from './store.ts';
import { eventWords } from './words.ts';

/** The name people know a typed id by, if there is one. */
export type NameOf = (id: string) => Promise<string | undefined>;

/** Asks for each name once. */
export function rememberNames(nameOf: NameOf): (id: string) => Promise<string> {
  const known = new Map<string, Promise<string>>();
  return (id) => {
    const name = known.get(id) ?? nameOf(id).then((found) => found ?? shortOf(id));
    known.set(id, name);
    return name;
  };
}

type Namer = ReturnType<typeof rememberNames>;

function shortOf(id: string): string {
  return id.length > 20 ? `${id.slice(0, 8)}…${id.slice(-4)}` : id;
}

function idOf(full: string) {
  return { short: shortOf(full), full };
}

async function actorName({ actor }: AuditEvent, name: Namer): Promise<string> {
  if (actor.kind === 'system') return 'The server';
  return actor.kind === 'anonymous' ? 'Somebody unknown' : name(actor.id);
}

/** The sentence of an event: who did what. */
export async function sentenceOf(event: AuditEvent, name: Namer): Promise<string> {
  return `${await actorName(event, name)} ${eventWords(event).did}`;
}

/** Whom it was for, who acted, on what: the parties that are known, first to last. */
async function partiesOf(event: AuditEvent, name: Namer): Promise<string> {
  const ids = [event.subjectId, ...[...(event.chain ?? [])].reverse().map(({ sub }) => sub), event.agentId, event.resource];
  const distinct = [...new Set(ids.filter((id) => id !== undefined))];
  return (await Promise.all(distinct.map(name))).join(' → ');
}

/** A line of the list (views/console/audit.eta). */
export async function presentLine({ event }: StoredAuditEvent, { name, now }: { name: Namer; now: Date }) {
  const { word, tone } = eventWords(event);
  return {
    id: event.id,
    when: momentOf(event.occurredAt, now),
    state: { word, tone },
    words: await sentenceOf(event, name),
    chain: await partiesOf(event, name),
  };
}

const LABELS = {
  agentId: 'Agent',
  subjectId: 'For',
  clientId: 'Client',
  resource: 'On',
  action: 'What',
  outcome: 'Outcome',
  cause: 'Why',
  remedy: 'What would help',
  risk: 'Risk',
  attestation: 'Attested',
  decisionId: 'Decision',
  approvalId: 'Approval',
  tokenId: 'Token',
  detailsHash: 'Details',
} as const;

/** Pages of the console that members lead to, below it. */
const PAGES: Partial<Record<keyof typeof LABELS, string>> = { tokenId: 'tokens', decisionId: 'decisions', approvalId: 'approvals' };

async function factsOf(event: AuditEvent, name: Namer, base: string) {
  const facts: { label: string; value: string; href?: string }[] = [{ label: 'Who', value: await actorName(event, name) }];
  for (const key of Object.keys(LABELS) as (keyof typeof LABELS)[]) {
    const value = event[key];
    if (value === undefined) continue;
    const page = PAGES[key];
    const href = page === undefined ? {} : { href: `${base}/console/${page}/${encodeURIComponent(value)}` };
    facts.push({ label: LABELS[key], value: key === 'agentId' || key === 'subjectId' ? await name(value) : value, ...href });
  }
  return [...facts, { label: 'Belongs to', value: event.correlationId }];
}

/** The page of one event (views/console/audit-event.eta); `previousHash` is what stands before it in the chain. */
export async function presentEvent(
  stored: StoredAuditEvent,
  around: { name: Namer; now: Date; base: string; previousHash: string | undefined; related: readonly StoredAuditEvent[] },
) {
  const { event, digest, position } = stored;
  const { name, now, base } = around;
  const { word, tone } = eventWords(event);
  return {
    event: {
      id: idOf(event.id),
      words: await sentenceOf(event, name),
      type: event.type,
      state: { word, tone },
      when: momentOf(event.occurredAt, now),
      facts: await factsOf(event, name, base),
      exact: JSON.stringify(event, null, 2),
      digest: idOf(digest),
      ...(around.previousHash === undefined ? {} : { previous: idOf(around.previousHash) }),
      ...(position === undefined ? {} : { place: position.toLocaleString('en') }),
    },
    related: await Promise.all(
      around.related.map(async ({ event: other }) => ({
        href: `${base}/console/audit/${other.id}`,
        words: await sentenceOf(other, name),
        when: momentOf(other.occurredAt, now),
      })),
    ),
  };
}

const text = z.string().optional();

/** An event for programs. */
export const eventBody = z
  .object({
    id: z.string(),
    type: z.string(),
    occurred_at: z.iso.datetime(),
    actor: z.object({ kind: z.enum(['account', 'agent', 'service', 'client', 'system', 'anonymous']), id: z.string() }),
    correlation_id: z.string(),
    agent_id: text,
    subject_id: text,
    chain: z.array(z.object({ iss: z.string(), sub: z.string() })).optional(),
    client_id: text,
    resource: text,
    action: text,
    details_hash: text,
    decision_id: text,
    approval_id: text,
    token_id: text,
    outcome: z.enum(['permitted', 'refused', 'approved', 'denied', 'deferred']).optional(),
    attestation: text,
    risk: z.enum(['low', 'medium', 'high']).optional(),
    cause: text,
    remedy: text,
    digest: z.string(),
    position: z.int().nullable(),
    hash: z.string().nullable(),
  })
  .meta({ id: 'AuditEvent' });

/** A record in the form of `eventBody`. */
export function presentRecord({ event, digest, position, hash }: StoredAuditEvent): Sent<typeof eventBody> {
  return {
    id: event.id,
    type: event.type,
    occurred_at: event.occurredAt.toISOString(),
    actor: event.actor,
    correlation_id: event.correlationId,
    agent_id: event.agentId,
    subject_id: event.subjectId,
    chain: event.chain,
    client_id: event.clientId,
    resource: event.resource,
    action: event.action,
    details_hash: event.detailsHash,
    decision_id: event.decisionId,
    approval_id: event.approvalId,
    token_id: event.tokenId,
    outcome: event.outcome,
    attestation: event.attestation,
    risk: event.risk,
    cause: event.cause,
    remedy: event.remedy,
    digest,
    position: position ?? null,
    hash: hash ?? null,
  };
}
