import {
  type AuthorizationDetail,
  type Budget,
  budgetOf,
  covers,
  type DetailBudget,
  type DetailTypes,
} from '../authorization-details/index.ts';

/** A token as far as its details go: what it holds, and until when. */
export interface Holder {
  readonly jti: string;
  readonly resource: string;
  readonly details: readonly AuthorizationDetail[];
  readonly expiresAt: Date;
}

/** A place on the way from the root at which less was handed on: everything below it shares what it got. */
export interface Node {
  /** The token and the place of its detail: `<jti>/<index>`. */
  readonly name: string;
  readonly budget: Budget;
  readonly expiresAt: Date;
}

/** What a detail of a token draws on: the budget of its root, and each narrower one on the way down. */
export interface BudgetPath {
  /** The detail as it was granted; without a budget of its own when a limit was only taken on underway. */
  readonly root: { readonly detail: AuthorizationDetail; readonly budget: Budget | undefined };
  readonly nodes: readonly Node[];
  /** The budget of the token's own detail, with the bound on one act. */
  readonly own: DetailBudget;
}

/** One detail of a token, the tokens above it, newest first, and the grant at their root; without a grant the oldest token is it. */
export interface Lineage {
  readonly holders: readonly [Holder, ...Holder[]];
  readonly index: number;
  readonly granted: readonly AuthorizationDetail[] | undefined;
}

const isSame = (one: Budget, other: Budget) => one.unit === other.unit && one.limit === other.limit && one.per === other.per;

function budgetIn(types: DetailTypes, detail: AuthorizationDetail): DetailBudget | undefined {
  const type = types.find(detail.type);
  return type && budgetOf(type, detail);
}

/** The detail that gave `derived`: the first that covers it, one with the same budget before others. Of the same lists always the same. */
function sourceOf(types: DetailTypes, given: readonly AuthorizationDetail[], derived: AuthorizationDetail): number | undefined {
  const type = types.find(derived.type);
  if (type === undefined) return undefined;
  const possible = [...given.keys()].filter((index) => covers(given[index] as AuthorizationDetail, derived, type).covered);
  const own = budgetOf(type, derived);
  const alike = possible.find((index) => {
    const budget = budgetIn(types, given[index] as AuthorizationDetail);
    return own !== undefined && budget !== undefined && isSame(own, budget);
  });
  return alike ?? possible[0];
}

/** The node at `holder`, when its detail has a budget that its source has not. */
function nodeAt(holder: Holder, at: { index: number; own: Budget | undefined; source: Budget | undefined }): readonly Node[] {
  const { index, own, source } = at;
  if (own === undefined || (source !== undefined && isSame(own, source))) return [];
  const { unit, limit, per } = own;
  return [{ name: `${holder.jti}/${index}`, budget: { unit, limit, per }, expiresAt: holder.expiresAt }];
}

interface Climb {
  readonly holder: Holder;
  readonly index: number;
  readonly nodes: readonly Node[];
}

/** From the token up to the oldest one that its detail came through: at another resource it came from the grant itself (R2). */
function climb(types: DetailTypes, { holders, index }: Lineage): Climb {
  let at: Climb = { holder: holders[0], index, nodes: [] };
  for (const above of holders.slice(1)) {
    const detail = at.holder.details[at.index] as AuthorizationDetail;
    const source = above.resource === at.holder.resource ? sourceOf(types, above.details, detail) : undefined;
    if (source === undefined) break;
    const budgets = { own: budgetIn(types, detail), source: budgetIn(types, above.details[source] as AuthorizationDetail) };
    at = { holder: above, index: source, nodes: [...at.nodes, ...nodeAt(at.holder, { index: at.index, ...budgets })] };
  }
  return at;
}

/**
 * What a detail draws on. Undefined when it has no budget, or when the grant as it stands now does not hold it any more: then
 * nothing may be used up. Pure: it answers the same for every token of a lineage, so a fresh token never finds a fresh counter.
 */
export function budgetPath(types: DetailTypes, lineage: Lineage): BudgetPath | undefined {
  const [token] = lineage.holders;
  const asked = token.details[lineage.index];
  const own = asked && budgetIn(types, asked);
  if (own === undefined) return undefined;
  const top = climb(types, lineage);
  const detail = top.holder.details[top.index] as AuthorizationDetail;
  const budget = budgetIn(types, detail);
  if (lineage.granted === undefined)
    return top.holder === lineage.holders.at(-1) ? { root: { detail, budget }, nodes: top.nodes, own } : undefined;
  const source = sourceOf(types, lineage.granted, detail);
  if (source === undefined) return undefined;
  const granted = lineage.granted[source] as AuthorizationDetail;
  const limit = budgetIn(types, granted);
  const nodes = [...top.nodes, ...nodeAt(top.holder, { index: top.index, own: budget, source: limit })];
  return { root: { detail: granted, budget: limit }, nodes, own };
}
