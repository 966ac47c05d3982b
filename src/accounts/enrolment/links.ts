import { hashOf } from '../../oidc/index.ts';
import { type Clock, secondsAfter } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import type { Ids } from '../../platform/ids.ts';
import { type Account, type By, readName } from '../account.ts';
import type { AccountEvents } from '../account-event.ts';
import { checkPassword, type Passwords } from '../password.ts';
import type { SecondFactors } from '../second-factor/second-factor.ts';
import type { AccountStore } from '../store.ts';
import type { Throttle } from '../throttle/throttle.ts';
import { createLinkStore, type LinkPurpose } from './store.ts';

/** A link to hand over; the address is shown once and only its hash is kept. */
export interface OneTimeLink {
  readonly url: string;
  readonly purpose: LinkPurpose;
  readonly expiresAt: Date;
}

/** Whom a link is for, before it is used. */
export interface LinkHolder {
  readonly account: Account;
  readonly purpose: LinkPurpose;
  /** Name of the person who made it; undefined: the command line. */
  readonly madeBy: string | undefined;
}

/** Links with which a person chooses a password: an invitation for 24 hours, a reset for one hour. */
export interface Links {
  /** In the transaction under way; ends the link the person had before. */
  make(account: Account, purpose: LinkPurpose, by: By): Promise<OneTimeLink>;
  /** Looking does not use it up. Undefined: used, expired, never made, or the account is disabled. */
  find(token: string): Promise<LinkHolder | undefined>;
  /**
   * Sets the password (and, on an invitation, the name), once. A reset also ends every session and known device and removes
   * passkeys and authenticator app: it is the way back for somebody who lost them.
   * @throws {AppError} `invalid_input` naming the member; `not_found` when the link does not work (any more).
   */
  redeem(token: string, choice: { readonly password: string; readonly name: string | undefined }): Promise<Account>;
  /** No link works for this account any more. */
  removeOf(accountId: string): Promise<void>;
  purge(): Promise<void>;
}

/** The path of the page a link leads to, below the issuer. */
export const LINK_PATH = '/link';

const TOKEN_BYTES = 20;
const MAX_TOKEN = 64;
const SECONDS: Readonly<Record<LinkPurpose, number>> = { invitation: 24 * 3_600, reset: 3_600 };

interface Deps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly issuer: URL;
  readonly audit: AccountEvents;
  readonly store: AccountStore;
  readonly passwords: Passwords;
  readonly throttle: Throttle;
  readonly secondFactors: SecondFactors;
  readonly endOtherSessions: (accountId: string, exceptSessionUid: string | undefined) => Promise<void>;
}

/** One-time links, 160 bits each. */
export function createLinks(deps: Deps): Links {
  const { db, clock, ids, audit, store, passwords } = deps;
  const links = createLinkStore(db);
  const base = `${deps.issuer.origin}${deps.issuer.pathname.replace(/\/$/, '')}`;
  const spent = () => new AppError('not_found', 'This link works once. It was used, or it ran out; ask for a new one.');
  const hashOfToken = (token: string) => hashOf(token.slice(0, MAX_TOKEN + 1));
  const holderOf = async (accountId: string) => {
    const account = await store.find(accountId);
    return account?.status === 'active' ? account : undefined;
  };
  const find: Links['find'] = async (token) => {
    const link = await links.find(hashOfToken(token), clock.now());
    const account = link && (await holderOf(link.accountId));
    if (link === undefined || account === undefined) return undefined;
    const maker = link.createdBy === undefined ? undefined : await store.find(link.createdBy);
    return { account, purpose: link.purpose, madeBy: maker?.name };
  };
  const startAnew = async (account: Account) => {
    await deps.secondFactors.removeAll(account.id, { kind: 'account', id: account.id });
    await deps.throttle.forgetDevices(account.id);
    await deps.endOtherSessions(account.id, undefined);
  };
  return {
    find,
    async make(account, purpose, by) {
      const token = ids.secret(TOKEN_BYTES);
      const createdAt = clock.now();
      const expiresAt = secondsAfter(createdAt, SECONDS[purpose]);
      const createdBy = by.kind === 'account' ? by.id : undefined;
      await links.put({ id: ids.next('lnk'), tokenHash: hashOf(token), accountId: account.id, purpose, createdBy, createdAt, expiresAt });
      await audit.record({ type: 'account.updated', actor: by, subjectId: account.id, action: `${purpose}_link_made` });
      return { url: `${base}${LINK_PATH}/${token}`, purpose, expiresAt };
    },
    async redeem(token, choice) {
      const holder = await find(token);
      if (holder === undefined) throw spent();
      const name = choice.name === undefined ? holder.account.name : readName(choice.name);
      checkPassword(choice.password, holder.account);
      const passwordHash = await passwords.hash(choice.password, holder.account);
      return db.transaction(async () => {
        const link = await links.take(hashOfToken(token), clock.now());
        const account = link && (await holderOf(link.accountId));
        if (link === undefined || account === undefined) throw spent();
        await store.setPassword(account.id, passwordHash, clock.now());
        if (link.purpose === 'invitation') await store.setName(account.id, name, clock.now());
        else await startAnew(account);
        const actor = { kind: 'account', id: account.id } as const;
        await audit.record({ type: 'account.password_changed', actor, subjectId: account.id, action: link.purpose });
        return { ...account, name: link.purpose === 'invitation' ? name : account.name, passwordChangedAt: clock.now() };
      });
    },
    removeOf: (accountId) => links.removeOf(accountId),
    purge: () => links.purge(clock.now()),
  };
}
