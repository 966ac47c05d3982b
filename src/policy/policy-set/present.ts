import { structuredPatch } from 'diff';
import type { Policy, PolicyDifference, VersionHead } from './policy-set.ts';

/** A policy as the interface answers with it. */
export function presentPolicy({ id, text, state }: Policy): Readonly<Record<string, unknown>> {
  return { id, state, text };
}

/** A version as the interface answers with it, without what it holds. */
export function presentVersion({
  version,
  summary,
  reason,
  changedBy,
  changedAt,
  restores,
}: VersionHead): Readonly<Record<string, unknown>> {
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

/** A difference as the interface answers with it. */
export function presentDifference(difference: PolicyDifference): Readonly<Record<string, unknown>> {
  const { id, change, before, after } = difference;
  const lines = linesOf(difference).map(({ sign, text }) => `${sign}${text}`);
  return { id, change, state_before: before?.state ?? null, state_after: after?.state ?? null, lines };
}
