import type { CedarLanguage, EntityId, PolicyTree } from './cedar.ts';
import { type Annotated, readAnnotations } from './annotations.ts';

/** What the head of a policy says about principal or resource: `under` is "in". All absent: anything. */
export interface Scope {
  readonly is?: string;
  readonly equal?: EntityId;
  readonly under?: EntityId;
}

/** What of a question the conditions of a policy look at. */
export interface Needs {
  /** Members of context and attributes of entities, by name alone. */
  readonly attributes: ReadonlySet<string>;
  /** The context is used as a whole. */
  readonly everything: boolean;
  /** Tags, or what an entity is in. */
  readonly tags: boolean;
  readonly hierarchy: boolean;
  /** Groups that people are in. */
  readonly groups: boolean;
  /** The conditions name the principal, so it matters who is asked about. */
  readonly principal: boolean;
}

/** A policy that Cedar could read, with what is needed to find it and to feed it. */
export interface ReadPolicy extends Annotated {
  readonly id: string;
  readonly text: string;
  readonly effect: 'permit' | 'forbid';
  readonly principal: Scope;
  readonly resource: Scope;
  /** Names of actions; undefined: any. */
  readonly actions: readonly string[] | undefined;
  readonly needs: Needs;
}

interface MutableNeeds {
  attributes: Set<string>;
  everything: boolean;
  tags: boolean;
  hierarchy: boolean;
  groups: boolean;
  principal: boolean;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isContext = (value: unknown) => isRecord(value) && value['Var'] === 'context';

function look(node: unknown, needs: MutableNeeds): void {
  if (Array.isArray(node)) {
    for (const each of node) look(each, needs);
    return;
  }
  if (!isRecord(node)) return;
  for (const [operator, inner] of Object.entries(node)) {
    if (operator === 'Record') {
      // its members are names that the author chose, not operators
      for (const each of Object.values(isRecord(inner) ? inner : {})) look(each, needs);
      continue;
    }
    if (operator === 'Var') {
      needs.everything ||= inner === 'context';
      needs.principal ||= inner === 'principal';
      continue;
    }
    if (operator === '__entity') needs.groups ||= isRecord(inner) && inner['type'] === 'Group';
    needs.tags ||= operator === 'hasTag' || operator === 'getTag';
    needs.hierarchy ||= operator === 'in';
    if ((operator === '.' || operator === 'has') && isRecord(inner)) {
      const { left, attr } = inner;
      for (const name of [attr].flat()) if (typeof name === 'string') needs.attributes.add(name);
      if (!isContext(left)) look(left, needs);
      continue;
    }
    look(inner, needs);
  }
}

function entityOf(value: unknown): EntityId | undefined {
  if (!isRecord(value)) return undefined;
  const { __entity: inner, ...own } = value;
  return (inner ?? own) as EntityId;
}

function scopeOf(given: PolicyTree['principal']): Scope {
  if (given.op === 'All') return {};
  if (given.op === 'is') {
    const under = given.in !== undefined && 'entity' in given.in ? entityOf(given.in.entity) : undefined;
    return { is: given.entity_type, ...(under === undefined ? {} : { under }) };
  }
  const entity = 'entity' in given ? entityOf(given.entity) : undefined;
  if (entity === undefined) return {};
  return given.op === '==' ? { equal: entity } : { under: entity };
}

function actionsOf({ action }: PolicyTree): readonly string[] | undefined {
  if (action.op === 'All') return undefined;
  const entities = 'entities' in action ? action.entities : 'entity' in action ? [action.entity] : [];
  return entities.map((entity) => entityOf(entity)?.id ?? '');
}

/** Reads one policy that is known to parse. @throws when it does not: it was checked before it was kept. */
export function readPolicy(cedar: CedarLanguage, { id, text }: { readonly id: string; readonly text: string }): ReadPolicy {
  const answer = cedar.policyToJson(text);
  if (answer.type === 'failure') throw new Error(`The policy ${id} cannot be read.`);
  const { json } = answer;
  const needs: MutableNeeds = { attributes: new Set(), everything: false, tags: false, hierarchy: false, groups: false, principal: false };
  look(json.conditions, needs);
  const [principal, resource] = [scopeOf(json.principal), scopeOf(json.resource)];
  for (const { under } of [principal, resource]) {
    needs.hierarchy ||= under !== undefined;
    needs.groups ||= under?.type === 'Group';
  }
  const names = Object.entries(principal).length > 0;
  const annotations = readAnnotations(json.annotations ?? {});
  return {
    id,
    text,
    effect: json.effect,
    principal,
    resource,
    actions: actionsOf(json),
    needs: { ...needs, principal: needs.principal || names },
    ...annotations,
  };
}
