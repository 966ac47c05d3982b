import { type Bounds, type StoredMetadata, textsOf, wordsOf } from './client.ts';
import { GRANT, needsAuthentication } from './grant-types.ts';
import { matchesRedirectPattern } from './redirect-pattern.ts';
import { checkRedirectUri, inferApplicationType } from './redirect-uri.ts';

/** Metadata that may not be registered. The message begins with the member's name, by which the engine picks the error code. */
export class MetadataFault extends Error {
  override readonly name = 'MetadataFault';
  readonly member: string;

  constructor(member: string, reason: string) {
    super(`${member} ${reason}`);
    this.member = member;
  }
}

/** Scopes that speak of the person, known to the engine; all others belong to resource servers. */
const IDENTITY_SCOPES: ReadonlySet<string> = new Set(['openid', 'offline_access', 'profile', 'email']);

const MOST_BYTES = 32 * 1024;
const MOST_LIST_ENTRIES = 20;
const MOST_SCOPES = 100;
const LONGEST_URI = 2_000;
const LONGEST_TEXT = 200;
const MOST_KEYS = 10;
const SCOPE_TOKEN = /^[\x21\x23-\x5B\x5D-\x7E]{1,128}$/;
const PLAIN_TEXT = /^[^\p{Cc}\p{Cf}]*$/u;
/** Addresses people may follow: shown, never fetched. */
const SHOWN_URIS = ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri'];
const URI_MEMBERS = [...SHOWN_URIS, 'jwks_uri', 'initiate_login_uri', 'backchannel_client_notification_endpoint'];
const TEXT_MEMBERS = ['client_name', 'software_id', 'software_version'];

/** What registration changes in the metadata it was given; members set to undefined are taken out. */
export interface CheckedMetadata {
  readonly changes: Readonly<Record<string, unknown>>;
  /** Scopes of resource servers, which the engine does not know; undefined: none were named and none are prescribed. */
  readonly resourceScopes: readonly string[] | undefined;
}

/** `metadata` as it may be registered within `bounds` (RFC 7591 §2, OAuth 2.1, security rules R4 and R7). @throws {MetadataFault} */
export function checkMetadata(metadata: StoredMetadata, bounds: Bounds): CheckedMetadata {
  checkSizes(metadata);
  for (const name of TEXT_MEMBERS) checkText(name, metadata[name]);
  for (const name of URI_MEMBERS) checkUri(name, metadata[name]);
  if (metadata['sector_identifier_uri'] !== undefined)
    throw new MetadataFault('sector_identifier_uri', 'is not supported: subjects are public');
  const redirectUris = textsOf(metadata['redirect_uris']);
  const applicationType = metadata['application_type'] === 'native' ? 'native' : inferApplicationType(redirectUris);
  checkRedirects('redirect_uris', { uris: redirectUris, applicationType, patterns: bounds.redirectPatterns });
  checkRedirects('post_logout_redirect_uris', {
    uris: textsOf(metadata['post_logout_redirect_uris']),
    applicationType,
    patterns: undefined,
  });
  checkGrants(metadata, bounds);
  const { identity, resource } = splitScopes(metadata['scope'], bounds);
  return {
    changes: {
      application_type: applicationType,
      scope: identity.length === 0 ? undefined : identity.join(' '),
      response_types: responseTypesOf(metadata),
      ...(textsOf(metadata['grant_types']).includes(GRANT.ciba)
        ? { backchannel_token_delivery_mode: metadata['backchannel_token_delivery_mode'] ?? 'poll' }
        : {}),
    },
    resourceScopes: resource,
  };
}

/**
 * RFC 7591 §2.1: a client with the code grant has the response type `code`, one without has none. The engine's default of `code`
 * would demand a redirect of a client that has no use for one. Anything else is left for the engine to refuse.
 */
function responseTypesOf(metadata: StoredMetadata): readonly string[] {
  const given = textsOf(metadata['response_types']);
  const isPlain = given.length === 0 || (given.length === 1 && given[0] === 'code');
  if (!isPlain) return given;
  return textsOf(metadata['grant_types']).includes(GRANT.code) ? ['code'] : [];
}

function checkSizes(metadata: StoredMetadata): void {
  if (JSON.stringify(metadata).length > MOST_BYTES) throw new MetadataFault('client metadata', `is larger than ${MOST_BYTES} bytes`);
  for (const [name, value] of Object.entries(metadata)) {
    if (Array.isArray(value) && value.length > MOST_LIST_ENTRIES)
      throw new MetadataFault(name, `has more than ${MOST_LIST_ENTRIES} entries`);
  }
  const { keys } = (metadata['jwks'] ?? {}) as { keys?: unknown };
  if (Array.isArray(keys) && keys.length > MOST_KEYS) throw new MetadataFault('jwks', `has more than ${MOST_KEYS} keys`);
}

/** People read these when they consent: nothing that turns or hides text (R11). */
function checkText(name: string, value: unknown): void {
  if (value === undefined) return;
  if (typeof value !== 'string' || value.length > LONGEST_TEXT || !PLAIN_TEXT.test(value)) {
    throw new MetadataFault(name, `must be text of at most ${LONGEST_TEXT} characters without control characters`);
  }
}

function checkUri(name: string, value: unknown): void {
  if (value === undefined) return;
  if (typeof value !== 'string' || value.length > LONGEST_URI || !URL.canParse(value))
    throw new MetadataFault(name, 'must be an absolute URI');
  const { protocol, username, password } = new URL(value);
  const isAllowed = protocol === 'https:' || (protocol === 'http:' && SHOWN_URIS.includes(name));
  if (!isAllowed) throw new MetadataFault(name, 'must use https');
  if (username !== '' || password !== '' || /^[a-z]+:\/\/[^/?#]*@/i.test(value)) throw new MetadataFault(name, 'must not have userinfo');
}

function checkRedirects(
  name: string,
  {
    uris,
    applicationType,
    patterns,
  }: { uris: readonly string[]; applicationType: 'web' | 'native'; patterns: readonly string[] | undefined },
): void {
  for (const uri of uris) {
    const checked = checkRedirectUri(uri, applicationType);
    if (!checked.ok) throw new MetadataFault(name, `each ${checked.reason}`);
    if (patterns?.some((pattern) => matchesRedirectPattern(uri, pattern)) === false) {
      throw new MetadataFault(name, 'lead where the initial access token does not allow it');
    }
  }
}

function checkGrants(metadata: StoredMetadata, bounds: Bounds): void {
  const isPublic = metadata['token_endpoint_auth_method'] === 'none';
  for (const grant of textsOf(metadata['grant_types'])) {
    if (isPublic && needsAuthentication(grant))
      throw new MetadataFault('grant_types', `has ${grant}, which needs a client that authenticates`);
    if (!bounds.grantTypes.includes(grant)) throw new MetadataFault('grant_types', `has ${grant}, which this registration does not allow`);
  }
}

/** RFC 7591 §2: the server may register fewer scopes than were asked for, and its own choice when none were. */
function splitScopes(scope: unknown, bounds: Bounds): { identity: readonly string[]; resource: readonly string[] | undefined } {
  if (scope !== undefined && typeof scope !== 'string') throw new MetadataFault('scope', 'must be a string');
  const asked = [...new Set(wordsOf(scope))];
  if (asked.length > MOST_SCOPES) throw new MetadataFault('scope', `has more than ${MOST_SCOPES} entries`);
  if (!asked.every((each) => SCOPE_TOKEN.test(each))) throw new MetadataFault('scope', 'holds characters that scopes do not have');
  const identity = asked.filter((each) => IDENTITY_SCOPES.has(each));
  const resource = asked.filter((each) => !IDENTITY_SCOPES.has(each));
  const { scopes: allowed } = bounds;
  if (resource.length === 0) return { identity, resource: allowed };
  const kept = allowed === undefined ? resource : resource.filter((each) => allowed.includes(each));
  if (kept.length === 0) throw new MetadataFault('scope', 'has nothing that this registration allows');
  return { identity, resource: kept };
}
