import { styleText } from 'node:util';
import type { Audience, Event } from './narrator.ts';

const WIDTH = 100;

type Style = Parameters<typeof styleText>[0];

/** Where the story is printed; colours only where a person looks at it. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/** Where a value is printed: how far its lines are indented, and how much of the first line is taken before and after it. */
interface Place {
  readonly indent: number;
  readonly taken: number;
}

/** Members of an answer that are shown; the rest is counted. */
const MOST_LINES = 18;

/** JSON on one line where it fits, else a member a line. */
export function formatJson(value: unknown, { indent, taken }: Place): string {
  const flat = flatJson(value);
  if (indent + taken + flat.length <= WIDTH || typeof value !== 'object' || value === null) return flat;
  const inner = ' '.repeat(indent + 2);
  const entries = Array.isArray(value) ? value.map((each) => ['', each] as const) : Object.entries(value);
  const lines = entries
    .filter(([, each]) => each !== undefined)
    .map(([key, each]) => {
      const name = Array.isArray(value) ? '' : `${JSON.stringify(key)}: `;
      return `${inner}${name}${formatJson(each, { indent: indent + 2, taken: name.length + 1 })}`;
    });
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  return `${open}\n${lines.join(',\n')}\n${' '.repeat(indent)}${close}`;
}

/** The beginning of a long text of lines. */
function abridged(text: string, indent: string): string {
  const lines = text.split('\n');
  if (lines.length <= MOST_LINES + 2) return text;
  return [...lines.slice(0, MOST_LINES), `${indent}  … ${lines.length - MOST_LINES - 1} more lines`, `${indent}}`].join('\n');
}

function flatJson(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? '[]' : `[${value.map(flatJson).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? '';
  const members = Object.entries(value).filter(([, each]) => each !== undefined);
  return members.length === 0 ? '{}' : `{ ${members.map(([key, each]) => `${JSON.stringify(key)}: ${flatJson(each)}`).join(', ')} }`;
}

/** Text in lines of at most WIDTH. */
function wrapped(text: string, indent: string): string {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    if (line.length + word.length + 1 > WIDTH && line.trim() !== '') {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()].join('\n');
}

function isEmpty(value: unknown): boolean {
  return value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
}

/** `/authorize?client_id=…` with one parameter a line when it is long. */
function addressLines(url: string): string {
  const { pathname, searchParams, origin } = new URL(url);
  const head = `${origin}${pathname}`;
  const parameters = [...searchParams].map(([name, value]) => `${name}=${value}`);
  return parameters.length === 0
    ? head
    : `${head}\n${parameters.map((each, index) => `       ${index === 0 ? '?' : '&'}${each}`).join('\n')}`;
}

function eventText(event: Event, paint: (style: Style, text: string) => string): string {
  switch (event.kind) {
    case 'request': {
      const rest = [event.headers, event.body]
        .filter((part) => !isEmpty(part))
        .map((part) => `     ${formatJson(part, { indent: 5, taken: 0 })}\n`);
      return `\n   ${paint('cyan', '→')} ${paint('bold', event.method)} ${addressLines(event.url)}\n${paint('dim', rest.join(''))}`;
    }
    case 'answer': {
      const body = isEmpty(event.body) ? '' : ` ${abridged(formatJson(event.body, { indent: 5, taken: 4 }), '     ')}`;
      return `   ${paint('cyan', '←')} ${paint('bold', String(event.status))}${paint('dim', body)}\n`;
    }
    case 'token': {
      const [header, claims] = [event.header, event.claims].map((part) => formatJson(part, { indent: 5, taken: 0 }));
      return `   ${paint('yellow', '◆')} ${event.of}\n     ${header}\n     ${claims}\n`;
    }
    case 'note':
      return `\n${wrapped(event.words, '   ')}\n`;
    case 'check': {
      const seen = event.seen === undefined ? '' : `     seen: ${formatJson(event.seen, { indent: 5, taken: 6 })}\n`;
      return `   ${event.held ? paint('green', '✓') : paint('red', '✗')} ${event.words}\n${seen}`;
    }
  }
}

/** Prints the story as it is told, for people. */
export function createPrinter(output: Output): Audience & { closing(line: string, held: boolean): void } {
  const paint = (style: Style, text: string) =>
    output.isTTY === true && text !== '' ? styleText(style, text, { validateStream: false }) : text;
  return {
    step({ number, title, about }) {
      const heading = `${String(number).padStart(2)} ${title} `;
      output.write(
        `\n${paint('bold', heading)}${paint('dim', '─'.repeat(Math.max(0, WIDTH - heading.length)))}\n${wrapped(about, '   ')}\n`,
      );
    },
    event: (event) => void output.write(eventText(event, paint)),
    closing: (line, held) => void output.write(`\n${paint(held ? ['bold', 'green'] : ['bold', 'red'], line)}\n`),
  };
}
