import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { type Account, emailKey } from './account.ts';
import type { AccountEvents } from './account-event.ts';
import { ACR, type Assurance, PASSWORD_ASSURANCE } from './assurance.ts';
import type { Passwords } from './password.ts';
import type { Ceremony, PasskeyAssertion } from './second-factor/passkeys.ts';
import type { SecondFactorMethod, SecondFactors } from './second-factor/second-factor.ts';
import type { AccountStore } from './store.ts';
import type { Admission, Throttle } from './throttle/throttle.ts';

/** What somebody typed, and where from. */
export interface PasswordInput {
  readonly email: string;
  readonly password: string;
  /** Network address of the caller. */
  readonly address: string;
  /** Value of the device cookie, if the browser has one. */
  readonly deviceToken?: string | undefined;
}

/** The same answer for an unknown address, a wrong password and a disabled account; `retryAfterSeconds`: nothing was tried, wait. */
export interface NotSignedIn {
  readonly ok: false;
  readonly retryAfterSeconds?: number;
}

/** A right password. With `needsSecondFactor` it is not enough: one of `methods` must follow. */
export interface PasswordAccepted {
  readonly ok: true;
  readonly account: Account;
  readonly needsSecondFactor: boolean;
  readonly methods: readonly SecondFactorMethod[];
  readonly assurance: Assurance;
}

/** A right code, or a passkey that held. Join it with what was shown before by `combine`. */
export interface FactorAccepted {
  readonly ok: true;
  readonly account: Account;
  readonly assurance: Assurance;
}

/** What a page needs to ask for a confirmation: options of a passkey as JSON text, or that a code is asked for. */
export interface ConfirmationOptions {
  readonly passkey: string | undefined;
  readonly takesCode: boolean;
}

/** What came back: the browser's answer as JSON text, or a code; empty ones count as not given. */
export interface Confirmation {
  readonly credential: string;
  readonly code: string;
}

/** A confirmation that held; `assertion` when it was a passkey. */
export interface ConfirmationAccepted extends FactorAccepted {
  readonly assertion: PasskeyAssertion | undefined;
}

/** How people show who they are. Sign-in calls these and turns the outcome into the engine's login. */
export interface Authentication {
  /** Constant work: an unknown address costs one argon2id comparison too. @throws {AppError} `too_many_requests` when the queue is full. */
  verifyPassword(input: PasswordInput): Promise<PasswordAccepted | NotSignedIn>;
  /** A code of the authenticator app of somebody whose password was right. */
  verifyCode(accountId: string, code: string): Promise<FactorAccepted | NotSignedIn>;
  /** Options for the browser, tied to the interaction or session (`binding`); without an account any passkey may answer. */
  beginPasskey: SecondFactors['passkeys']['beginAuthentication'];
  /** `credential`: the browser's answer as JSON text. */
  finishPasskey(ceremony: Ceremony, credential: string): Promise<FactorAccepted | NotSignedIn>;
  /** How somebody who is signed in can agree to one thing at the click; `covers` is its SHA-256. Undefined: they have no second factor. */
  beginConfirmation(accountId: string, covers: Buffer): Promise<ConfirmationOptions | undefined>;
  /** Their passkey over exactly that thing, or a code of their app. A refused one is an audit event, and codes are throttled. */
  confirm(accountId: string, covers: Buffer, given: Confirmation): Promise<ConfirmationAccepted | NotSignedIn>;
  /** Call once when somebody is signed in: notes it, makes the device known, and returns the token for its cookie. */
  signedIn(who: { account: Account; assurance: Assurance; deviceToken: string | undefined }): Promise<{ readonly deviceToken: string }>;
}

interface Deps {
  readonly db: Db;
  readonly clock: Clock;
  readonly audit: AccountEvents;
  readonly store: AccountStore;
  readonly passwords: Passwords;
  readonly throttle: Throttle;
  readonly secondFactors: SecondFactors;
}

/** One wrong try for the audit; the one that brings the first pause is told apart. */
function failureRecorder({ db, audit }: Pick<Deps, 'db' | 'audit'>) {
  return (admission: Admission, what: { accountId: string | undefined; cause: string }) =>
    db.transaction(async () => {
      const { accountId, cause } = what;
      const about = { actor: { kind: 'anonymous', id: 'browser' }, ...(accountId === undefined ? {} : { subjectId: accountId }) } as const;
      await audit.record({ type: 'sign_in.failed', ...about, cause });
      if (admission.isLastFree) await audit.record({ type: 'sign_in.blocked', ...about, cause: 'too_many_failures' });
    });
}

/** Compares a password within its admission; a full queue takes the try back. */
export async function compareAdmitted(passwords: Passwords, admission: Admission, what: { stored: string | undefined; password: string }) {
  try {
    return await passwords.verify(what.stored, what.password);
  } catch (error) {
    await admission.withdrawn();
    throw error;
  }
}

/** Passwords, codes and passkeys of people who are not disabled. */
export function createAuthentication(deps: Deps): Authentication {
  const { db, clock, audit, store, passwords, throttle, secondFactors } = deps;
  const failed = failureRecorder(deps);
  const findActive = async (id: string): Promise<Account | undefined> => {
    const account = await store.find(id);
    return account?.status === 'active' ? account : undefined;
  };
  const verifyCode: Authentication['verifyCode'] = async (accountId, code) => {
    const admission = await throttle.admitCode(accountId);
    if (!admission.isAllowed) return { ok: false, retryAfterSeconds: admission.retryAfterSeconds };
    const account = await findActive(accountId);
    if (account === undefined || !(await secondFactors.codes.verify(accountId, code))) {
      await failed(admission, { accountId, cause: 'wrong_code' });
      return { ok: false };
    }
    await admission.succeeded();
    return { ok: true, account, assurance: { acr: ACR.secondFactor, amr: ['otp', 'mfa'] } };
  };
  const passkeyRefused = async (accountId: string | undefined): Promise<NotSignedIn> => {
    const who = accountId === undefined ? {} : { subjectId: accountId };
    const actor = { kind: 'anonymous', id: 'browser' } as const;
    await db.transaction(() => audit.record({ type: 'sign_in.failed', actor, ...who, cause: 'passkey_refused' }));
    return { ok: false };
  };
  return {
    async verifyPassword({ email, password, address, deviceToken }) {
      const found = await store.findCredentials(emailKey(email));
      const accountId = found?.account.id;
      const admission = await throttle.admitPassword({ email, accountId, address, deviceToken });
      if (!admission.isAllowed) return { ok: false, retryAfterSeconds: admission.retryAfterSeconds };
      const result = await compareAdmitted(passwords, admission, { stored: found?.passwordHash, password });
      if (found === undefined || !result.isRight || found.account.status !== 'active') {
        await failed(admission, { accountId, cause: result.isRight ? 'account_disabled' : 'wrong_password' });
        return { ok: false };
      }
      await admission.succeeded();
      const { account, passwordHash } = found;
      if (result.replacement !== undefined && passwordHash !== undefined)
        await store.replaceHash(account.id, passwordHash, result.replacement);
      const methods = await secondFactors.methodsOf(account.id);
      return { ok: true, account, needsSecondFactor: methods.length > 0, methods, assurance: PASSWORD_ASSURANCE };
    },
    verifyCode,
    beginPasskey: (ceremony) => secondFactors.passkeys.beginAuthentication(ceremony),
    async finishPasskey(ceremony, credential) {
      const proof = await secondFactors.passkeys.finishAuthentication(ceremony, credential);
      const account = proof && (await findActive(proof.accountId));
      if (proof === undefined || account === undefined) return passkeyRefused(ceremony.accountId);
      return { ok: true, account, assurance: { acr: ACR.passkey, amr: proof.amr } };
    },
    async beginConfirmation(accountId, covers) {
      const methods = await secondFactors.methodsOf(accountId);
      if (methods.length === 0) return undefined;
      const options = methods.includes('passkey') ? await secondFactors.passkeys.beginConfirmation(accountId, covers) : undefined;
      return { passkey: options && JSON.stringify(options), takesCode: options === undefined };
    },
    async confirm(accountId, covers, { credential, code }) {
      // who has a passkey agrees with it: a code can be given away to whoever asks for one (R12)
      if (credential === '' && !(await secondFactors.methodsOf(accountId)).includes('passkey')) {
        const accepted = await verifyCode(accountId, code);
        return accepted.ok ? { ...accepted, assertion: undefined } : accepted;
      }
      const proof = await secondFactors.passkeys.finishConfirmation(accountId, { covers, credential });
      const account = proof && (await findActive(proof.accountId));
      if (proof === undefined || account === undefined) return passkeyRefused(accountId);
      return { ok: true, account, assurance: { acr: ACR.passkey, amr: proof.amr }, assertion: proof.assertion };
    },
    signedIn: ({ account, assurance, deviceToken }) =>
      db.transaction(async () => {
        const token = await throttle.remember(account.id, deviceToken);
        await store.setSeen(account.id, clock.now());
        const actor = { kind: 'account', id: account.id } as const;
        await audit.record({ type: 'sign_in.succeeded', actor, subjectId: account.id, action: assurance.amr.join(' ') });
        return { deviceToken: token };
      }),
  };
}
