import type { Finding } from '../finding.ts';
import type { Examination } from './walk.ts';

const KINDS = {
  mcp_server: 'Taken for an MCP server or another API.',
  client: 'Taken for the id of a client.',
  metadata_document: 'Taken for a client that is known by its metadata document.',
} as const satisfies Record<Examination['kind'], string>;

/** What a subject was taken for, as a sentence. */
export function kindWords(kind: Examination['kind']): string {
  return KINDS[kind];
}

const STATES = {
  ok: { word: 'Fine', tone: 'yes' },
  warning: { word: 'Look at it', tone: 'wait' },
  failed: { word: 'Broken', tone: 'stop' },
  not_tried: { word: 'Not tried', tone: '' },
} as const satisfies Record<Finding['state'], { word: string; tone: string }>;

function headingOf(findings: readonly Finding[]): string {
  const failures = findings.filter(({ state }) => state === 'failed').length;
  const warnings = findings.filter(({ state }) => state === 'warning').length;
  if (failures > 0) return failures === 1 ? 'One thing does not work' : `${failures} things do not work`;
  if (warnings > 0) return warnings === 1 ? 'It works; one thing to look at' : `It works; ${warnings} things to look at`;
  return 'Nothing is wrong';
}

/** The model of views/console/doctor.eta: the form, and what was found if something was examined. */
export function presentExamination(examined: Examination | undefined, form: { subject: string; fault?: string }): object {
  const faults = form.fault === undefined ? [] : [{ field: 'subject', message: form.fault }];
  if (examined === undefined) return { values: { subject: form.subject }, faults, ...(faults.length === 0 ? {} : { status: 400 }) };
  const { subject, kind, findings } = examined;
  return {
    values: { subject },
    faults,
    result: {
      words: headingOf(findings),
      subject,
      kind: kindWords(kind),
      steps: findings.map(({ check, state, words, next, decisionId }) => ({
        check: check.charAt(0).toUpperCase() + check.slice(1),
        state: STATES[state],
        words,
        next,
        decisionId,
      })),
    },
  };
}
