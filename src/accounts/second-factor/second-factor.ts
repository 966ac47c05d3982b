import type { Db } from '../../platform/db/db.ts';
import { type Account, type By, needsSecondFactor } from '../account.ts';
import type { AccountEvents } from '../account-event.ts';
import { type CodeEnrolment, type Codes, createCodes } from './codes.ts';
import { createPasskeys, type Passkey, type Passkeys } from './passkeys.ts';

/** How a person may show a second time who they are. */
export type SecondFactorMethod = 'passkey' | 'code';

/** What an account signs in with beside its password. */
export interface Security {
  readonly passkeys: readonly Passkey[];
  readonly hasCode: boolean;
}

/** Second factors of people: enrolment, removal, and what is there. */
export interface SecondFactors {
  readonly passkeys: Pick<
    Passkeys,
    'beginRegistration' | 'beginAuthentication' | 'finishAuthentication' | 'beginConfirmation' | 'finishConfirmation'
  >;
  readonly codes: Pick<Codes, 'verify' | 'reseal'>;
  securityOf(accountId: string): Promise<Security>;
  methodsOf(accountId: string): Promise<SecondFactorMethod[]>;
  /** Whether the role demands a second factor and none is enrolled: the console then answers only on loopback (security rule R9). */
  mustEnrol(account: Pick<Account, 'id' | 'role'>): Promise<boolean>;
  /** Stores a passkey; see `Passkeys.finishRegistration`. */
  addPasskey(account: Account, answer: { binding: string; credential: string; label: string }): Promise<Passkey>;
  beginCode(account: Account): Promise<CodeEnrolment>;
  /** Puts the authenticator app in force; false when the code is not right. */
  confirmCode(account: Account, code: string): Promise<boolean>;
  /** False when there was none. */
  removePasskey(account: Account, passkeyId: string): Promise<boolean>;
  removeCode(account: Account): Promise<boolean>;
  /** Recovery by an administrator's link: the person starts anew. */
  removeAll(accountId: string, by: By): Promise<void>;
  purge(): Promise<void>;
}

type Deps = Parameters<typeof createPasskeys>[0] & Parameters<typeof createCodes>[0] & { db: Db; audit: Pick<AccountEvents, 'record'> };

/** Passkeys and authenticator apps; every change is an audit event in the same transaction. */
export function createSecondFactors(deps: Deps): SecondFactors {
  const { db, audit } = deps;
  const passkeys = createPasskeys(deps);
  const codes = createCodes(deps);
  const securityOf = async (accountId: string): Promise<Security> => ({
    passkeys: await passkeys.list(accountId),
    hasCode: await codes.has(accountId),
  });
  const methodsOf = async (accountId: string): Promise<SecondFactorMethod[]> => {
    const { passkeys: keys, hasCode } = await securityOf(accountId);
    return [...(keys.length > 0 ? (['passkey'] as const) : []), ...(hasCode ? (['code'] as const) : [])];
  };
  const changed = (
    type: 'account.credential_added' | 'account.credential_removed',
    account: { id: string },
    what: { action: string; resource?: string },
  ) => audit.record({ type, actor: { kind: 'account', id: account.id }, subjectId: account.id, ...what });
  return {
    passkeys,
    codes,
    securityOf,
    methodsOf,
    mustEnrol: async ({ id, role }) => needsSecondFactor(role) && (await methodsOf(id)).length === 0,
    addPasskey: (account, answer) =>
      db.transaction(async () => {
        const passkey = await passkeys.finishRegistration(account, answer);
        await changed('account.credential_added', account, { action: 'passkey', resource: passkey.id });
        return passkey;
      }),
    beginCode: (account) => codes.begin(account),
    confirmCode: (account, code) =>
      db.transaction(async () => {
        const isRight = await codes.confirm(account, code);
        if (isRight) await changed('account.credential_added', account, { action: 'code' });
        return isRight;
      }),
    removePasskey: (account, passkeyId) =>
      db.transaction(async () => {
        const isGone = await passkeys.remove(account.id, passkeyId);
        if (isGone) await changed('account.credential_removed', account, { action: 'passkey', resource: passkeyId });
        return isGone;
      }),
    removeCode: (account) =>
      db.transaction(async () => {
        const isGone = await codes.remove(account.id);
        if (isGone) await changed('account.credential_removed', account, { action: 'code' });
        return isGone;
      }),
    async removeAll(accountId, by) {
      const { passkeys: keys, hasCode } = await securityOf(accountId);
      await passkeys.removeAll(accountId);
      await codes.remove(accountId);
      const event = { type: 'account.credential_removed', actor: by, subjectId: accountId } as const;
      for (const { id } of keys) await audit.record({ ...event, action: 'passkey', resource: id });
      if (hasCode) await audit.record({ ...event, action: 'code' });
    },
    purge: () => passkeys.purge(),
  };
}
