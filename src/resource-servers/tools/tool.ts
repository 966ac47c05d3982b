import { z } from 'zod';
import { AppError } from '../../platform/errors.ts';
import { RISKS, type Risk } from '../risk.ts';
import { canonicalResourceUri } from '../resource-uri.ts';
import { plainWords, scopeName } from '../words.ts';

/** One tool of an MCP server (or operation of an API), in the words of whoever administers it. */
export interface ResourceTool {
  /** As software names it. */
  readonly name: string;
  /** As people read it when they are asked. */
  readonly title: string;
  readonly description: string;
  readonly risk: Risk;
  /** The scope without which the server does not run it; undefined: none in particular. */
  readonly scope?: string | undefined;
}

/** The tools of a resource server. An empty list says nothing about tools: then any may be asked for. */
export interface ToolBox {
  readonly tools: readonly ResourceTool[];
  /** Tools that are not in the list may be asked for as well. */
  readonly hasOpenTools: boolean;
}

/** The detail type whose `tools` are looked up in the list. */
const TOOL_CALL = 'mcp_tool_call';

/** A tool as it arrives. */
export const toolInput = z.strictObject({
  name: z.string().regex(/^[\x21-\x7e]{1,128}$/, 'is not a name of at most 128 printable characters without space'),
  title: plainWords(80).optional(),
  description: plainWords(400).or(z.literal('')).optional(),
  risk: z.enum(RISKS).optional(),
  scope: scopeName.nullable().optional(),
});
export type ToolInput = z.output<typeof toolInput>;

/** As the management interface shows it. */
export const toolBody = z
  .object({ name: z.string(), title: z.string(), description: z.string(), risk: z.enum(RISKS), scope: z.string().nullable() })
  .meta({ id: 'Tool' });

/** Tools with their words and risk filled in; what is not said is the server's. @throws {AppError} `invalid_input` when one is named twice. */
export function toolsOf(input: readonly ToolInput[], sensitivity: Risk): ResourceTool[] {
  const seen = new Set<string>();
  return input.map(({ name, title, description, risk, scope }, index) => {
    if (seen.has(name)) throw new AppError('invalid_input', `The tool ${name} is there twice.`, { member: `/tools/${index}/name` });
    seen.add(name);
    return { name, title: title ?? name, description: description ?? '', risk: risk ?? sensitivity, scope: scope ?? undefined };
  });
}

/** @throws {AppError} `invalid_input` when a tool needs a scope that the server does not have. */
export function checkToolScopes(tools: readonly ResourceTool[], scopes: readonly { readonly name: string }[]): void {
  const index = tools.findIndex(({ scope }) => scope !== undefined && !scopes.some(({ name }) => name === scope));
  const tool = tools[index];
  if (tool === undefined) return;
  throw new AppError('invalid_input', `The tool ${tool.name} needs the scope ${tool.scope}, which is none of this server.`, {
    member: `/tools/${index}/scope`,
  });
}

function listIn(detail: unknown, member: 'tools' | 'locations'): readonly unknown[] | undefined {
  const value = (detail as Readonly<Record<string, unknown>>)[member];
  return Array.isArray(value) ? value : undefined;
}

/** Without locations a detail is for the audience of the token; with them, for those. */
function isFor(detail: unknown, identifier: string): boolean {
  return (listIn(detail, 'locations') ?? [identifier]).some((location) => {
    const canonical = canonicalResourceUri(location);
    return canonical.ok && (canonical.uri === identifier || canonical.uri.startsWith(`${identifier}/`));
  });
}

const isToolCall = (detail: unknown) =>
  typeof detail === 'object' && detail !== null && (detail as { readonly type?: unknown }).type === TOOL_CALL;

/**
 * The first tool in the details that the server does not have, as a JSON Pointer into the list; undefined when there is none, when
 * the server tells no tools, or when it takes others too. Pure; whatever is malformed is for others to refuse.
 */
export function unknownTool(details: unknown, server: ToolBox & { readonly identifier: string }): string | undefined {
  if (!Array.isArray(details) || server.tools.length === 0 || server.hasOpenTools) return undefined;
  const known = new Set<unknown>(server.tools.map(({ name }) => name));
  for (const [index, detail] of details.entries()) {
    if (!isToolCall(detail) || !isFor(detail, server.identifier)) continue;
    const stranger = (listIn(detail, 'tools') ?? []).findIndex((tool) => !known.has(tool));
    if (stranger !== -1) return `/${index}/tools/${stranger}`;
  }
  return undefined;
}

/** A resource server as far as the words for its tools go. */
export interface TitledTools {
  readonly tools?: readonly Pick<ResourceTool, 'name' | 'title'>[];
}

/**
 * A detail as people are to read it: each tool by its title, with the name that software uses behind it, so that two tools with
 * one title stay two. For words only; what is granted is the detail itself.
 */
export function withToolTitles<Detail extends object>(detail: Detail, server: TitledTools | undefined): Detail {
  const tools = listIn(detail, 'tools');
  if (server === undefined || tools === undefined || !isToolCall(detail)) return detail;
  const titles = new Map<unknown, string>(
    (server.tools ?? []).filter(({ name, title }) => title !== name).map(({ name, title }) => [name, title]),
  );
  return { ...detail, tools: tools.map((name) => (titles.has(name) ? `${titles.get(name)} (${String(name)})` : name)) };
}
