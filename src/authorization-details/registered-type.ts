import { z } from 'zod';
import type { DetailType, DetailTypeDefinition } from './detail-type.ts';

/** A type as administrators see it: built in, or registered here as data. */
export interface RegisteredType {
  readonly definition: DetailTypeDefinition;
  readonly isBuiltIn: boolean;
  /** Off: no request may name it; what was granted keeps its meaning. */
  readonly isEnabled: boolean;
  /** When a request first named it: from then on its meaning is fixed. A built-in type never changes. */
  readonly usedAt: Date | undefined;
  /** Undefined for a built-in type that nobody touched. */
  readonly changed: { readonly at: Date; readonly by: string } | undefined;
}

/** What the database keeps of a type: a registered one, or what was said about a built-in one. */
export interface StoredType {
  readonly type: string;
  /** Undefined for a built-in type. Not checked yet: another version of the server may have written it. */
  readonly definition: unknown;
  /** Names this definition: another one under the same name has another. */
  readonly revision: string;
  readonly isEnabled: boolean;
  readonly usedAt: Date | undefined;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly changedBy: string;
  readonly changedAt: Date;
}

/** A stored type of this name that was compiled, and the one it was compiled from. */
export interface LoadedType {
  readonly stored: StoredType;
  readonly compiled: DetailType;
}

/** The most types that administrators may register. */
export const MOST_TYPES = 200;

/** The parts of a definition that a change may name; each replaces the one there was. The definition as a whole is judged afterwards. */
export const typeChange = z.strictObject({
  title: z.unknown().optional(),
  headline: z.unknown().optional(),
  schema: z.unknown().optional(),
  example: z.unknown().optional(),
  status: z.enum(['active', 'disabled']).optional(),
});

/** A change of a registered type, or of the status of any. `example: null` takes the example away. */
export type TypeChange = z.output<typeof typeChange>;

/** The definition after a change; not checked. */
export function changedDefinition(before: DetailTypeDefinition, { status: _, ...parts }: TypeChange): unknown {
  const { example, ...rest } = { ...before, ...parts };
  return example === null || example === undefined ? rest : { ...rest, example };
}

/** Whether a change touches the definition at all. */
export function touchesDefinition({ status: _, ...parts }: TypeChange): boolean {
  return Object.values(parts).some((part) => part !== undefined);
}
