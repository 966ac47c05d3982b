import { AppError } from '../platform/errors.ts';
import { builtInDetailTypes } from './built-in-types.ts';
import { createDefinitionCheck, definitionFault } from './definition-check.ts';
import type { DetailType, DetailTypeDefinition, DetailTypes, Fault } from './detail-type.ts';
import { compileType } from './schema-compiler.ts';
import { validateDetails } from './validation.ts';

/** Types that can be exchanged for others under the same name. */
export interface LiveDetailTypes extends DetailTypes {
  /** From now on these count. */
  replace(next: DetailTypes): void;
}

const MOST_COMPILED = 1_000;

/** Checks and compiles a definition. @throws {AppError} `invalid_input` with the JSON Pointer of the fault, `too_large`. */
export type CompileDefinition = (definition: unknown) => DetailType;

/** A compiler of definitions; what it was given before, letter by letter, it does not compile again. */
export function createCompiler(): CompileDefinition {
  const assertDefinition: ReturnType<typeof createDefinitionCheck> = createDefinitionCheck();
  const compiled = new Map<string, DetailType>();
  return (definition) => {
    assertDefinition(definition);
    const text = JSON.stringify(definition);
    const known = compiled.get(text);
    if (known !== undefined) return known;
    const type = compileType(definition);
    const fault = faultOfExample(type);
    if (fault !== undefined) throw definitionFault(fault);
    if (compiled.size >= MOST_COMPILED) compiled.clear();
    compiled.set(text, type);
    return type;
  };
}

/** An example is a detail like any other: all that is asked of one is asked of it. */
function faultOfExample(type: DetailType): Fault | undefined {
  const { example } = type.definition;
  if (example === undefined) return undefined;
  const checked = validateDetails({ find: (name) => (name === type.definition.type ? type : undefined), names: [] }, [example]);
  return checked.ok ? undefined : { path: `/example${checked.path.replace(/^\/0?/, '')}`, message: checked.message };
}

/** A registry of compiled types; `off` names those that no request may name any more. */
export function registryOf(types: readonly DetailType[], off: ReadonlySet<string> = new Set()): DetailTypes {
  const known = new Map(types.map((type) => [type.definition.type, type]));
  return { find: (type) => known.get(type), names: [...known.keys()].filter((name) => !off.has(name)) };
}

/**
 * Compiles type definitions once. Without an argument: the built-in types.
 * Throws AppError `invalid_input` (with `member`) for a definition that is not data of the closed form, too large or too deep,
 * whose annotations do not fit its types, or whose name is taken.
 */
export function createDetailTypes(definitions: readonly DetailTypeDefinition[] = builtInDetailTypes): DetailTypes {
  const compile = createCompiler();
  const types = definitions.map(compile);
  const names = types.map(({ definition }) => definition.type);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new AppError('invalid_input', `The type ${twice} is defined twice.`, { member: '/type' });
  return registryOf(types);
}

/** A registry whose content changes, over the one it begins with. */
export function createLiveDetailTypes(first: DetailTypes): LiveDetailTypes {
  let current = first;
  return {
    find: (type) => current.find(type),
    get names() {
      return current.names;
    },
    replace(next) {
      current = next;
    },
  };
}
