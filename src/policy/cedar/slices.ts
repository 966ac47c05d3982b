import type { Question } from '../question.ts';
import type { CedarLanguage, EntityId } from './cedar.ts';
import type { Needs, ReadPolicy, Scope } from './head.ts';
import { actionOf, type Party, resourceOf } from './translate.ts';

/** The policies of one effect that can match when one party is asked about, prepared. `slot` names the prepared set. */
export interface Slice {
  readonly party: Party;
  readonly slot: Slot;
  readonly needs: Needs;
}

/** The name of a prepared set, and a number that no other use of a name has. */
export interface Slot {
  readonly name: string;
  readonly use: number;
}

/** Names of prepared sets: Cedar keeps them for the whole process, so each is used again once it is free. */
export interface Slots {
  take(): Slot;
  giveBack(slots: readonly Slot[]): void;
}

/** How many kinds of questions stay prepared: beyond it the one that was asked longest ago makes room. */
const MOST_PLANS = 256;
const EVERYTHING_ELSE = 'permit(principal, action, resource);';
/** No policy has this name: names have no capitals. */
export const BASE = 'BASE';

const keyOf = ({ type, id }: EntityId) => `${type}::${id}`;
const same = (left: EntityId, right: EntityId) => left.type === right.type && left.id === right.id;

/** Whether a principal can be what a head names. A principal that may lie in something is left to Cedar. */
function mayBePrincipal({ is, equal }: Scope, principal: EntityId): boolean {
  if (equal !== undefined) return same(equal, principal);
  return is === undefined || is === principal.type;
}

/** Whether a resource can be what a head names: it lies in itself and in its server. */
function mayBeResource({ is, equal, under }: Scope, resource: EntityId, server: EntityId | undefined): boolean {
  if (equal !== undefined) return same(equal, resource);
  if (is !== undefined && is !== resource.type) return false;
  return under === undefined || same(under, resource) || (server !== undefined && same(under, server));
}

/** Whether the answer of a policy can differ between the parties of a question. */
const looksAtParty = ({ needs }: ReadPolicy) => needs.principal || needs.everything || needs.attributes.has('asked_as');

const serverOf = ({ resource }: Question): EntityId | undefined =>
  resource.server === undefined ? undefined : { type: 'ResourceServer', id: resource.server };

/** Whether the head of a policy can match when this party is asked about. Pure. */
export function mayMatch(policy: ReadPolicy, question: Question, party: Party): boolean {
  if (policy.actions !== undefined && !policy.actions.includes(actionOf(question))) return false;
  return mayBePrincipal(policy.principal, party.entity) && mayBeResource(policy.resource, resourceOf(question), serverOf(question));
}

/**
 * Which policies are asked about which party. Those that do not look at the party have one answer for all: they are asked once, with
 * the first party that is asked about anyway, because a call costs more than a policy.
 */
function shared(policies: readonly ReadPolicy[], question: Question, parties: readonly Party[]): readonly (readonly ReadPolicy[])[] {
  const [first] = parties;
  if (first === undefined) return [];
  const own = parties.map((party) => policies.filter((policy) => looksAtParty(policy) && mayMatch(policy, question, party)));
  const others = policies.filter((policy) => !looksAtParty(policy) && mayMatch(policy, question, first));
  const host = Math.max(
    0,
    own.findIndex((some) => some.length > 0),
  );
  return own.map((some, index) => (index === host ? [...some, ...others] : some));
}

function needsOf(policies: readonly ReadPolicy[]): Needs {
  const all = policies.map(({ needs }) => needs);
  const some = (member: 'everything' | 'tags' | 'hierarchy' | 'groups' | 'principal') => all.some((needs) => needs[member]);
  return {
    attributes: new Set(all.flatMap(({ attributes }) => [...attributes])),
    everything: some('everything'),
    tags: some('tags'),
    hierarchy: some('hierarchy'),
    groups: some('groups'),
    principal: some('principal'),
  };
}

/** Entities that heads name, so that questions about all others share one slice. */
function namedIn(policies: readonly ReadPolicy[], of: 'principal' | 'resource'): ReadonlySet<string> {
  return new Set(policies.flatMap(({ [of]: { equal, under } }) => [equal, under].filter((entity) => entity !== undefined).map(keyOf)));
}

/** Where an engine finds the policies for a question. */
export interface Slices {
  /** One slice for each party about which a policy can say something. */
  find(question: Question, parties: readonly Party[]): readonly Slice[];
  /** Gives the prepared sets back. */
  dispose(): void;
}

/** A set of policies that is prepared once, however many kinds of questions it is for. */
interface Prepared {
  readonly key: string;
  readonly slot: Slot;
  readonly needs: Needs;
  /** How many plans it is part of. */
  uses: number;
}

/** Which prepared set belongs to which party, by its place. */
type Plan = readonly { readonly index: number; readonly prepared: Prepared }[];

/** `prefix` sets the prepared sets of one owner apart from all others in the process. */
export function createSlots(prefix: string): Slots {
  const free: string[] = [];
  let made = 0;
  let use = 0;
  return {
    take() {
      use += 1;
      const name = free.pop();
      if (name !== undefined) return { name, use };
      made += 1;
      return { name: `${prefix}:${made}`, use };
    },
    giveBack: (slots) => void free.push(...slots.map(({ name }) => name)),
  };
}

/** Prepared sets, by the policies in them. */
function createPreparing(cedar: CedarLanguage, slots: Slots) {
  const known = new Map<string, Prepared>();
  const make = (key: string, matching: readonly ReadPolicy[]): Prepared => {
    const texts = matching.map(({ id, text }) => [id, text]);
    const isForbidding = matching.some(({ effect }) => effect === 'forbid');
    const slot = slots.take();
    const staticPolicies = Object.fromEntries(isForbidding ? [...texts, [BASE, EVERYTHING_ELSE]] : texts);
    const answer = cedar.preparsePolicySet(slot.name, { staticPolicies });
    if (answer.type === 'failure') throw new Error('Policies that were checked cannot be prepared.');
    return { key, slot, needs: needsOf(matching), uses: 0 };
  };
  const giveBack = ({ key, slot }: Prepared): void => {
    known.delete(key);
    // what stays under the name until it is used again takes no room
    cedar.preparsePolicySet(slot.name, { staticPolicies: {} });
    slots.giveBack([slot]);
  };
  return {
    take(matching: readonly ReadPolicy[]): Prepared {
      const key = matching.map(({ id }) => id).join(' ');
      const prepared = known.get(key) ?? make(key, matching);
      prepared.uses += 1;
      known.set(key, prepared);
      return prepared;
    },
    leave(prepared: Prepared): void {
      prepared.uses -= 1;
      if (prepared.uses === 0) giveBack(prepared);
    },
    dispose: () => [...known.values()].forEach(giveBack),
  };
}

/** Slices of the policies of one effect. A slice is made when it is first needed. */
export function createSlices(cedar: CedarLanguage, policies: readonly ReadPolicy[], slots: Slots): Slices {
  const principals = namedIn(policies, 'principal');
  const resources = namedIn(policies, 'resource');
  const plans = new Map<string, Plan>();
  const preparing = createPreparing(cedar, slots);

  /** What tells questions apart for the heads of these policies, and nothing more. */
  const planKey = (question: Question, parties: readonly Party[]): string => {
    const [resource, server] = [resourceOf(question), serverOf(question)];
    const about = parties.map(({ role, entity }) => `${role} ${principals.has(keyOf(entity)) ? keyOf(entity) : entity.type}`);
    const reached = resources.has(keyOf(resource)) ? keyOf(resource) : resource.type;
    const at = server !== undefined && resources.has(keyOf(server)) ? server.id : '';
    return [actionOf(question), reached, at, ...about].join('\n');
  };
  const planFor = (question: Question, parties: readonly Party[]): Plan => {
    if (plans.size >= MOST_PLANS) {
      const [oldest] = plans;
      plans.delete(oldest?.[0] ?? '');
      for (const { prepared } of oldest?.[1] ?? []) preparing.leave(prepared);
    }
    return shared(policies, question, parties).flatMap((matching, index) =>
      matching.length === 0 ? [] : [{ index, prepared: preparing.take(matching) }],
    );
  };
  return {
    find(question, parties) {
      if (policies.length === 0) return [];
      const key = planKey(question, parties);
      const plan = plans.get(key) ?? planFor(question, parties);
      // the newest stand last: the first is the one to make room
      plans.delete(key);
      plans.set(key, plan);
      return plan.flatMap(({ index, prepared: { slot, needs } }) => {
        const party = parties[index];
        return party === undefined ? [] : [{ party, slot, needs }];
      });
    },
    dispose() {
      preparing.dispose();
      plans.clear();
    },
  };
}
