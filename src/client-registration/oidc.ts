import { type Client, errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import { type ClientMetadataValidator, isPreauthenticated, type OidcContribution } from '../oidc/index.ts';
import { type Clock, secondsAfter } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import type { Ids } from '../platform/ids.ts';
import type { PolicyService } from '../policy/index.ts';
import type { Bounds, StoredMetadata } from './client.ts';
import { FACTS_MEMBER, type FactsBook } from './client-facts.ts';
import type { ClientSecrets } from './client-secrets.ts';
import type { EngineStorage } from './engine-storage.ts';
import { announceDocuments } from './metadata-documents/oidc.ts';
import type { MetadataDocuments } from './metadata-documents/service.ts';
import { checkMetadata, MetadataFault } from './metadata-rules.ts';
import { type OpenRegistration, REGISTRATION_POLICY } from './open-registration.ts';
import { acceptRepeatedSecrets, addRegistrationAnswers } from './registration-answers.ts';
import type { SoftwareService } from './software/service.ts';
import type { ClientStore } from './store.ts';

/** What the contribution stands on. */
export interface ClientOidcDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly store: ClientStore;
  readonly storage: EngineStorage;
  readonly open: OpenRegistration;
  readonly software: Pick<SoftwareService, 'revive'>;
  readonly secrets: ClientSecrets;
  readonly book: FactsBook;
  readonly detailTypes: () => readonly string[];
  readonly policy?: Pick<PolicyService, 'refuse'>;
  /** Undefined: client_ids that are addresses are not taken. */
  readonly documents: Pick<MetadataDocuments, 'isSupported'> | undefined;
  /** Called with every Provider that is built. */
  readonly onProvider: (provider: Provider) => void;
}

const LONGEST_ASSERTION_SECONDS = 900;
const TOUCH_SECONDS = 60;
const MOST_TOUCHED = 10_000;
/** For metadata that comes from nowhere we know: nothing beyond code and refresh. */
const STRANGER: Bounds = { grantTypes: ['authorization_code', 'refresh_token'] };

/** The registration is the bound whoever asks; a refusal tells what would help (contract "Errors"). */
const NOT_REGISTERED = {
  rule: 'client-scope',
  error: 'invalid_scope',
  reason: 'The client is not registered for any of these scopes.',
  remedy: 'Ask for scopes it is registered for, or register it for these.',
} as const;

function boundsFor(ctx: KoaContextWithOIDC | undefined, { storage, book }: ClientOidcDeps): Bounds {
  if (ctx === undefined) return STRANGER;
  const enrolment = storage.enrolmentOf(ctx);
  if (enrolment !== undefined) return enrolment.bounds;
  const { client } = ctx.oidc;
  return (client === undefined ? undefined : book.factsOf(client)?.bounds) ?? STRANGER;
}

/**
 * The engine asks once for each member that we announced; the first question judges the whole. A client from our own table
 * carries facts of ours and was judged when it was written.
 */
function validator(deps: ClientOidcDeps): ClientMetadataValidator {
  return (ctx, key, value, metadata) => {
    if (key !== FACTS_MEMBER || deps.book.isOurs(value)) return;
    const members = metadata as unknown as Record<string, unknown>;
    delete members[FACTS_MEMBER];
    delete members['resource_scope'];
    try {
      const { changes, resourceScopes } = checkMetadata(members as StoredMetadata, boundsFor(ctx, deps));
      const types = deps.detailTypes();
      const isNamed = ctx?.oidc.body?.['authorization_details_types'] !== undefined;
      const defaults = isNamed || types.length === 0 ? {} : { authorization_details_types: [...types] };
      Object.assign(members, defaults, changes, { resource_scope: resourceScopes?.join(' ') });
    } catch (error) {
      if (error instanceof MetadataFault) throw new errors.InvalidClientMetadata(error.message);
      throw error;
    }
  };
}

/** RFC 7523 §3 with the audience of RFC 7523bis: made for this server alone, and short-lived. */
function assertAssertion(clock: Clock): NonNullable<OidcContribution['assertJwtClientAuthClaimsAndHeader']> {
  return (ctx, claims) => {
    const accepted = new Set<unknown>([ctx.oidc.issuer, ctx.oidc.urlFor('token')]);
    const audiences = Array.isArray(claims['aud']) ? claims['aud'] : [claims['aud']];
    if (!audiences.every((audience) => accepted.has(audience))) {
      throw new errors.InvalidClientAuth('aud must be the issuer or the token endpoint and nothing else');
    }
    if (Number(claims['exp']) > secondsAfter(clock.now(), LONGEST_ASSERTION_SECONDS).getTime() / 1000) {
      throw new errors.InvalidClientAuth('exp is more than 15 minutes ahead');
    }
  };
}

/** A client asks for no more than it registered for, and leaves a mark of its use at most once a minute. */
function tokenPolicy(deps: ClientOidcDeps): NonNullable<OidcContribution['tokenPolicy']> {
  const { db, clock, store, book } = deps;
  const touched = new Map<string, number>();
  const touch = (clientId: string) => {
    const now = clock.now();
    const last = touched.get(clientId);
    if (last !== undefined && Math.abs(now.getTime() - last) < TOUCH_SECONDS * 1000) return;
    if (touched.size >= MOST_TOUCHED) touched.clear();
    touched.set(clientId, now.getTime());
    db.afterCommit(() => store.touch(clientId, secondsAfter(now, -TOUCH_SECONDS)));
  };
  return async (ctx, token) => {
    const client = ctx.oidc.client as Client;
    const { scopes, reapedAt } = book.factsOf(client) ?? {};
    const { aud } = token as { aud?: unknown };
    if (scopes !== undefined && aud !== undefined && token.scope !== undefined) {
      const kept = token.scope.split(' ').filter((scope) => scopes.includes(scope));
      if (kept.length === 0) {
        const { clientId } = client;
        const asked = { scope: token.scope, resource: String(aud) };
        deps.policy?.refuse({ ...NOT_REGISTERED, clientId, resource: asked.resource, action: 'issue_token', input: asked });
        throw new errors.InvalidScope(NOT_REGISTERED.reason, asked.scope);
      }
      token.scope = kept.join(' ');
    }
    // it authenticated with what it registered: the same software is back
    if (reapedAt !== undefined) await deps.software.revive(client.clientId);
    touch(client.clientId);
  };
}

/** What clients add to the engine: their storage, registration (RFC 7591, RFC 7592), how they prove themselves. */
export function clientOidc(deps: ClientOidcDeps): OidcContribution {
  const { storage, secrets, book, ids } = deps;
  return {
    features: {
      clientCredentials: { enabled: true },
      registration: {
        enabled: true,
        initialAccessToken: true,
        policies: { [REGISTRATION_POLICY]: deps.open.policy },
        issueRegistrationAccessToken: true,
        idFactory: () => ids.next('cli'),
        secretFactory: () => ids.secret(32),
      },
      registrationManagement: { enabled: true, rotateRegistrationAccessToken: true },
    },
    adapters: { Client: storage.clients, InitialAccessToken: storage.initialAccessTokens },
    clientMetadata: [FACTS_MEMBER, 'resource_scope', 'software_id', 'software_version', 'software_statement'],
    clientMetadataValidator: validator(deps),
    compareClientSecret: async (client, presented) => {
      if (book.factsOf(client)?.kind === 'workload') return isPreauthenticated(client.clientId);
      const hashes = book.secretsOf(client);
      return hashes !== undefined && secrets.matches(client.clientId, presented, hashes);
    },
    assertJwtClientAuthClaimsAndHeader: assertAssertion(deps.clock),
    tokenPolicy: tokenPolicy(deps),
    patch(provider) {
      addRegistrationAnswers(provider);
      if (deps.documents !== undefined) announceDocuments(provider, deps.documents);
      deps.open.middleware(provider);
      acceptRepeatedSecrets(provider, { book, secrets });
      deps.onProvider(provider);
    },
  };
}
