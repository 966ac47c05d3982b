import { type ScimInput, scimRefusal } from '../../scim/index.ts';
import type { Account } from '../account.ts';

/** Parts of a name (RFC 7643 §4.1.1). */
export type NameParts = Readonly<Record<string, string>>;

/** What identity systems keep with a person and this server does not use, by attribute; `enterprise` as in RFC 7643 §4.3. */
export type Profile = Readonly<Record<string, unknown>>;

/** A person as SCIM knows them. */
export interface ProvisionedUser {
  readonly account: Account;
  /** What their identity system calls them; undefined: their address. */
  readonly userName: string | undefined;
  readonly externalId: string | undefined;
  readonly profile: Profile;
  readonly version: number;
  readonly updatedAt: Date;
}

/** A resource that a user names. */
export interface NamedResource {
  readonly id: string;
  readonly name: string;
}

/** A person with what their representation names beside them. */
export interface ShownUser extends ProvisionedUser {
  readonly groups: readonly NamedResource[];
  readonly successorName: string | undefined;
  /** `<issuer>/scim/v2` */
  readonly baseUrl: string;
}

/** What a representation says of a person. */
export interface UserDraft {
  externalId: string | undefined;
  userName?: string | undefined;
  displayName?: string | undefined;
  isActive?: boolean | undefined;
  successorId?: string | undefined;
  profile: Record<string, unknown>;
  enterprise: Record<string, unknown>;
}

/** What a client wants a person to be. */
export interface WantedUser {
  readonly email: string;
  readonly name: string;
  readonly userName: string | undefined;
  readonly externalId: string | undefined;
  readonly profile: Profile;
  readonly successorId: string | undefined;
  readonly isActive: boolean;
}

const asObject = (value: unknown): ScimInput =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as ScimInput) : {};
const asText = (value: unknown): string | undefined => (typeof value === 'string' && value.trim() !== '' ? value : undefined);

/** The address people sign in with: the primary one, else the first, else a user name that is one. */
function emailIn({ profile, userName }: UserDraft): string {
  const emails = Array.isArray(profile['emails']) ? profile['emails'].map(asObject) : [];
  const chosen = emails.find(({ primary }) => primary === true) ?? emails[0];
  const email = asText(chosen?.['value']) ?? (userName?.includes('@') ? userName : undefined);
  if (email === undefined) {
    throw scimRefusal('invalidValue', 'A person needs an e-mail address: in emails, or as userName.', 'emails');
  }
  return email.trim().toLowerCase();
}

function nameIn({ displayName, profile, userName }: UserDraft, email: string): string {
  const { formatted, givenName, familyName } = asObject(profile['name']) as { [part: string]: unknown };
  const parts = [givenName, familyName].map(asText).filter((part) => part !== undefined);
  return displayName ?? asText(formatted) ?? (parts.join(' ') || (userName ?? email));
}

/** A representation in the words of this server. @throws {AppError} 400 `invalidValue` without an address. */
export function wantedUser(draft: UserDraft): WantedUser {
  const { userName, externalId, profile, enterprise, successorId, isActive = true } = draft;
  const email = emailIn(draft);
  const isAddress = userName === undefined || userName.toLowerCase() === email;
  return {
    email,
    name: nameIn(draft, email),
    userName: isAddress ? undefined : userName,
    externalId,
    profile: Object.keys(enterprise).length === 0 ? profile : { ...profile, enterprise },
    successorId,
    isActive,
  };
}

/** The addresses of a person: those that were provisioned, with the one they sign in with among them. */
export function emailsOf({ account: { email }, profile }: ProvisionedUser): readonly object[] {
  const kept = Array.isArray(profile['emails']) ? profile['emails'].map(asObject) : [];
  const has = kept.some(({ value }) => typeof value === 'string' && value.toLowerCase() === email);
  return has ? kept : [{ value: email, type: 'work', primary: true }, ...kept.map((each) => ({ ...each, primary: false }))];
}
