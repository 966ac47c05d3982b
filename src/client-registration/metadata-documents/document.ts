import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { type StoredMetadata, textsOf } from '../client.ts';
import { GRANT } from '../grant-types.ts';
import { OPEN_BOUNDS } from '../open-registration.ts';
import { inferApplicationType } from '../redirect-uri.ts';
import { DocumentFault } from './document-fault.ts';

/** What a document said, as far as this server takes it: the members a registration would have (RFC 7591 §2). */
export interface MetadataDocument {
  readonly metadata: StoredMetadata;
  /** SHA-256 of the JCS form of `metadata`: equal for documents that say the same. */
  readonly digest: string;
}

const SHARED_SECRET_METHODS: ReadonlySet<unknown> = new Set(['client_secret_basic', 'client_secret_post', 'client_secret_jwt']);
const METHODS = ['private_key_jwt', 'none'];
/**
 * Taken as they are, by the rules of registration; every other member is as if it were not there (RFC 7591 §2). So is `scope`: what a
 * person allows bounds such software, and MCP clients ask for more when a tool needs it.
 */
const TAKEN = [
  ...['client_name', 'client_uri', 'logo_uri', 'tos_uri', 'policy_uri', 'software_id', 'software_version'],
  ...['redirect_uris', 'post_logout_redirect_uris', 'jwks', 'jwks_uri', 'token_endpoint_auth_signing_alg'],
  ...['dpop_bound_access_tokens', 'id_token_signed_response_alg'],
  ...['require_pushed_authorization_requests', 'require_signed_request_object'],
];
const PRIVATE_PARTS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

const invalid = (words: string) => new DocumentFault('invalid', words);

function parse(body: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    throw invalid('It is not JSON.');
  }
  throw invalid('It is not a JSON object.');
}

/** Nobody shares a secret with software that the whole world may read (§4.1 of the draft). */
function refuseSecrets(given: Readonly<Record<string, unknown>>): void {
  for (const name of ['client_secret', 'client_secret_expires_at']) {
    if (Object.hasOwn(given, name)) throw invalid(`It has ${name}, and a public document holds no secret.`);
  }
  if (SHARED_SECRET_METHODS.has(given['token_endpoint_auth_method'])) {
    throw invalid('It names a shared secret as token_endpoint_auth_method; use private_key_jwt or none.');
  }
  const { keys } = (given['jwks'] ?? {}) as { keys?: unknown };
  const isPrivate = (key: unknown) => typeof key === 'object' && key !== null && PRIVATE_PARTS.some((part) => Object.hasOwn(key, part));
  if (Array.isArray(keys) && keys.some(isPrivate))
    throw invalid('Its jwks holds a private key. Replace that key: it is known to everybody.');
}

/**
 * How it proves itself: as it says; if this server has no such method, the strongest of `token_endpoint_auth_methods_supported`
 * (OpenID Connect RP Metadata Choices) that it has. Whoever publishes keys and says nothing is held to them.
 */
function methodOf(given: Readonly<Record<string, unknown>>): string {
  const hasKeys = given['jwks'] !== undefined || given['jwks_uri'] !== undefined;
  const { token_endpoint_auth_method: named } = given;
  if (named === undefined) return hasKeys ? 'private_key_jwt' : 'none';
  if (METHODS.includes(String(named))) return String(named);
  const choices = textsOf(given['token_endpoint_auth_methods_supported']);
  const found = METHODS.find((method) => choices.includes(method) && (method === 'none' || hasKeys));
  if (found === undefined) throw invalid('Its token_endpoint_auth_method is none that this server has: use private_key_jwt or none.');
  return found;
}

/** What it asks for and may have; what others serve it with elsewhere is no fault. */
function grantsOf(given: Readonly<Record<string, unknown>>): readonly string[] {
  const { grant_types: asked } = given;
  const grants = asked === undefined ? [GRANT.code] : OPEN_BOUNDS.grantTypes.filter((grant) => textsOf(asked).includes(grant));
  if (!grants.includes(GRANT.code)) throw invalid('Its grant_types have no authorization_code, the only way such a client begins here.');
  return grants;
}

function redirectsOf(given: Readonly<Record<string, unknown>>): readonly string[] {
  const uris = given['redirect_uris'];
  const texts = textsOf(uris);
  if (texts.length === 0 || texts.length !== (uris as unknown[]).length) throw invalid('It has no redirect_uris, or some are not text.');
  return texts;
}

/**
 * Reads the document at `url` (draft-ietf-oauth-client-id-metadata-document §4). Its members are still to be judged by the rules
 * of registration. @throws {DocumentFault} `invalid`
 */
export function readDocument(url: URL, body: string): MetadataDocument {
  const given = parse(body);
  if (given['client_id'] !== url.href) throw invalid('Its client_id is not the address it was read from, letter by letter.');
  refuseSecrets(given);
  const redirects = redirectsOf(given);
  const taken = Object.fromEntries(TAKEN.filter((name) => given[name] !== undefined).map((name) => [name, given[name]]));
  const name = given['client_name'];
  const metadata = {
    ...taken,
    client_name: typeof name === 'string' && name.trim() !== '' ? name : url.hostname,
    redirect_uris: redirects,
    grant_types: grantsOf(given),
    response_types: ['code'],
    token_endpoint_auth_method: methodOf(given),
    // whatever it says: one document often serves a program and its page in the browser
    application_type: inferApplicationType(redirects),
  };
  const digest = createHash('sha256')
    .update(canonicalize(metadata) ?? '')
    .digest('base64url');
  return { metadata, digest };
}
