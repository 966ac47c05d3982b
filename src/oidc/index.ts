/**
 * The room in which contributions become one OpenID provider. It owns the engine, its storage and its signing keys, and the
 * seams through which capabilities reach the engine. It knows no capability: what a client, a person or an agent is comes in
 * by contribution. app.ts calls it last, when all contributions are there.
 */
import type { Provider } from 'oidc-provider';
import type { Job } from '../platform/jobs.ts';
import { checkMasterKey } from '../platform/db/key-check.ts';
import type { Notifications } from '../platform/db/notifications.ts';
import { compose } from './compose.ts';
import type { NamedContribution } from './contribution.ts';
import { inSigningOrder, publicJwkOf } from './keys/signing-key.ts';
import { createKeyRotation, KEYS_CHANNEL, type KeyRotation, type OnKeysChanged } from './keys/rotation.ts';
import { createSigningKeyStore } from './keys/store.ts';
import { buildProvider, cookieKeysOf, engineMiddleware, type Middleware, type ProviderDeps, requestTransaction } from './provider.ts';

export { createArtifactAdapter, RACE_SECONDS } from './adapter.ts';
export { engineCookie, GRANT_SECONDS, REFRESH_SECONDS, ROUTES, SESSION_SECONDS } from './base-configuration.ts';
export { CompositionError, compose } from './compose.ts';
export type {
  ClientMetadataValidator,
  GrantTypeContribution,
  IssuedToken,
  NamedContribution,
  OidcContribution,
  OnSourceReplayed,
  TokenClaims,
  TokenPolicy,
} from './contribution.ts';
export { crossOrigin } from './cross-origin.ts';
export { oauthErrorFormats } from './error-format.ts';
export type { KeyActor, KeyChange, KeyRotation, OnKeysChanged, PublishedKey } from './keys/rotation.ts';
export { KEY_TIMES, SIGNING_ALGORITHMS } from './keys/signing-key.ts';
export type { GrantHelpers } from './grant-helpers.ts';
export { issuerOf } from './provider.ts';
export { isPreauthenticated, preauthenticate } from './preauthentication.ts';
export { engineRates } from './request-rates.ts';
export {
  type Claim,
  createRefreshTokenStore,
  type RefreshTokenStore,
  type StoredRefreshToken,
} from './refresh-tokens/store.ts';
export { additionsTo, attachToRefusal, Refusal, type RefusalInput, refuse } from './refusal.ts';
export { type ArtifactParty, type ArtifactStore, createArtifactStore, hashOf, type ListedArtifact } from './store.ts';

/** The engine as the rest of the house sees it. */
export interface Oidc {
  /** The Provider in force; ask for it anew each time, it is replaced when keys or types change. */
  current(): Provider;
  /** Mounts the engine, inside one transaction a request. */
  readonly middleware: Middleware;
  /** The public keys in force, for verifying our own tokens. */
  publicKeys(): readonly Record<string, unknown>[];
  /** Reads the keys again and swaps the Provider; requests under way finish on the old one. */
  reload(): Promise<void>;
  readonly keys: KeyRotation;
  /** What signs the browser's cookies, ours and the engine's alike. */
  readonly cookieKeys: readonly string[];
  readonly jobs: readonly Job[];
}

const PURGE_BATCH = 500;

/** Creates missing keys, builds the first Provider and listens for changes that other servers make. */
export async function createOidc(
  deps: ProviderDeps & {
    contributions: () => readonly NamedContribution[];
    notifications: Notifications;
    /** Told of every step of a signing key, inside the transaction that makes it; left out: nobody is. */
    onKeysChanged?: OnKeysChanged;
  },
): Promise<Oidc> {
  const keyStore = createSigningKeyStore(deps);
  const keys = createKeyRotation({ ...deps, store: keyStore, onChanged: deps.onKeysChanged });
  await checkMasterKey(deps, keyStore.reseal);
  await keys.ensure();
  const build = async () => {
    const signing = inSigningOrder(await keyStore.list());
    const jwks = signing.map((key) => key.privateJwk);
    const provider = buildProvider(compose(deps.contributions()), deps, jwks);
    return { provider, engine: engineMiddleware(provider), publicKeys: jwks.map(publicJwkOf) };
  };
  let built = await build();
  const reload = async () => {
    built = await build();
  };
  const reloadAndLog = () =>
    void reload().catch((error: unknown) => deps.log.error({ err: error }, 'the signing keys could not be read again'));
  deps.notifications.on(KEYS_CHANNEL, reloadAndLog);
  deps.notifications.onReconnect(reloadAndLog);
  const transaction = requestTransaction(deps.db);
  return {
    current: () => built.provider,
    middleware: (ctx, next) => transaction(ctx, () => built.engine(ctx, next)),
    publicKeys: () => built.publicKeys,
    reload,
    keys,
    cookieKeys: cookieKeysOf(deps.vault),
    jobs: [
      {
        name: 'signing-keys',
        everySeconds: 60,
        run: async () => {
          await keys.advance();
          await reload();
        },
      },
      {
        name: 'expired-artifacts',
        everySeconds: 30,
        run: async () => {
          while ((await deps.store.purge(PURGE_BATCH)) >= PURGE_BATCH);
        },
      },
    ],
  };
}
