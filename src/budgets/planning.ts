import { type AuthorizationDetail, budgetOf, budgetSubject, type DetailTypes, validateDetails } from '../authorization-details/index.ts';
import type { ArtifactStore } from '../oidc/index.ts';
import type { NewToken, TokenService } from '../tokens/index.ts';
import { keyOf, type Party } from './budget.ts';
import { type BudgetPath, budgetPath, type Holder } from './path.ts';
import type { BudgetEntry } from './store.ts';

/** What a detail of a token draws on, and the row of the budget at its root. */
export interface Plan {
  readonly path: BudgetPath;
  readonly entry: BudgetEntry;
}

/** A token as the ledger knows it, or is about to. */
export type LedgerToken = Pick<
  NewToken,
  'jti' | 'parentJti' | 'resource' | 'details' | 'expiresAt' | 'grantHash' | 'accountId' | 'agentId' | 'clientId' | 'approvalId' | 'subject'
>;

/** What plans are made from. */
export interface PlanningDeps {
  readonly types: () => DetailTypes;
  readonly tokens: Pick<TokenService, 'ancestorsOf'>;
  readonly artifacts: Pick<ArtifactStore, 'findByHash'>;
}

/** Finds what the details of a token draw on. */
export interface Planner {
  /** Undefined: the detail has no budget, or what was granted does not hold it any more. */
  planOf(token: LedgerToken, index: number): Promise<Plan | undefined>;
  /** What a person has just said yes to, for the details that have a budget. */
  entriesOf(party: Party, about: { readonly details: readonly AuthorizationDetail[]; readonly resource: string }): readonly BudgetEntry[];
}

function detailsOf(token: Pick<LedgerToken, 'details'>): readonly AuthorizationDetail[] {
  return (token.details ?? []) as readonly AuthorizationDetail[];
}

function holderOf(token: LedgerToken): Holder {
  const { jti, resource, expiresAt } = token;
  return { jti, resource, details: detailsOf(token), expiresAt };
}

/** The planner over the ledger and the grants. */
export function createPlanner({ types, tokens, artifacts }: PlanningDeps): Planner {
  const grantedUnder = async (grantHash: Buffer | undefined): Promise<readonly AuthorizationDetail[] | undefined> => {
    if (grantHash === undefined) return undefined;
    const rar = (await artifacts.findByHash('Grant', grantHash))?.payload['rar'];
    const stored = Array.isArray(rar) ? (rar as unknown[]) : [];
    return stored.flatMap((detail) => {
      const checked = validateDetails(types(), [detail]);
      return checked.ok ? checked.details : [];
    });
  };
  return {
    async planOf(token, index) {
      const above = token.parentJti === undefined ? [] : await tokens.ancestorsOf(token.parentJti);
      const top = above.at(-1) ?? token;
      const granted = await grantedUnder(top.grantHash);
      const known = types();
      const path = budgetPath(known, { holders: [holderOf(token), ...above.map(holderOf)], index, granted });
      const type = path && known.find(path.root.detail.type);
      if (path === undefined || type === undefined) return undefined;
      const { accountId, clientId, approvalId } = top;
      // what somebody does for themselves belongs to the subject, whichever client it comes through
      const party: Party = { accountId, agentId: top.agentId ?? (accountId === undefined ? top.subject : undefined), clientId, approvalId };
      const { unit } = path.own;
      const key = keyOf(party, { subject: budgetSubject(type, path.root.detail), unit });
      const { detail, budget } = path.root;
      const limit = budget && { unit, limit: budget.limit, per: budget.per };
      return { path, entry: { ...party, key, unit, type: detail.type, detail, resource: token.resource, granted: limit } };
    },
    entriesOf(party, { details, resource }) {
      return details.flatMap((detail): BudgetEntry[] => {
        const type = types().find(detail.type);
        const budget = type && budgetOf(type, detail);
        if (type === undefined || budget === undefined) return [];
        const { unit, limit, per } = budget;
        const key = keyOf(party, { subject: budgetSubject(type, detail), unit });
        return [{ ...party, key, unit, type: detail.type, detail, resource, granted: { unit, limit, per } }];
      });
    },
  };
}
