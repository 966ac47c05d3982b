import { AppError } from '../../platform/errors.ts';
import type { ToolInput } from './tool.ts';

/** More than any server tells in one answer that fits into a form. */
const MOST = 200;
const LONGEST_TITLE = 80;
const LONGEST_DESCRIPTION = 400;

type Json = Readonly<Record<string, unknown>>;

function recordOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

/** What software says of itself as one plain line: no control or invisible characters, bounded. */
function lineOf(value: unknown, max: number): string | undefined {
  if (typeof value !== 'string') return undefined;
  const line = value
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/\p{Cf}/gu, '')
    .trim();
  return line === '' ? undefined : [...line].slice(0, max).join('').trim();
}

/** What the tool hints at (MCP `ToolAnnotations`); only a beginning, whoever administers it decides. */
function riskOf(annotations: Json): ToolInput['risk'] {
  if (annotations['readOnlyHint'] === true) return 'low';
  return annotations['destructiveHint'] === true ? 'high' : undefined;
}

function toolOf(value: unknown): ToolInput | undefined {
  const { name, title, description, annotations } = recordOf(value);
  if (typeof name !== 'string') return undefined;
  const told = recordOf(annotations);
  const words = {
    title: lineOf(title ?? told['title'], LONGEST_TITLE),
    description: lineOf(description, LONGEST_DESCRIPTION),
    risk: riskOf(told),
  };
  return { name, ...words };
}

function parsed(text: string): Json {
  try {
    return recordOf(JSON.parse(text));
  } catch {
    throw new AppError('invalid_input', 'This is not JSON.', { member: '/told' });
  }
}

/**
 * The tools in an answer of an MCP server to `tools/list`, as JSON-RPC or its `result` alone. Names are taken as they are; words
 * become plain lines. @throws {AppError} `invalid_input` when there is none in it, or more than 200.
 */
export function toolsTold(text: string): readonly ToolInput[] {
  const answer = parsed(text);
  const list = recordOf(answer['result'])['tools'] ?? answer['tools'];
  const tools = (Array.isArray(list) ? list : []).flatMap((tool) => toolOf(tool) ?? []);
  if (tools.length === 0) throw new AppError('invalid_input', 'There is no list of tools in it.', { member: '/told' });
  if (tools.length > MOST) throw new AppError('invalid_input', `These are more than ${MOST} tools.`, { member: '/told' });
  return tools;
}
