import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import type { Command } from '../capability.ts';
import type { AgentEditor } from './agent-event.ts';
import type { Upsert } from './batch/upsert.ts';
import { createProgress, type ProgressStream } from './import/progress.ts';
import { formats, type ImportFormat, readRows } from './import/reading.ts';
import { openRejects } from './import/rejects.ts';
import { type ImportSummary, runImport } from './import/run.ts';

/** Exit codes of sysexits.h, but for 1: rows were refused. */
const EXIT = { refused: 1, usage: 64, unreadable: 65, noFile: 66 } as const;
const OPERATOR: AgentEditor = { kind: 'system', id: 'command-line', party: 'system' };
const SOURCE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const SHOWN_REFUSALS = 20;

type Options = Parameters<Command['run']>[0];

/** The format that was named, or that the end of the file's name tells. */
function formatOf(file: string, named: string | undefined): ImportFormat | undefined {
  const ending = extname(file).slice(1).toLowerCase();
  return formats.find((format) => format === (named ?? (ending === 'jsonl' ? 'ndjson' : ending)));
}

function usageFault({ args: [file = ''], settings = {} }: Options): string | undefined {
  if (!SOURCE.test(settings['source'] ?? ''))
    return '--source is a name of letters, digits, dots, dashes and underscores, at most 64: choose one, and keep it for this list.';
  if (formatOf(file, settings['format']) === undefined)
    return `Say --format ${formats.join(' or --format ')}: the name of the file does not tell.`;
  const rejects = settings['rejects'];
  if (rejects === undefined) return undefined;
  if (resolve(rejects) === resolve(file)) return '--rejects is another file than the one that is imported: name a new one.';
  return existsSync(dirname(resolve(rejects))) ? undefined : `There is no folder for --rejects ${rejects}: make it first.`;
}

/** Why nothing was imported. */
function refuse(fault: string, { json, out }: Pick<Options, 'json' | 'out'>): void {
  out(json ? JSON.stringify({ error: fault }) : fault);
}

function report(summary: ImportSummary, { json, dryRun, out }: Options): void {
  if (json) {
    out(JSON.stringify({ dryRun, ...summary }));
    return;
  }
  const { created, changed, unchanged, refused, refusals, fault } = summary;
  for (const { line, externalId, reason } of refusals.slice(0, SHOWN_REFUSALS))
    out(`Line ${line}${externalId === undefined ? '' : ` (${externalId})`}: ${reason}`);
  if (refused > SHOWN_REFUSALS) out(`… and ${refused - SHOWN_REFUSALS} more; --rejects <file> keeps them all.`);
  const what = `${created} created, ${changed} changed, ${unchanged} unchanged, ${refused} refused`;
  if (fault !== undefined) out(fault);
  out(dryRun ? `Dry run, nothing was written. It would be: ${what}.` : `${what}.`);
}

async function importAgents(options: Options, begin: Upsert, stream: ProgressStream): Promise<number> {
  const {
    args: [path = ''],
    dryRun,
    settings = {},
  } = options;
  const format = formatOf(path, settings['format']);
  const fault = usageFault(options);
  if (fault !== undefined || format === undefined) {
    refuse(fault ?? '', options);
    return EXIT.usage;
  }
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) {
    refuse(`There is no file ${path}: say where the list is.`, options);
    return EXIT.noFile;
  }
  const file = readRows(path, format);
  const rejects = settings['rejects'] === undefined ? undefined : openRejects(settings['rejects'], { format, header: () => file.header });
  const progress = createProgress(stream, found.size);
  const upsert = begin({ source: `import:${settings['source']}`, by: OPERATOR, isDryRun: dryRun });
  try {
    const summary = await runImport({ file, upsert, progress, rejects }).finally(progress.stop);
    report(summary, options);
    if (summary.fault !== undefined) return EXIT.unreadable;
    return summary.refused > 0 ? EXIT.refused : 0;
  } finally {
    await rejects?.close();
  }
}

/** What an operator does with agents at the machine itself; `stream` is where people watch the progress. */
export function agentCommands(upsert: Upsert, stream: ProgressStream = process.stderr): readonly Command[] {
  return [
    {
      name: 'import agents',
      about: 'Bring agents from a CSV or NDJSON file up to date, found by their externalId within a source.',
      run: (options) => importAgents(options, upsert, stream),
    },
  ];
}
