import type { OidcContribution } from '../oidc/index.ts';
import type { Metrics } from '../platform/http/metrics.ts';

/** What the engine tells of a token request that ended. */
interface TokenContext {
  readonly oidc?: { readonly params?: { readonly grant_type?: unknown } };
}

/** OAuth error codes that the token endpoint gives; anything else counts as `other`, so that no stranger makes labels. */
const ERRORS: ReadonlySet<string> = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_target',
  'invalid_dpop_proof',
  'use_dpop_nonce',
  'invalid_authorization_details',
  'access_denied',
  'authorization_pending',
  'slow_down',
  'expired_token',
  'actor_unauthorized',
]);

/** Counts tokens by grant type and refusals by error, from the engine's own events. */
export function tokenCounters(metrics: Pick<Metrics, 'counter'>): OidcContribution {
  const issued = metrics.counter({
    name: 'behalf_tokens_issued_total',
    help: 'Token requests that were answered.',
    labels: ['grant_type'],
  });
  const refused = metrics.counter({ name: 'behalf_tokens_refused_total', help: 'Token requests that were refused.', labels: ['error'] });
  return {
    patch(provider) {
      const events = provider as NodeJS.EventEmitter;
      events.on('grant.success', (ctx: TokenContext) => issued({ grant_type: String(ctx.oidc?.params?.grant_type) }));
      events.on('grant.error', (_ctx: TokenContext, error: { readonly error?: string }) =>
        refused({ error: error.error !== undefined && ERRORS.has(error.error) ? error.error : 'other' }),
      );
    },
  };
}
