import type { CelInput } from '@bufbuild/cel';
import { isJsonObject } from './claims.ts';

/** What an expression gives: a JSON value, or nothing at all (COAZ framework, expression contract). */
export type CelOutcome = { readonly value: unknown } | { readonly absent: true };

/** A compiled expression over variables. @throws CelFault when it cannot be evaluated. */
export type CelExpression = (variables: Readonly<Record<string, unknown>>) => CelOutcome;

/** An expression that is malformed, or that fails on what it was given. */
export class CelFault extends Error {
  override readonly name = 'CelFault';
}

type Cel = typeof import('@bufbuild/cel');

const longest = 2_000;
const deepest = 20;
/** A path whose optional steps are `.?name` or `[?"name"]`. */
const step = /\.(\?)?([A-Za-z_]\w*)|\[(\?)?(?:"([^"\\]*)"|'([^'\\]*)')\]/y;
const head = /^[A-Za-z_]\w*/;
const texts = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g;

const literals: ReadonlySet<string> = new Set(['true', 'false', 'null']);

interface Step {
  readonly name: string;
  readonly isOptional: boolean;
}

/** The steps of an expression that is nothing but a path; undefined for any other. */
function pathOf(expression: string): readonly Step[] | undefined {
  const root = head.exec(expression)?.[0];
  if (root === undefined || literals.has(expression)) return undefined;
  const steps: Step[] = [{ name: root, isOptional: false }];
  step.lastIndex = root.length;
  for (let at = root.length; at < expression.length; at = step.lastIndex) {
    step.lastIndex = at;
    const [, dot, name, bracket, double, single] = step.exec(expression) ?? [];
    const found = name ?? double ?? single;
    if (found === undefined) return undefined;
    steps.push({ name: found, isOptional: (dot ?? bracket) === '?' });
  }
  return steps;
}

/** Follows a path; from its first optional step on, what is missing makes all of it absent, as CEL's optional selection does. */
function follow(steps: readonly Step[], variables: Readonly<Record<string, unknown>>): CelOutcome {
  let value: unknown = variables;
  let isOptional = false;
  for (const { name, isOptional: mayMiss } of steps) {
    isOptional ||= mayMiss;
    if (!isJsonObject(value)) throw new CelFault(`${name} is asked of what has no members`);
    if (!Object.hasOwn(value, name)) {
      if (isOptional) return { absent: true };
      throw new CelFault(`no such key '${name}'`);
    }
    value = value[name];
  }
  return { value };
}

/** A value of CEL as JSON. @throws CelFault for times, bytes, types and numbers that JSON does not hold. */
function toJson(cel: Cel, value: unknown, depth = 0): unknown {
  if (depth > deepest) throw new CelFault('the value is nested too deeply');
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint' || typeof value === 'number') {
    const number = Number(value);
    if (!Number.isFinite(number) || (typeof value === 'bigint' && !Number.isSafeInteger(number)))
      throw new CelFault('the number has no JSON');
    return number;
  }
  if (cel.isCelUint(value)) return toJson(cel, value.value, depth);
  if (cel.isCelList(value)) return Array.from(value, (item) => toJson(cel, item, depth + 1));
  if (!cel.isCelMap(value)) throw new CelFault('the value has no JSON');
  const members = Array.from(value, ([key, item]) => {
    if (typeof key !== 'string') throw new CelFault('a key is no text');
    return [key, toJson(cel, item, depth + 1)] as const;
  });
  return Object.fromEntries(members);
}

/**
 * Compiles an expression of the Common Expression Language. Optional selection (`.?name`), which the evaluator does not know, is
 * taken where the expression is a path and nothing else; elsewhere use `has(…)`.
 * @throws CelFault when it is malformed or longer than 2,000 characters.
 */
export async function compileCel(expression: string): Promise<CelExpression> {
  if (expression.length > longest) throw new CelFault('the expression is too long');
  const path = pathOf(expression);
  if (path !== undefined) return (variables) => follow(path, variables);
  if (/\.\?|\[\?/.test(expression.replace(texts, '""'))) throw new CelFault('optional selection stands only in a path of its own');
  const cel = await import('@bufbuild/cel');
  let run: (variables: Record<string, CelInput>) => unknown;
  try {
    const planned = cel.plan(cel.celEnv(), cel.parse(expression));
    run = (variables) => planned(variables);
  } catch (cause) {
    throw new CelFault('the expression is malformed', { cause });
  }
  return (variables) => {
    const result = run(variables as Record<string, CelInput>);
    if (cel.isCelError(result)) throw new CelFault(result.message);
    return { value: toJson(cel, result) };
  };
}
