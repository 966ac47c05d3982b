import type { AuditEventInput, AuditRecorder } from '../../audit/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import type { Notifications } from '../../platform/db/notifications.ts';
import { AppError, type TextFault } from '../../platform/errors.ts';
import type { Changer } from '../../platform/http/changed-by.ts';
import { type ReadPolicy, readPolicy } from '../cedar/head.ts';
import { type Checked, checkPolicy } from '../cedar/validation.ts';
import { POLICIES_CHANNEL, type PoliciesInForce } from './loading.ts';
import {
  differences,
  NO_POLICIES,
  type NewPolicy,
  type Policy,
  type PolicyChange,
  type PolicyDifference,
  policyLimits,
  type PolicyReason,
  type PolicyVersion,
  type VersionHead,
} from './policy-set.ts';
import type { PolicySetStore } from './store.ts';

/** The refusal of a text that cannot be kept, with everything that is wrong with it. */
function faulty(faults: readonly TextFault[]): AppError {
  const [first] = faults;
  const words = first === undefined ? 'The policy is not valid.' : `Line ${first.line}, column ${first.column}: ${first.message}`;
  return new AppError('invalid_input', words, { member: '/text', faults });
}

/** The administrators' policies as data. */
export interface PolicySetService {
  /** The whole set as it was saved last; version 0 and nothing in it when nobody saved anything. */
  current(): Promise<Pick<PolicyVersion, 'version' | 'policies'>>;
  /** @throws {AppError} `not_found` */
  get(id: string): Promise<{ readonly policy: Policy; readonly version: number }>;
  /** @throws {AppError} `invalid_input` with what is wrong, by line; `conflict`: the name is taken, or somebody saved meanwhile. */
  create(input: NewPolicy, by: Changer): Promise<Policy>;
  /** The name stays. @throws as `create`, and `not_found`. */
  update(id: string, change: PolicyChange, by: Changer): Promise<Policy>;
  remove(id: string, input: PolicyReason, by: Changer): Promise<void>;
  /** Puts back what a version held, as a new version. @throws {AppError} `conflict` when a policy of it no longer fits the schema. */
  rollBack(version: number, input: PolicyReason, by: Changer): Promise<number>;
  check(text: string): Promise<Checked>;
  /** What policies that are kept say, in the order given. */
  read(policies: readonly Policy[]): Promise<readonly ReadPolicy[]>;
  versions(page: { readonly before: number | undefined; readonly limit: number }): Promise<VersionHead[]>;
  /** @throws {AppError} `not_found` */
  version(version: number): Promise<PolicyVersion>;
  /** What a version changed against another one; against the one before it when none is named. */
  diff(version: number, against: number | undefined): Promise<{ readonly against: number; readonly changes: readonly PolicyDifference[] }>;
}

/** What it stands on. */
export interface PolicySetDeps {
  readonly db: Pick<Db, 'transaction'>;
  readonly clock: Clock;
  readonly audit: AuditRecorder;
  readonly store: PolicySetStore;
  readonly notifications: Pick<Notifications, 'notify'>;
  readonly inForce: Pick<PoliciesInForce, 'language'>;
  readonly ownResources: readonly string[];
}

interface Save {
  readonly policies: readonly Policy[];
  readonly summary: string;
  readonly event: Pick<AuditEventInput, 'type'> & { readonly resource: string };
  readonly restores?: number;
}

const noSuchPolicy = () => new AppError('not_found', 'There is no such policy.');
const noSuchVersion = () => new AppError('not_found', 'There is no such version.');

function checkSize(policies: readonly Policy[]): void {
  if (policies.length > policyLimits.policies) throw new AppError('conflict', `There are at most ${policyLimits.policies} policies.`);
  const bytes = policies.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  if (bytes > policyLimits.bytes) throw new AppError('conflict', `All policies together have at most ${policyLimits.bytes} bytes.`);
}

/** Saves the next version in the transaction under way: state, audit event, and word to every server. */
function createSaving({ clock, audit, store, notifications }: PolicySetDeps) {
  return async ({ policies, summary, event, restores }: Save, version: number, { reason, by }: { reason: string; by: Changer }) => {
    checkSize(policies);
    const next = version + 1;
    await store.insert({ version: next, policies, summary, reason, changedBy: by.id, changedAt: clock.now(), restores });
    await audit.record({ ...event, actor: by, action: `version ${next}: ${summary}`, cause: reason } as AuditEventInput);
    await notifications.notify(POLICIES_CHANNEL, String(next));
    return next;
  };
}

/** The use cases over the store. Every change is a new version of the whole set. */
export function createPolicySetService(deps: PolicySetDeps): PolicySetService {
  const { db, store, inForce, ownResources } = deps;
  const save = createSaving(deps);
  const current = async () => (await store.newest()) ?? NO_POLICIES;
  const check = async (text: string) => checkPolicy(await inForce.language(), text, ownResources);
  const checked = async (text: string): Promise<{ id: string; text: string }> => {
    const result = await check(text.replaceAll('\r\n', '\n').trimEnd());
    if (!result.ok) throw faulty(result.faults);
    return result;
  };
  /** One who saves at a time, on what they have read. */
  const changing = async <T>(read: number | undefined, work: (set: Awaited<ReturnType<typeof current>>) => Promise<T>): Promise<T> =>
    db.transaction(async () => {
      await store.lock();
      const set = await current();
      if (read !== undefined && read !== set.version)
        throw new AppError('conflict', 'Somebody else saved policies meanwhile: look again before you save.', { member: '/version' });
      return work(set);
    });
  const found = (set: { readonly policies: readonly Policy[] }, id: string): Policy => {
    const policy = set.policies.find((each) => each.id === id);
    if (policy === undefined) throw noSuchPolicy();
    return policy;
  };
  const version = async (number: number) => {
    const known = await store.find(number);
    if (known === undefined) throw noSuchVersion();
    return known;
  };
  return {
    current,
    async get(id) {
      const set = await current();
      return { policy: found(set, id), version: set.version };
    },
    async create(input, by) {
      const { id, text } = await checked(input.text);
      return changing(input.version, async (set) => {
        if (set.policies.some((each) => each.id === id))
          throw new AppError('conflict', `There is a policy named ${id} already.`, { member: '/text' });
        const policy: Policy = { id, text, state: input.state };
        const summary = `added ${id}${input.state === 'draft' ? ' as a draft' : ''}`;
        const about = { policies: [...set.policies, policy], summary, event: { type: 'policy.created', resource: id } } as const;
        await save(about, set.version, { reason: input.reason, by });
        return policy;
      });
    },
    async update(id, change, by) {
      const text = change.text === undefined ? undefined : await checked(change.text);
      if (text !== undefined && text.id !== id)
        throw faulty([{ line: 1, column: 1, message: `The name of a policy stays: @id("${id}").` }]);
      return changing(change.version, async (set) => {
        const before = found(set, id);
        const after: Policy = { id, text: text?.text ?? before.text, state: change.state ?? before.state };
        if (after.text === before.text && after.state === before.state) return before;
        const moved = after.state === before.state ? '' : after.state === 'draft' ? ', out of force' : ', in force';
        const policies = set.policies.map((each) => (each.id === id ? after : each));
        await save({ policies, summary: `changed ${id}${moved}`, event: { type: 'policy.updated', resource: id } }, set.version, {
          reason: change.reason,
          by,
        });
        return after;
      });
    },
    remove: (id, { version: read, reason }, by) =>
      changing(read, async (set) => {
        found(set, id);
        const policies = set.policies.filter((each) => each.id !== id);
        await save({ policies, summary: `removed ${id}`, event: { type: 'policy.deleted', resource: id } }, set.version, { reason, by });
      }),
    rollBack: (number, { version: read, reason }, by) =>
      changing(read, async (set) => {
        const { policies } = await version(number);
        for (const { id, text } of policies) {
          if (!(await check(text)).ok)
            throw new AppError('conflict', `The policy ${id} of version ${number} does not fit what policies may say now.`);
        }
        const about = { policies, summary: `put back version ${number}`, restores: number } as const;
        return save({ ...about, event: { type: 'policy.restored', resource: 'policies' } }, set.version, { reason, by });
      }),
    check,
    async read(policies) {
      const cedar = await inForce.language();
      return policies.map((policy) => readPolicy(cedar, policy));
    },
    versions: store.list,
    version,
    async diff(number, against = number - 1) {
      const after = await version(number);
      const before = against === 0 ? NO_POLICIES : await version(against);
      return { against, changes: differences(before.policies, after.policies) };
    },
  };
}
