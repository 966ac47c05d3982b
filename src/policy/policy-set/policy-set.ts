import { z } from 'zod';

/** `draft`: kept and checked, but not asked. */
export const policyStates = ['in_force', 'draft'] as const;
export type PolicyState = (typeof policyStates)[number];

/** A policy that an administrator wrote. Its name is the `@id` in its text. */
export interface Policy {
  readonly id: string;
  readonly text: string;
  readonly state: PolicyState;
}

/** One save. */
export interface VersionHead {
  readonly version: number;
  /** What changed, in words. */
  readonly summary: string;
  readonly reason: string;
  /** The id of whoever saved it. */
  readonly changedBy: string;
  readonly changedAt: Date;
  /** The version that this one put back. */
  readonly restores: number | undefined;
}

/** The whole set after a save. */
export interface PolicyVersion extends VersionHead {
  readonly policies: readonly Policy[];
}

/** Nobody ever saved anything. */
export const NO_POLICIES = { version: 0, policies: [] } as const satisfies Pick<PolicyVersion, 'version' | 'policies'>;

/** How much a set may hold. */
export const policyLimits = { policies: 2_000, bytes: 2_000_000 } as const;

const line = z
  .string()
  .trim()
  .min(1, 'says why, for whoever reads the versions')
  .max(300, 'has at most 300 characters')
  .regex(/^\P{Cc}*$/u, 'is one line');

const shared = {
  reason: line,
  /** The version that whoever changes something has read. */
  version: z.number().int().min(0).optional(),
};

/** A new policy, as it is sent. */
export const newPolicy = z.strictObject({ text: z.string().max(20_000), state: z.enum(policyStates).default('in_force'), ...shared });
/** A change of one. */
export const policyChange = z.strictObject({ text: z.string().max(20_000).optional(), state: z.enum(policyStates).optional(), ...shared });
/** A removal, or a version that is put back. */
export const policyReason = z.strictObject(shared);
/** Texts to look at. */
export const policyTexts = z.strictObject({ policies: z.array(z.string().max(20_000)).min(1).max(100) });

export type NewPolicy = z.output<typeof newPolicy>;
export type PolicyChange = z.output<typeof policyChange>;
export type PolicyReason = z.output<typeof policyReason>;

/** Those that are asked. */
export function inForce(policies: readonly Policy[]): readonly Policy[] {
  return policies.filter(({ state }) => state === 'in_force');
}

export const policyChanges = ['added', 'removed', 'changed'] as const;

/** What became of one policy between two versions. */
export interface PolicyDifference {
  readonly id: string;
  readonly change: (typeof policyChanges)[number];
  readonly before: Policy | undefined;
  readonly after: Policy | undefined;
}

/** What differs between two sets, by name. Pure. */
export function differences(before: readonly Policy[], after: readonly Policy[]): readonly PolicyDifference[] {
  const [old, now] = [before, after].map((policies) => new Map(policies.map((policy) => [policy.id, policy]))) as [
    Map<string, Policy>,
    Map<string, Policy>,
  ];
  const ids = [...new Set([...old.keys(), ...now.keys()])].sort();
  return ids.flatMap((id): PolicyDifference[] => {
    const [was, is] = [old.get(id), now.get(id)];
    if (was === undefined) return [{ id, change: 'added', before: was, after: is }];
    if (is === undefined) return [{ id, change: 'removed', before: was, after: is }];
    return was.text === is.text && was.state === is.state ? [] : [{ id, change: 'changed', before: was, after: is }];
  });
}
