import type Koa from 'koa';
import type { Middleware } from 'koa';
import mount from 'koa-mount';
import type { JWK } from 'jose';
import { type Client, type Configuration, type JWTStructured, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import { isDatabaseUnavailable, isUnstorableText } from '../platform/db/availability.ts';
import type { Db } from '../platform/db/db.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import type { Vault } from '../platform/vault.ts';
import { createArtifactAdapter } from './adapter.ts';
import { BASE_FEATURES, baseConfiguration } from './base-configuration.ts';
import type { Composition } from './compose.ts';
import type { IssuedToken, TokenClaims } from './contribution.ts';
import { registerGrants } from './grants.ts';
import { signerOf } from './keys/signer.ts';
import { additionsTo } from './refusal.ts';
import type { ArtifactStore } from './store.ts';

export type { Middleware };

/** What a Provider is built from besides its composition and its keys. */
export interface ProviderDeps {
  readonly issuer: URL;
  readonly db: Db;
  readonly store: ArtifactStore;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly log: Logger;
  /** The guarded dispatcher: the engine fetches jwks_uri and metadata documents only through it. */
  readonly fetch: NonNullable<Configuration['fetch']>;
}

/** How long an assertion or proof may claim to live; the engine itself would accept a year (RFC 7523 §3). */
const LONGEST_REPLAY_SECONDS = 3_600;

function customizer(chain: readonly TokenClaims[]) {
  return async (ctx: KoaContextWithOIDC, token: IssuedToken, parts: JWTStructured): Promise<void> => {
    for (const link of chain) {
      const claims = await link.claims(ctx, token, parts.payload);
      const foreign = Object.keys(claims).find((name) => !link.names.includes(name));
      if (foreign !== undefined) throw new Error(`The token claim ${foreign} was set by a part that did not announce it`);
      Object.assign(parts.payload, claims);
    }
  };
}

function configurationOf(composition: Composition, deps: ProviderDeps, keys: readonly JWK[]): Configuration {
  const base = baseConfiguration(deps.issuer);
  const own = composition.configuration;
  return {
    ...base,
    ...own,
    adapter: (model) => composition.adapters.get(model) ?? createArtifactAdapter(model, deps),
    jwks: { keys: keys.map(signerOf) },
    cookies: { ...base.cookies, keys: cookieKeysOf(deps.vault) },
    features: {
      ...BASE_FEATURES,
      dPoP: { enabled: true, nonceSecret: deps.vault.derive('dpop-nonces'), allowReplay: false },
      // the class that signs our own way (keys/signer.ts); the engine is pinned, so the experiment is known
      externalSigningSupport: { enabled: true, ack: 'experimental-01' },
      ...own.features,
    },
    ttl: { ...base.ttl, ...own.ttl },
    formats: { customizers: { jwt: customizer(composition.tokenClaims) } },
    fetch: deps.fetch,
  };
}

/**
 * `unique` of the engine looks and then writes: two servers, or two requests, both find nothing. One insert decides instead,
 * outside the request's transaction, so that a refused request has still used its assertion up.
 */
function makeReplayDetectionAtomic(provider: Provider, deps: Pick<ProviderDeps, 'store' | 'clock'>): void {
  const unique = async (issuer: string, jti: string, exp: number): Promise<boolean> => {
    const latest = deps.clock.epochSeconds() + LONGEST_REPLAY_SECONDS;
    if (exp > latest) return false;
    return deps.store.recordOnce(JSON.stringify([issuer, jti]), new Date((exp + 60) * 1000));
  };
  Object.assign(provider.ReplayDetection, { unique });
}

function compareSecretsByHash(provider: Provider, compare: NonNullable<Composition['compareClientSecret']>): void {
  const prototype = provider.Client.prototype as unknown as { compareClientSecret: (presented: string) => Promise<boolean> };
  prototype.compareClientSecret = function compareClientSecret(this: Client, presented: string) {
    return compare(this, presented);
  };
}

/** Adds what a refusal of ours carries to the engine's answer; emitted right after the engine set the body. */
function answerRefusals(provider: Provider): void {
  const extend = (ctx: KoaContextWithOIDC, error: unknown) => {
    if (typeof ctx.body === 'object' && ctx.body !== null) Object.assign(ctx.body, additionsTo(ctx, error));
  };
  const events = [
    'grant.error',
    'backchannel_authentication.error',
    'pushed_authorization_request.error',
    'registration_create.error',
    'registration_update.error',
    'introspection.error',
    'revocation.error',
    'device_authorization.error',
  ];
  for (const event of events) (provider as NodeJS.EventEmitter).on(event, extend);
}

function answerServerErrors(provider: Provider, { db, log }: Pick<ProviderDeps, 'db' | 'log'>): void {
  provider.on('server_error', (ctx: KoaContextWithOIDC, error: Error) => {
    if (isUnstorableText(error)) {
      db.rollback();
      ctx.status = 400;
      ctx.body = { error: 'invalid_request', error_description: 'The request holds characters that are no text (U+0000).' };
      return;
    }
    if (!isDatabaseUnavailable(error)) {
      log.error({ err: error, requestId: ctx.state['requestId'] }, 'the engine failed');
      return;
    }
    ctx.status = 503;
    ctx.set('retry-after', '2');
    ctx.body = { error: 'temporarily_unavailable', error_description: 'The server cannot reach its database; try again shortly.' };
  });
}

/** The keys that sign cookies: one, the same for the engine and for our own pages. */
export function cookieKeysOf(vault: Vault): string[] {
  return [vault.derive('cookies').toString('base64url')];
}

/** Builds one engine of the composition and the keys in force. Takes about a millisecond. */
export function buildProvider(composition: Composition, deps: ProviderDeps, keys: readonly JWK[]): Provider {
  const provider = new Provider(issuerOf(deps.issuer), configurationOf(composition, deps, keys));
  // the edge has replaced every forwarded header by the issuer's own host and scheme: contexts the engine makes itself read them
  provider.proxy = true;
  registerGrants(provider, {
    policies: composition.tokenPolicies,
    ours: composition.grantTypes,
    parameters: composition.tokenParameters,
    onReplayed: composition.onSourceReplayed,
  });
  makeReplayDetectionAtomic(provider, deps);
  if (composition.compareClientSecret !== undefined) compareSecretsByHash(provider, composition.compareClientSecret);
  answerRefusals(provider);
  answerServerErrors(provider, deps);
  for (const patch of composition.patches) patch(provider);
  return provider;
}

/** The engine's own Koa application as one middleware of ours, on the same context. */
export function engineMiddleware(provider: Provider): Middleware {
  return mount(provider as unknown as Koa);
}

/** An issuer as clients compare it: without the slash that URL adds to a bare host (RFC 8414 §3.3). */
export function issuerOf(url: URL): string {
  return url.href.replace(/\/$/, '');
}

/**
 * One transaction around everything an engine endpoint writes. It is kept when the engine refuses (detected reuse revokes and
 * then refuses) and undone when the server failed; our own refusals asked for the rollback themselves.
 */
export function requestTransaction(db: Db): Middleware {
  return (ctx, next) =>
    db.transaction(async () => {
      await next();
      if (ctx.status >= 500) db.rollback();
    });
}
