import type { Answer, Approvers, Ask, Question } from './question.ts';
import { PERMITTED, type PolicyEngine } from './cedar/engine.ts';
import { INVARIANTS_VERSION } from './invariants.ts';
import type { PoliciesInForce } from './policy-set/loading.ts';

/** What the policies may have to look up about people. */
export interface People {
  groupsOf(accountId: string): Promise<readonly { readonly id: string }[]>;
  roleOf(accountId: string): Promise<string | undefined>;
}

/** An answer with the question as it was judged: with what was looked up for it. */
export interface Judged {
  readonly answer: Answer;
  readonly question: Question;
  /** The version of the policies; undefined: they were not asked. */
  readonly version: number | undefined;
}

/** What asking stands on. */
export interface AskingDeps {
  readonly inForce: Pick<PoliciesInForce, 'current' | 'reload'>;
  readonly people: People;
  /** The interfaces of this server itself: no policy is asked about them (security rule R8). */
  readonly ownResources: readonly string[];
}

/** The version that is recorded with a decision: of the invariants, and of the policies where there are any. */
export function versionText(version: number | undefined): string {
  return version === undefined || version === 0 ? INVARIANTS_VERSION : `${INVARIANTS_VERSION} policies-${version}`;
}

const NOT_LOADED: Answer = {
  effect: 'deny',
  rule: 'policies-not-loaded',
  reason: 'This server does not know the policies in force at this moment, so it refuses.',
  remedy: 'Try again in a moment; if it goes on, an administrator can look at the log of the server.',
  policyVersion: versionText(undefined),
};

async function approversOf({ facts, subject, context }: Question, people: People): Promise<readonly Approvers[]> {
  const { approvedBy } = context;
  if (context.isApproved !== true || approvedBy === undefined) return [];
  const [groups, role] = await Promise.all([people.groupsOf(approvedBy), people.roleOf(approvedBy)]);
  const { owner } = facts.agent ?? {};
  const isOwner = owner?.id === approvedBy || groups.some(({ id }) => id === owner?.id);
  const own = [...(subject.id === approvedBy ? (['subject'] as const) : []), ...(isOwner ? (['owner'] as const) : [])];
  // where somebody else is asked for, nobody approves for themselves or for an agent they own (security rule R8)
  if (own.length > 0) return own;
  return [...(role === 'admin' ? (['administrators'] as const) : []), ...groups.map(({ id }) => `group:${id}` as const)];
}

async function groupsOf({ facts, subject }: Question, people: People): Promise<Readonly<Record<string, readonly string[]>>> {
  const { owner } = facts.agent ?? {};
  const accounts = [...(subject.kind === 'account' ? [subject.id] : []), ...(owner?.kind === 'user' ? [owner.id] : [])];
  const found = await Promise.all(
    [...new Set(accounts)].map(async (id) => [id, (await people.groupsOf(id)).map((group) => group.id)] as const),
  );
  return Object.fromEntries(found);
}

/** The question with what these policies have to know of people; nothing is looked up that none of them needs. */
async function completed(question: Question, engine: PolicyEngine, people: People): Promise<Question> {
  const needsGroups = engine.needsGroups && question.groups === undefined;
  const needsApprovers = engine.needsApprovers && question.context.isApproved === true && question.context.approvers === undefined;
  if (!needsGroups && !needsApprovers) return question;
  const groups = needsGroups ? { groups: await groupsOf(question, people) } : {};
  const approvers = needsApprovers ? { approvers: await approversOf(question, people) } : {};
  return { ...question, ...groups, context: { ...question.context, ...approvers } };
}

/** Asks the policies in force. */
export interface Asking {
  readonly ask: Ask;
  /** The same, with what was judged; `isNew`: looks first whether there is a newer version. */
  judge(question: Question, how?: { readonly isNew: true } | undefined): Promise<Judged>;
}

/** Puts questions to the policies in force. Fails closed: a server that does not know them refuses. */
export function createAsking({ inForce, people, ownResources }: AskingDeps): Asking {
  const judge: Asking['judge'] = async (question, how) => {
    if (question.resource.server !== undefined && ownResources.includes(question.resource.server))
      return { answer: { ...PERMITTED, policyVersion: versionText(undefined) }, question, version: undefined };
    try {
      const { engine, version } = await (how === undefined ? inForce.current() : inForce.reload());
      const policyVersion = versionText(version);
      if (engine === undefined) return { answer: { ...PERMITTED, policyVersion }, question, version };
      const complete = await completed(question, engine, people);
      // somebody saved while people were looked up
      if (engine.isDisposed()) return judge(question);
      return { answer: { ...engine.ask(complete), policyVersion }, question: complete, version };
    } catch {
      return { answer: NOT_LOADED, question, version: undefined };
    }
  };
  return { judge, ask: async (question) => (await judge(question)).answer };
}
