import type { StoredDecision } from '../decision.ts';
import type { PoliciesInForce } from '../policy-set/loading.ts';
import type { PolicySetStore } from '../policy-set/store.ts';
import { questionFrom } from '../token-question.ts';
import { type Change, explain } from './changes.ts';

/** Why the policies decided as they did. */
export interface Explanation {
  /** The version of the policies that decided. */
  readonly version: number;
  /** The policy that decided, as it was written then; undefined: an invariant did, or none forbade it. */
  readonly policy: { readonly id: string; readonly text: string } | undefined;
  /** Names of all policies that stood in the way. */
  readonly inTheWay: readonly string[];
  readonly changes: readonly Change[];
}

/** Explains decisions that are kept, under the policies that made them. */
export interface ExplanationService {
  /** Undefined: no policy had a say in it. */
  of(decision: StoredDecision): Promise<Explanation | undefined>;
}

/** What it stands on. */
export interface ExplanationDeps {
  readonly store: Pick<PolicySetStore, 'find'>;
  readonly inForce: Pick<PoliciesInForce, 'engineOf'>;
}

/** The version of the policies in what is recorded with a decision; undefined: there were none. */
export function versionOf(policyVersion: string): number | undefined {
  const [, version] = / policies-(\d{1,9})$/.exec(policyVersion) ?? [];
  return version === undefined ? undefined : Number(version);
}

/** Explanations over the versions that are kept. */
export function createExplanationService({ store, inForce }: ExplanationDeps): ExplanationService {
  return {
    async of({ effect, rule, policyVersion, input }) {
      const number = versionOf(policyVersion);
      if (number === undefined) return undefined;
      const version = await store.find(number);
      const policy = version?.policies.find(({ id }) => `policy:${id}` === rule);
      const base = { version: number, policy: policy && { id: policy.id, text: policy.text }, inTheWay: [], changes: [] };
      const question = questionFrom(input['question']);
      if (effect === 'permit' || version === undefined || question === undefined || policy === undefined) return base;
      const engine = await inForce.engineOf(version.policies.filter(({ state }) => state === 'in_force'));
      try {
        return { ...base, ...explain(question, engine) };
      } finally {
        engine.dispose();
      }
    },
  };
}
