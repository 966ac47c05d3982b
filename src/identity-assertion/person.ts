import type { TrustProvider } from '../trust/index.ts';
import type { IdJag } from './id-jag.ts';
import { accept, type Outcome, refuse } from './refusal.ts';
import type { LinkStore } from './store.ts';

/** The accounts, as far as an assertion may look for one. */
export interface People {
  find(id: string): Promise<{ readonly id: string; readonly status: string } | undefined>;
  findByEmail(email: string): Promise<{ readonly id: string; readonly email: string; readonly status: string } | undefined>;
}

/** Somebody as an issuer names them; `tenant` is empty when it has none. */
export type NamedPerson = Pick<IdJag, 'iss' | 'tenant' | 'sub' | 'email' | 'isEmailVerified'>;

/** Whose token it becomes, and whether that was found out just now. */
export interface FoundPerson {
  readonly accountId: string;
  readonly isNew: boolean;
}

const nobody = (rule: string, reason: string) => refuse('invalid_grant', rule, reason);

/** The part of an address that says who owns the mailbox. */
function domainOf(email: string): string {
  return email.slice(email.lastIndexOf('@') + 1);
}

/**
 * Who somebody is here (security rule R25). By (issuer, tenant, subject) when they came before; the first time by their address:
 * only one that the identity provider verified or owns, only in its domains (judged by the address of the account that was found,
 * not by what was sent), and only an account that exists and may sign in. It makes no account and gives no role.
 */
export async function findPerson(
  { assertion, provider }: { readonly assertion: NamedPerson; readonly provider: Pick<TrustProvider, 'domains' | 'isEmailAuthoritative'> },
  { links, people }: { readonly links: Pick<LinkStore, 'find'>; readonly people: People },
): Promise<Outcome<FoundPerson>> {
  const known = await links.find(assertion);
  if (known !== undefined) {
    const account = await people.find(known);
    return account?.status === 'active'
      ? accept({ accountId: known, isNew: false })
      : nobody('person-inactive', 'The person this is for may not sign in here.');
  }
  const { email, isEmailVerified } = assertion;
  if (email === undefined)
    return nobody('person-unknown', 'The person is not known here, and the assertion has no address to find them by.');
  if (!isEmailVerified && !provider.isEmailAuthoritative)
    return nobody('person-unverified', 'The person is not known here, and their address is not verified.');
  const account = await people.findByEmail(email);
  if (account === undefined || !provider.domains.includes(domainOf(account.email)))
    return nobody('person-unknown', 'The person is not known here, or their address is outside the domains of the identity provider.');
  return account.status === 'active'
    ? accept({ accountId: account.id, isNew: true })
    : nobody('person-inactive', 'The person this is for may not sign in here.');
}

/** Who is who, for whoever has verified what an issuer signed. */
export interface NamedPeople {
  find(
    person: NamedPerson,
    provider: Pick<TrustProvider, 'domains' | 'isEmailAuthoritative'>,
  ): Promise<({ readonly ok: true } & FoundPerson) | { readonly ok: false; readonly reason: string }>;
  /** Keeps it for good, in the transaction under way; false when they were linked to another account at the same moment. */
  link(person: NamedPerson, accountId: string): Promise<boolean>;
}

/** The same people as for assertions. */
export function createNamedPeople(deps: { readonly links: Pick<LinkStore, 'find' | 'insert'>; readonly people: People }): NamedPeople {
  return {
    async find(person, provider) {
      const found = await findPerson({ assertion: person, provider }, deps);
      return found.ok ? { ok: true, ...found.value } : { ok: false, reason: found.refusal.reason };
    },
    link: async (person, accountId) => (await deps.links.insert(person, accountId)) || (await deps.links.find(person)) === accountId,
  };
}
