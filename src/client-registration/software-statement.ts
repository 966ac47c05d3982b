import { errors } from 'oidc-provider';
import type { StoredMetadata } from './client.ts';

/** A statement that somebody signed about software, as far as registration needs it (RFC 7591 §2.3). */
export type VerifyStatement = (
  jwt: string,
) => Promise<
  | { readonly ok: true; readonly claims: Readonly<Record<string, unknown>> & { readonly iss: string } }
  | { readonly ok: false; readonly fault: string }
>;

/** What a believed statement says: who the software is, and metadata that comes before what the request says. */
export interface Stated {
  readonly issuer: string;
  readonly softwareId: string;
  readonly metadata: StoredMetadata;
}

const LONGEST_STATEMENT = 16 * 1024;
const LONGEST_ID = 200;
/** Claims of the JWT itself, and members that only this server gives: never metadata. */
const NO_METADATA: ReadonlySet<string> = new Set([
  ...['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti', 'software_statement'],
  ...['client_id', 'client_secret', 'client_id_issued_at', 'client_secret_expires_at'],
  ...['registration_access_token', 'registration_client_uri'],
]);

/** Statements that are not believed are refused in two ways (RFC 7591 §3.2.2): what is wrong with it, or that its signer is not trusted. */
const UNTRUSTED: ReadonlySet<string> = new Set(['unknown_issuer', 'disabled', 'claims']);

/**
 * What the software statement of a registration says; undefined: there is none.
 *
 * @throws InvalidSoftwareStatement, UnapprovedSoftwareStatement (RFC 7591 §3.2.2)
 */
export async function readStatement(metadata: StoredMetadata, verify: VerifyStatement | undefined): Promise<Stated | undefined> {
  const { software_statement: statement } = metadata;
  if (statement === undefined) return undefined;
  if (typeof statement !== 'string' || statement.length > LONGEST_STATEMENT)
    throw new errors.InvalidSoftwareStatement(`software_statement must be a JWT of at most ${LONGEST_STATEMENT} characters`);
  const verified = (await verify?.(statement)) ?? ({ ok: false, fault: 'unknown_issuer' } as const);
  if (!verified.ok) {
    if (UNTRUSTED.has(verified.fault)) throw new errors.UnapprovedSoftwareStatement('nobody here trusts the issuer of this statement');
    throw new errors.InvalidSoftwareStatement(`the software statement is not valid: ${verified.fault.replaceAll('_', ' ')}`);
  }
  const { iss: issuer, software_id: softwareId } = verified.claims;
  if (typeof softwareId !== 'string' || softwareId === '' || softwareId.length > LONGEST_ID)
    throw new errors.InvalidSoftwareStatement('a software statement names the software by software_id');
  const stated = Object.entries(verified.claims).filter(([name]) => !NO_METADATA.has(name));
  return { issuer, softwareId, metadata: Object.fromEntries(stated) };
}
