import type { ConfirmationOptions } from '../accounts/index.ts';
import { z } from 'zod';
import { durationWords, momentOf } from '../platform/http/moment.ts';
import type { Sent } from '../platform/http/operation.ts';
import { initialsOf } from '../platform/http/pages.ts';
import { APPROVAL_STATUSES, type Approval, type ApprovalStatus, statusAt } from './approval.ts';
import { mixesScripts } from './deceptive-text.ts';
import type { Described, Shown, ShownDetail } from './shown.ts';

const STATES = {
  pending: { word: 'Waiting for you', tone: 'wait' },
  approved: { word: 'Approved', tone: 'yes' },
  denied: { word: 'Denied', tone: 'stop' },
  expired: { word: 'Ran out', tone: '' },
  withdrawn: { word: 'Withdrawn', tone: '' },
} as const satisfies Record<ApprovalStatus, { word: string; tone: string }>;

const IDENTITY_WORDS: Readonly<Record<string, string>> = {
  openid: 'who you are',
  profile: 'your name',
  email: 'your e-mail address',
};

function stateOf(status: ApprovalStatus) {
  return STATES[status];
}

/** Money as people write it; every digit of the amount is kept, because the decision covers it. */
function moneyWords({ amount, currency }: { amount: string; currency: string }): string {
  try {
    // a decimal text keeps its digits; a number would round them
    const exact = amount as Intl.StringNumericLiteral;
    return new Intl.NumberFormat('en', { style: 'currency', currency, maximumFractionDigits: 20 }).format(exact);
  } catch {
    return `${amount} ${currency}`;
  }
}

/** What the question is about, without who asks: `Call pay_invoice of Billing MCP`. */
export function titleOf(shown: Shown): string {
  const [first, ...more] = shown.details;
  if (first !== undefined) return more.length === 0 ? first.headline : `${first.headline}, and ${more.length} more`;
  return shown.resourceName === null ? `Learn who you are` : `Use ${shown.resourceName}`;
}

function holdsWords({ holdsSeconds, maxUses }: Shown): string {
  const time = `${durationWords(holdsSeconds)} from your yes`;
  return maxUses === 1 ? `${time}, one use` : time;
}

/** Whether a detail says where already: the same address twice makes people look for the difference. */
function namesResource({ details, resource }: Shown): boolean {
  return details.some(({ rows }) => rows.some(({ value }) => value === resource));
}

function rowsAround(shown: Shown) {
  const learns = shown.identityScopes.map((scope) => IDENTITY_WORDS[scope] ?? scope);
  return [
    ...(shown.resource === null || namesResource(shown) ? [] : [{ label: 'Where', value: `${shown.resourceName} (${shown.resource})` }]),
    ...(shown.details.length === 0 ? [] : shown.scopes.map(({ description }) => ({ label: 'Scope', value: description }))),
    ...(learns.length === 0 ? [] : [{ label: 'Learns', value: learns.join(', ') }]),
    { label: 'Holds', value: holdsWords(shown) },
  ];
}

function askOfDetail({ title, headline, rows, amount }: ShownDetail, around: readonly { label: string; value: string }[]) {
  if (amount === undefined) return { label: title, value: headline, long: true, rows: [...rows, ...around] };
  return { label: 'Up to', value: moneyWords(amount), note: headline, rows: [...rows, ...around] };
}

function asksOf(shown: Shown) {
  const around = rowsAround(shown);
  const [first, ...more] = shown.details;
  if (first !== undefined) return { ask: askOfDetail(first, around), more: more.map((detail) => askOfDetail(detail, [])) };
  const may = shown.scopes.map(({ description }) => description);
  const value = may.length === 0 ? titleOf(shown) : may.join(' · ');
  return { ask: { label: may.length === 0 ? 'It wants to' : 'It may', value, long: true, rows: around }, more: [] };
}

function chainOf(shown: Shown, you: string) {
  const { agentName, resourceName } = shown;
  return [
    { kind: 'person', name: you, initials: initialsOf(shown.personName) },
    { kind: 'agent', name: agentName, initials: initialsOf(agentName), now: true },
    ...(resourceName === null ? [] : [{ kind: 'resource', name: resourceName, initials: initialsOf(resourceName) }]),
  ];
}

function exactOf(shown: Shown): string {
  const { agentId, clientId, resource, scopes, identityScopes, exactDetails, bindingMessage, detailsHash } = shown;
  const scope = [...identityScopes, ...scopes.map(({ name }) => name)].join(' ');
  const record = {
    agent: agentId,
    client_id: clientId,
    resource,
    scope,
    authorization_details: exactDetails,
    binding_message: bindingMessage,
  };
  return JSON.stringify({ ...record, details_hash: detailsHash }, null, 2);
}

function unusualOf(shown: Shown, answers: { approved: number; denied: number }): string[] {
  const details = shown.details.flatMap(({ headline, rows }) => [headline, ...rows.map(({ value }) => value)]);
  const texts = [shown.agentName, shown.bindingMessage ?? '', shown.resourceName ?? '', ...details];
  const mixed = [...new Set(texts)].filter((text) => mixesScripts(text));
  return [
    ...(answers.approved + answers.denied === 0 ? ['it is the first time that this agent asks you.'] : []),
    ...mixed.map((text) => `“${text}” mixes letters of different alphabets that look alike.`),
  ];
}

function takesWords(confirmation: ConfirmationOptions | undefined): string | undefined {
  if (confirmation?.passkey !== undefined) return 'your passkey';
  return confirmation?.takesCode === true ? 'a code from your authenticator app' : undefined;
}

/** The page on which somebody decides (views/approvals/approval.eta). */
export function presentQuestion(
  { approval, shown, hash }: Described,
  around: {
    base: string;
    now: Date;
    answers: { approved: number; denied: number };
    confirmation: ConfirmationOptions | undefined;
    /** Why the last try was not confirmed. */
    fault?: string | undefined;
  },
) {
  const { base, now, answers, confirmation, fault } = around;
  const { ask, more } = asksOf(shown);
  const takes = takesWords(confirmation);
  return {
    action: `${base}/me/approvals/${approval.id}`,
    shown: hash,
    heading: `${titleOf(shown)} for you?`,
    asks: `${shown.agentName} asks.`,
    left: momentOf(approval.expiresAt, now),
    ask: { ...ask, rows: [...ask.rows, ...(takes === undefined ? [] : [{ label: 'Takes', value: takes }])] },
    more,
    unusual: unusualOf(shown, answers),
    chain: chainOf(shown, 'You'),
    actor: `Owned by ${shown.ownerName} · ${answers.approved} approved before, ${answers.denied} denied`,
    ...(shown.bindingMessage === null ? {} : { bindingMessage: shown.bindingMessage }),
    exact: exactOf(shown),
    ...(confirmation?.passkey === undefined ? {} : { passkey: { options: confirmation.passkey } }),
    ...(confirmation?.takesCode === true ? { codeNeeded: true } : {}),
    ...(fault === undefined ? {} : { faults: [confirmation?.takesCode === true ? { field: 'code', message: fault } : { message: fault }] }),
    liveHref: `${base}/me/approvals/events`,
    listHref: `${base}/me/approvals`,
  };
}

const AFTERWARDS = {
  approved: (shown: Shown) => `${shown.agentName} was told and can do it${shown.maxUses === 1 ? ' once' : ''}.`,
  denied: (shown: Shown) => `${shown.agentName} was told and does nothing.`,
  expired: (shown: Shown) => `Nobody decided in time. ${shown.agentName} can ask again.`,
  withdrawn: () => 'It no longer needs an answer.',
  pending: (shown: Shown) => `${shown.personName} has to decide.`,
} as const satisfies Record<ApprovalStatus, (shown: Shown) => string>;

function headingOf(status: ApprovalStatus, who: string): string {
  if (status === 'approved') return `${who} approved this`;
  if (status === 'denied') return `${who} denied this`;
  if (status === 'pending') return `${who} decides this`;
  return status === 'expired' ? 'This ran out' : 'This was withdrawn';
}

/** A question to read: decided, over, or somebody else's (views/approvals/decided.eta). `reader` is whoever looks. */
export function presentOutcome({ approval, shown }: Described, around: { now: Date; reader: string; listHref: string }) {
  const { now, reader, listHref } = around;
  const status = statusAt(approval, now);
  const isOwn = approval.accountId === reader;
  const who = isOwn ? 'You' : shown.personName;
  return {
    state: status === 'pending' ? { word: 'Waiting', tone: 'wait' } : stateOf(status),
    heading: headingOf(status, who),
    when: momentOf(approval.decision?.at ?? approval.expiresAt, now),
    words: AFTERWARDS[status](shown),
    ask: asksOf(shown).ask,
    chain: chainOf(shown, who),
    exact: exactOf(shown),
    ...(approval.hasReceipt ? { receiptHref: `${listHref}/${approval.id}/receipt` } : {}),
    listHref,
  };
}

/** A line of the inbox (views/approvals/inbox.eta). */
export function presentInboxLine({ approval, shown }: Described, around: { base: string; now: Date }) {
  const { base, now } = around;
  const status = statusAt(approval, now);
  return {
    href: `${base}/me/approvals/${approval.id}`,
    title: titleOf(shown),
    by: shown.agentName,
    state: stateOf(status),
    when: momentOf(approval.decision?.at ?? approval.expiresAt, now),
  };
}

/** A line of the console's list (views/console/approvals.eta). */
export function presentConsoleLine({ approval, shown }: Described, around: { base: string; now: Date; reader: string }) {
  const { base, now, reader } = around;
  const status = statusAt(approval, now);
  const isOwn = approval.accountId === reader;
  const verb =
    status === 'pending' ? (isOwn ? 'decide' : 'decides') : status === 'approved' || status === 'denied' ? 'decided' : 'was asked';
  return {
    href: `${base}${isOwn ? '/me' : '/console'}/approvals/${approval.id}`,
    title: titleOf(shown),
    chain: chainOf(shown, shown.personName),
    approver: isOwn && status !== 'expired' && status !== 'withdrawn' ? `You ${verb}` : `${shown.personName} ${verb}`,
    state: status === 'pending' && !isOwn ? { word: 'Waiting', tone: 'wait' } : stateOf(status),
    when: momentOf(approval.decision?.at ?? approval.expiresAt, now),
  };
}

/** An approval for programs; `shown` is what a decision has to send back. */
const detailBody = z.looseObject({ type: z.string() });

export const approvalBody = z
  .object({
    id: z.string(),
    status: z.enum(APPROVAL_STATUSES),
    client_id: z.string(),
    agent_id: z.string(),
    account_id: z.string(),
    resource: z.string().nullable(),
    scope: z.string(),
    identity_scope: z.string(),
    authorization_details: z.array(detailBody),
    asked: z.object({ scope: z.string(), authorization_details: z.array(detailBody) }).nullable(),
    details_hash: z.string(),
    binding_message: z.string().nullable(),
    title: z.string(),
    shown: z.string(),
    requested_at: z.iso.datetime(),
    expires_at: z.iso.datetime(),
    decided_at: z.iso.datetime().nullable(),
    decided_by: z.string().nullable(),
    approved_until: z.iso.datetime().nullable(),
    max_uses: z.int().nullable(),
  })
  .meta({ id: 'Approval' });

/** A record in the form of `approvalBody`. */
export function presentRecord({ approval, shown, hash }: Described, now: Date): Sent<typeof approvalBody> {
  const { decision } = approval;
  return {
    id: approval.id,
    status: statusAt(approval, now),
    client_id: approval.clientId,
    agent_id: approval.agentId,
    account_id: approval.accountId,
    resource: approval.resource ?? null,
    scope: approval.scope,
    identity_scope: approval.identityScope,
    authorization_details: approval.details,
    asked: approval.asked === undefined ? null : { scope: approval.asked.scope, authorization_details: approval.asked.details },
    details_hash: approval.detailsHash,
    binding_message: approval.bindingMessage ?? null,
    title: titleOf(shown),
    shown: hash,
    requested_at: approval.requestedAt.toISOString(),
    expires_at: approval.expiresAt.toISOString(),
    decided_at: decision?.at.toISOString() ?? null,
    decided_by: decision?.by ?? null,
    approved_until: approval.approvedUntil?.toISOString() ?? null,
    max_uses: approval.maxUses ?? null,
  };
}

/** How many wait, as a heading. */
export function inboxHeading(waiting: readonly Pick<Approval, 'agentId'>[]): string {
  const agents = new Set(waiting.map(({ agentId }) => agentId)).size;
  if (agents === 0) return 'Nobody waits for you';
  return agents === 1 ? 'One agent waits for you' : `${agents} agents wait for you`;
}
