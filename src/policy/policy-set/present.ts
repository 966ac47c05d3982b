import { structuredPatch } from 'diff';
import { z } from 'zod';
import type { Sent } from '../../platform/http/operation.ts';
import { pageBody } from '../../platform/http/paging.ts';
import { textFaultBody } from '../../platform/http/problem.ts';
import type { Checked } from '../cedar/validation.ts';
import { type Policy, type PolicyDifference, policyChanges, policyStates, type VersionHead } from './policy-set.ts';

/** A policy as the interface answers with it. */
export const policyBody = z.object({ id: z.string(), state: z.enum(policyStates), text: z.string() }).meta({ id: 'Policy' });
/** A policy with the version of the set it was read from. */
export const policyWithVersion = policyBody.extend({ version: z.int() }).meta({ id: 'PolicyWithVersion' });
/** The policies with the version of the set they were read from. */
export const policiesBody = pageBody(policyBody).extend({ version: z.int() });
/** A version as the interface answers with it, without what it holds. */
export const versionBody = z
  .object({
    version: z.int(),
    summary: z.string(),
    reason: z.string(),
    changed_by: z.string(),
    changed_at: z.iso.datetime(),
    restores: z.int().nullable(),
  })
  .meta({ id: 'PolicyVersion' });
/** A version with all it holds. */
export const versionWithPolicies = versionBody.extend({ policies: z.array(policyBody) }).meta({ id: 'PolicyVersionWithPolicies' });
/** A difference as the interface answers with it. */
const differenceBody = z
  .object({
    id: z.string(),
    change: z.enum(policyChanges),
    state_before: z.enum(policyStates).nullable(),
    state_after: z.enum(policyStates).nullable(),
    lines: z.array(z.string()),
  })
  .meta({ id: 'PolicyDifference' });
/** What differs between two versions. */
export const diffBody = z
  .object({ version: z.int(), against: z.int(), changes: z.array(differenceBody) })
  .meta({ id: 'PolicyVersionDiff' });
/** Of each text that was looked at, what it is called and does, or what is wrong with it. */
export const checksBody = z
  .object({
    items: z.array(
      z.union([
        z.object({ valid: z.literal(true), id: z.string(), effect: z.enum(['permit', 'forbid']) }),
        z.object({ valid: z.literal(false), faults: z.array(textFaultBody) }),
      ]),
    ),
  })
  .meta({ id: 'PolicyChecks' });
/** What policies may speak about, in Cedar's language for schemas. */
export const policySchemaBody = z.object({ version: z.int(), schema: z.string() }).meta({ id: 'PolicySchema' });
/** The version that a roll-back made. */
export const rolledBackBody = z.object({ version: z.int() }).meta({ id: 'PolicyRollback' });

/** A record in the form of `policyBody`. */
export function presentPolicy({ id, text, state }: Policy): Sent<typeof policyBody> {
  return { id, state, text };
}

/** A record in the form of `versionBody`. */
export function presentVersion({ version, summary, reason, changedBy, changedAt, restores }: VersionHead): Sent<typeof versionBody> {
  return { version, summary, reason, changed_by: changedBy, changed_at: changedAt.toISOString(), restores: restores ?? null };
}

/** A line of a difference: `+` is new, `-` is gone. */
export interface DiffLine {
  readonly sign: ' ' | '+' | '-';
  readonly text: string;
}

const CONTEXT_LINES = 3;
/** A line-by-line comparison of texts of eight kilobytes ends long before. */
const TIMEOUT_MS = 200;

/** What changed in a policy, line by line, with three lines around. */
export function linesOf({ before, after }: Pick<PolicyDifference, 'before' | 'after'>): readonly DiffLine[] {
  const options = { context: CONTEXT_LINES, timeout: TIMEOUT_MS };
  const patch = structuredPatch('before', 'after', before?.text ?? '', after?.text ?? '', '', '', options);
  const lines = (patch?.hunks ?? []).flatMap((hunk) => hunk.lines).filter((line) => !line.startsWith('\\'));
  return lines.map((line) => ({ sign: line.slice(0, 1) as DiffLine['sign'], text: line.slice(1) }));
}

/** What became of a text that was looked at. */
export function presentChecked(checked: Checked): Sent<typeof checksBody>['items'][number] {
  return checked.ok ? { valid: true, id: checked.id, effect: checked.effect } : { valid: false, faults: checked.faults };
}

/** A difference with its lines. */
export function presentDifference(difference: PolicyDifference): Sent<typeof differenceBody> {
  const { id, change, before, after } = difference;
  const lines = linesOf(difference).map(({ sign, text }) => `${sign}${text}`);
  return { id, change, state_before: before?.state ?? null, state_after: after?.state ?? null, lines };
}
