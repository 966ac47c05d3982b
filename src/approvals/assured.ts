import type { Authentication, Confirmation, PasskeyAssertion } from '../accounts/index.ts';
import { type Clock, secondsAfter } from '../platform/clock.ts';
import { AppError } from '../platform/errors.ts';
import type { BrowserSession } from '../platform/http/web.ts';
import { type Approval, FRESH_SECONDS, type Question } from './approval.ts';
import type { Described } from './shown.ts';
import type { ApprovalStore } from './store.ts';

/** How whoever decides has signed in. A token tells no acr: its bearer cannot give a strong approval. */
export type Deciding = Pick<BrowserSession, 'accountId' | 'sessionUid'> & Partial<Pick<BrowserSession, 'authTime' | 'acr' | 'amr'>>;

/** How somebody confirms at the click that it is they who say yes (R12); accounts do it as they are. */
export type Assurance = Pick<Authentication, 'beginConfirmation' | 'confirm'>;

/** Who decides, and what their passkey signed. */
export interface Assured {
  readonly session: Deciding;
  readonly assertion?: PasskeyAssertion | undefined;
}

/** What is asked for at the click, and whether it was given. */
export interface AssuredDeps {
  readonly clock: Clock;
  readonly store: Pick<ApprovalStore, 'countAnswers'>;
  readonly assurance: Assurance;
  /** Whether policy marks a question strong (R12); added to our own rule that money and the first yes always are. */
  readonly isStrong?: (question: Question) => Promise<boolean>;
}

/** What a page looks at to ask again. */
const CONFIRMATION = { member: 'confirmation' } as const;

/** The bytes that a passkey signs: the hash of exactly what is shown. */
function digestOf(hash: string): Buffer {
  return Buffer.from(hash.replace('sha-256:', ''), 'base64url');
}

/** How sure it has to be who says yes (R12). */
export function createAssured(deps: AssuredDeps) {
  const { clock, store, assurance } = deps;
  const isFirstTime = async ({ agentId, accountId }: Approval) => (await store.countAnswers(agentId, accountId)).approved === 0;
  const confirmationFor = async ({ approval, shown, hash }: Described) => {
    const isMoney = shown.details.some(({ amount }) => amount !== undefined);
    if (!isMoney && !(await isFirstTime(approval)) && (await deps.isStrong?.(approval)) !== true) return undefined;
    return assurance.beginConfirmation(approval.accountId, digestOf(hash));
  };
  /** Who says yes, as sure as it has to be (R12): a confirmation is a sign-in of this moment. */
  const assured = async (
    described: Described,
    { session, confirmation }: { readonly session: Deciding; readonly confirmation?: Confirmation | undefined },
  ): Promise<Assured> => {
    const { authTime } = session;
    if (authTime !== undefined && secondsAfter(authTime, FRESH_SECONDS) < clock.now())
      throw new AppError('forbidden', 'Sign in again before you approve: your sign-in is older than 15 minutes.');
    if ((await confirmationFor(described)) === undefined) return { session };
    const { approval, hash } = described;
    if (confirmation === undefined)
      throw new AppError('forbidden', 'Approving this takes your passkey or a code of your app. Decide in the browser.', CONFIRMATION);
    const given = await assurance.confirm(approval.accountId, digestOf(hash), confirmation);
    if (given.ok) return { session: { ...session, ...given.assurance, authTime: clock.now() }, assertion: given.assertion };
    if (given.retryAfterSeconds !== undefined)
      throw new AppError('too_many_requests', 'Too many wrong codes. Wait a little.', CONFIRMATION);
    throw new AppError('forbidden', 'That did not hold, so nothing was approved. Try again.', CONFIRMATION);
  };
  return { confirmationFor, assured };
}
