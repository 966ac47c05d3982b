import { z } from 'zod';
import { secondsAfter } from '../../platform/clock.ts';
import { AppError } from '../../platform/errors.ts';
import { dayWords } from '../../platform/http/moment.ts';
import { type Agent, lines, ownerOf, type RiskLevel, riskLevels, visible } from '../agent.ts';
import type { AgentStatus } from '../lifecycle.ts';

/** What became of an agent in a campaign: nobody answered yet · still needed · stopped by its owner · nobody answered · was stopped otherwise. */
export const itemStates = ['open', 'confirmed', 'declined', 'expired', 'dropped'] as const;
export type ItemState = (typeof itemStates)[number];

/** Which active agents a campaign takes in: all of these conditions at once. */
export interface CampaignScope {
  /** At least one. */
  readonly riskLevels: readonly RiskLevel[];
  /** Only agents of this person or group. */
  readonly ownerId: string | undefined;
  /** Only agents that nobody confirmed for so many days; one that was never confirmed counts from the day it was added. */
  readonly unconfirmedDays: number | undefined;
}

/** What an administrator asks for: every owner in the scope confirms by a date, or the agents are suspended. */
export interface NewCampaign {
  readonly name: string;
  /** To the owners; may be empty. */
  readonly note: string;
  readonly scope: CampaignScope;
  readonly dueAt: Date;
}

/** A campaign that was started. It runs until it is closed. */
export interface Campaign extends NewCampaign {
  readonly id: string;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly closedAt: Date | undefined;
  /** Set: it was cancelled, and nobody was suspended from then on. */
  readonly cancelled: { readonly by: string; readonly reason: string } | undefined;
}

/** An agent in a campaign. */
export interface CampaignItem {
  readonly campaignId: string;
  readonly agentId: string;
  readonly state: ItemState;
  /** Who answered; of an expired one: who confirmed it too late. */
  readonly decidedBy: string | undefined;
  readonly decidedAs: 'owner' | 'administrator' | undefined;
  readonly decidedAt: Date | undefined;
  readonly comment: string | undefined;
}

/** How many agents of a campaign are in each state. */
export type Progress = Readonly<Record<ItemState, number>>;

/** More than owners could answer in one campaign, and than one statement should take in. */
export const MAX_AGENTS = 100_000;
const DAY_SECONDS = 86_400;
const LONGEST_SECONDS = 366 * DAY_SECONDS;
const MAX_UNCONFIRMED_DAYS = 3_650;

const newCampaign = z.object({
  name: visible(80),
  note: lines(1_000),
  riskLevels: z.array(z.enum(riskLevels)).min(1, 'is at least one of low, medium and high'),
  ownerId: z
    .string()
    .refine((id) => id.length <= 100 && ownerOf(id) !== undefined, 'is a person or a group')
    .optional(),
  unconfirmedDays: z
    .int('is a whole number of days')
    .min(1, 'is at least one day')
    .max(MAX_UNCONFIRMED_DAYS, `is at most ${MAX_UNCONFIRMED_DAYS} days`)
    .optional(),
});

/** A date owners can meet: not before tomorrow, not later than in a year. @throws {AppError} `invalid_input` with member `dueAt`. */
export function readDueAt(dueAt: Date, now: Date): Date {
  const isWithin = dueAt >= secondsAfter(now, DAY_SECONDS) && dueAt <= secondsAfter(now, LONGEST_SECONDS);
  if (isWithin) return dueAt;
  throw new AppError('invalid_input', 'Owners need at least a day to answer, and at most a year.', { member: 'dueAt' });
}

/** The campaign as it is kept: trimmed and bounded. @throws {AppError} `invalid_input` with the member at fault. */
export function readCampaign({ name, note, scope, dueAt }: NewCampaign, now: Date): NewCampaign {
  const result = newCampaign.safeParse({ name, note, ...scope });
  if (result.success) {
    const { riskLevels: risks, ownerId, unconfirmedDays, ...named } = result.data;
    return { ...named, scope: { riskLevels: [...new Set(risks)], ownerId, unconfirmedDays }, dueAt: readDueAt(dueAt, now) };
  }
  const issue = result.error.issues[0];
  const member = String(issue?.path[0] ?? 'campaign');
  const words = issue === undefined || /^[A-Z]/.test(issue.message) ? 'is not a value it can have' : issue.message;
  throw new AppError('invalid_input', `This ${words}.`, { member });
}

/** Agents added or confirmed before this time count as not confirmed; undefined: all do. */
export function unconfirmedSince({ unconfirmedDays }: CampaignScope, now: Date): Date | undefined {
  return unconfirmedDays === undefined ? undefined : secondsAfter(now, -unconfirmedDays * DAY_SECONDS);
}

/** Where a campaign stands: `due` until the job has stopped everything nobody answered for. */
export type CampaignStanding = 'running' | 'due' | 'closed' | 'cancelled';

/** Judges it by the clock, because the job that closes it comes a moment later. */
export function standingOf(
  { closedAt, cancelled, dueAt }: Pick<Campaign, 'closedAt' | 'cancelled' | 'dueAt'>,
  now: Date,
): CampaignStanding {
  if (cancelled !== undefined) return 'cancelled';
  if (closedAt !== undefined) return 'closed';
  return dueAt <= now ? 'due' : 'running';
}

/** Whether an agent in this state is asked for; one that is stopped already is not. */
export function isAsked(status: AgentStatus): boolean {
  return status !== 'suspended' && status !== 'retired';
}

/** What is wrong with an answer, for whoever gives it; undefined when it may be given. */
export type AnswerRefusal = 'decided' | 'late' | 'over' | 'stopped';

/** What an answer meets. */
export interface AnswerCircumstances {
  readonly campaign: Pick<Campaign, 'closedAt' | 'cancelled' | 'dueAt'>;
  readonly item: Pick<CampaignItem, 'state' | 'decidedBy'>;
  readonly agent: Pick<Agent, 'status'>;
  readonly decision: 'confirm' | 'decline';
  readonly now: Date;
}

/**
 * Whether an agent can be answered for. After it expired its owner may still confirm it, once and while it is suspended: that is
 * kept for whoever resumes it, and moves nothing by itself.
 */
export function judgeAnswer({ campaign, item, agent, decision, now }: AnswerCircumstances): 'answer' | 'confirm_late' | AnswerRefusal {
  if (item.state === 'expired') {
    const isLate = decision === 'confirm' && item.decidedBy === undefined && agent.status === 'suspended';
    return isLate ? 'confirm_late' : item.decidedBy === undefined ? 'late' : 'decided';
  }
  if (item.state === 'confirmed' || item.state === 'declined') return 'decided';
  const standing = standingOf(campaign, now);
  if (standing === 'cancelled' || standing === 'closed') return 'over';
  if (item.state === 'dropped' || !isAsked(agent.status)) return 'stopped';
  return standing === 'due' ? 'late' : 'answer';
}

/** Why an agent was suspended that nobody confirmed; its owner and the audit read it. */
export function expiryReason({ name, dueAt }: Pick<Campaign, 'name' | 'dueAt'>): string {
  return `Not confirmed by ${dayWords(dueAt)} in ${name}.`;
}

/** Why an agent was suspended whose owner no longer needs it. */
export function declineReason({ name }: Pick<Campaign, 'name'>, comment: string | undefined): string {
  return comment === undefined ? `No longer needed, its owner says in ${name}.` : `No longer needed, its owner says: ${comment}`;
}

const MAX_COMMENT = 200;
const commentSchema = lines(MAX_COMMENT);

/** What somebody adds to an answer; empty is nothing. @throws {AppError} `invalid_input` with the member `comment` or `reason`. */
export function readComment(text: string, member: 'comment' | 'reason'): string | undefined {
  const result = commentSchema.safeParse(text);
  if (!result.success) {
    throw new AppError('invalid_input', `The ${member} has at most ${MAX_COMMENT} characters and no invisible ones.`, { member });
  }
  return result.data === '' ? undefined : result.data;
}

/** All agents of a campaign. */
export function totalOf(progress: Progress): number {
  return itemStates.reduce((sum, state) => sum + progress[state], 0);
}
