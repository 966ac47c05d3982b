import { z } from 'zod';
import { AppError } from '../platform/errors.ts';
import type { AgentStatus } from './lifecycle.ts';

/** How much damage an agent can do, judged by whoever answers for it. */
export const riskLevels = ['low', 'medium', 'high'] as const;
export type RiskLevel = (typeof riskLevels)[number];

/** `interactive`: a person is there while it works; `background`: it works alone. */
export const autonomies = ['interactive', 'background'] as const;
export type Autonomy = (typeof autonomies)[number];

/** Who answers for an agent: an account (`usr_…`) or a group (`grp_…`). */
export interface AgentOwner {
  readonly kind: 'user' | 'group';
  readonly id: string;
}

/** Which model an agent runs, as its owner says. */
export interface AgentModel {
  readonly provider?: string | undefined;
  readonly name?: string | undefined;
  readonly version?: string | undefined;
}

/** What describes an agent and may be edited. Undefined: not said. */
export interface AgentDetails {
  /** What people read. */
  readonly displayName: string;
  /** Unique among agents whatever its case; the id when nobody chose one. */
  readonly name: string;
  readonly description: string | undefined;
  readonly owner: AgentOwner | undefined;
  readonly purpose: string;
  readonly riskLevel: RiskLevel;
  readonly autonomy: Autonomy;
  readonly dataClasses: readonly string[];
  readonly environment: string | undefined;
  readonly model: AgentModel | undefined;
  readonly manifestDigest: string | undefined;
  readonly validUntil: Date | undefined;
  /** How many agents may stand behind it in a chain, 0–7; undefined: as many as the server allows. */
  readonly maxDelegationDepth: number | undefined;
  readonly parentId: string | undefined;
  /** How many agents that are not retired may stand directly below it, 0–1,000; undefined: none. */
  readonly maxChildren: number | undefined;
  /** How many generations may stand below it, 0–4; undefined: none. */
  readonly maxChildDepth: number | undefined;
  /** What the source calls it; unique within a source. */
  readonly externalId: string | undefined;
  /** What provisioning clients keep with it and this server itself does not use. */
  readonly provisioned: Readonly<Record<string, unknown>>;
}

/** An actor with an owner. Its clients are records beside it: a client_id is never taken for the agent. */
export interface Agent extends AgentDetails {
  readonly id: string;
  readonly status: AgentStatus;
  /** The state before this one; undefined when it never moved. */
  readonly statusBefore: AgentStatus | undefined;
  readonly statusReason: string | undefined;
  /** The typed id of whoever moved it last; undefined: the server. */
  readonly statusChangedBy: string | undefined;
  readonly statusChangedAt: Date;
  /** The agent above whose stop stopped this one, which acted until then. */
  readonly stoppedWith: string | undefined;
  /** Under review because something else runs than was agreed, and acting meanwhile: the setting for drift lets it. */
  readonly actsUnderReview: boolean;
  /** It was made for so long, and is removed at its end; undefined: it stays until somebody ends it, or its time does. */
  readonly ttlMinutes: number | undefined;
  /** Where the record came from: `console`, `registration`, `scim:<client_id>`. */
  readonly source: string;
  /** Counts changes; starts at 1. */
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly lastSeenAt: Date | undefined;
  /** When somebody who answers for it last said that it is still needed, and who that was. */
  readonly lastConfirmedAt: Date | undefined;
  readonly lastConfirmedBy: string | undefined;
  /** Set when it was deleted; the record stays, retired. */
  readonly removedAt: Date | undefined;
}

/** A new agent: a name for people, and whatever else is known. */
export type NewAgent = Pick<AgentDetails, 'displayName'> &
  Partial<Omit<AgentDetails, 'displayName'>> & {
    /** `proposed` when left out. */
    readonly status?: 'proposed' | 'active';
    /** Makes an ephemeral agent: how long it lives, 1 minute to 30 days. */
    readonly ttlMinutes?: number | undefined;
    readonly source: string;
  };

/** Members to change; one that is there and undefined is cleared. */
export type AgentChanges = Partial<AgentDetails>;

/** Characters that hide or turn text: a name must not disguise what stands beside it (security rule R11). */
export const DISGUISES = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/u;
const MAX_PROVISIONED = 64 * 1024;

/** One line of 1 to `max` characters, none of them invisible, trimmed and composed. */
export const visible = (max: number) =>
  z
    .string()
    .max(4 * max)
    .transform((text) => text.trim().normalize('NFC'))
    .refine((text) => text !== '' && [...text].length <= max && !DISGUISES.test(text), `has 1 to ${max} characters and no invisible ones`);
/** The same with line breaks, and it may be empty. */
export const lines = (max: number) =>
  z
    .string()
    .max(4 * max)
    .transform((text) => text.trim().normalize('NFC').replaceAll('\r\n', '\n'))
    .refine(
      (text) => [...text].length <= max && !DISGUISES.test(text.replaceAll('\n', '')),
      `has at most ${max} characters and no invisible ones`,
    );

const detailsSchema = z.object({
  displayName: visible(120),
  name: visible(120),
  description: lines(2000).optional(),
  owner: z.object({ kind: z.enum(['user', 'group']), id: visible(100) }).optional(),
  purpose: lines(500),
  riskLevel: z.enum(riskLevels),
  autonomy: z.enum(autonomies),
  dataClasses: z.array(visible(80)).max(50, 'has at most 50 entries'),
  environment: visible(60).optional(),
  model: z.object({ provider: visible(120).optional(), name: visible(120).optional(), version: visible(120).optional() }).optional(),
  manifestDigest: z
    .string()
    .regex(/^[\x21-\x7e]{1,200}$/, 'is a digest of at most 200 visible characters')
    .optional(),
  validUntil: z.date('is a date').max(new Date('9999-12-31T00:00:00Z'), 'is a date before the year 9999').optional(),
  maxDelegationDepth: z.int('is a whole number from 0 to 7').min(0, 'is 0 or more').max(7, 'is at most 7').optional(),
  parentId: visible(100).optional(),
  maxChildren: z.int('is a whole number from 0 to 1000').min(0, 'is 0 or more').max(1000, 'is at most 1000').optional(),
  maxChildDepth: z.int('is a whole number from 0 to 4').min(0, 'is 0 or more').max(4, 'is at most 4').optional(),
  externalId: visible(512).optional(),
  provisioned: z
    .record(z.string(), z.unknown())
    .refine((value) => JSON.stringify(value).length <= MAX_PROVISIONED, `has at most ${MAX_PROVISIONED / 1024} KB`),
});

/** The details as they are kept: trimmed, composed, bounded. @throws {AppError} `invalid_input` with the member at fault. */
export function readDetails(details: AgentDetails): AgentDetails {
  const result = detailsSchema.safeParse(details);
  if (result.success) return { ...details, ...result.data };
  throw faultIn(result.error);
}

/** What the first issue of a check says, in our words. */
export function faultIn({ issues: [issue] }: z.ZodError): AppError {
  const member = String(issue?.path[0] ?? 'it');
  return new AppError('invalid_input', `${member} ${describe(issue?.message)}.`, { member });
}

/** The schema library's own messages begin with a capital; ours go on after the member's name. */
function describe(message: string | undefined): string {
  return message === undefined || /^[A-Z]/.test(message) ? 'is not a value it can have' : message;
}

/** A new agent with what nobody said filled in; `id` stands in for a name. @throws {AppError} `invalid_input`. */
export function detailsOfNew(id: string, { status: _status, source: _source, ttlMinutes: _ttl, ...given }: NewAgent): AgentDetails {
  return readDetails({
    name: id,
    description: undefined,
    owner: undefined,
    purpose: '',
    riskLevel: 'medium',
    autonomy: 'interactive',
    dataClasses: [],
    environment: undefined,
    model: undefined,
    manifestDigest: undefined,
    validUntil: undefined,
    maxDelegationDepth: undefined,
    parentId: undefined,
    maxChildren: undefined,
    maxChildDepth: undefined,
    externalId: undefined,
    provisioned: {},
    ...given,
  });
}

/** Whether two owners are the same, or both nobody. */
export function isSameOwner(one: AgentOwner | undefined, other: AgentOwner | undefined): boolean {
  return one?.id === other?.id && one?.kind === other?.kind;
}

/** The owner an id names, by its prefix. Undefined when it is neither an account's nor a group's. */
export function ownerOf(id: string): AgentOwner | undefined {
  if (id.startsWith('usr_')) return { kind: 'user', id };
  return id.startsWith('grp_') ? { kind: 'group', id } : undefined;
}
