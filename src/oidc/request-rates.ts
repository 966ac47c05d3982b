import type { Clock } from '../platform/clock.ts';
import { type PathRates, type Rate, requestRates, type RequestRatesDeps, type SharedCount } from '../platform/http/request-rates.ts';
import { ROUTES } from './base-configuration.ts';

/** Three thousand a second: far above what one server answers, so it stops a flood and nothing else. */
const FLOOD: Rate = { perMinute: 180_000 };
/** Thirty wrong requests a second from one place, for as long as they last, are no mistake any more. */
const REFUSED: Rate = { perMinute: 1_800 };
/** What makes a record, or wakes a person. */
const STARTS: Rate = { perMinute: 6_000 };
const STARTS_REFUSED: Rate = { perMinute: 600 };
/** Hosted clients register at every connection, many of them from one address; what they may register in all is counted on all servers. */
const REGISTRATIONS: Rate = { perMinute: 600 };
const REGISTRATIONS_REFUSED: Rate = { perMinute: 120 };

const often = (path: string): PathRates => ({ path, address: FLOOD, refused: REFUSED, caller: FLOOD });
const starting = (path: string): PathRates => ({ path, address: STARTS, refused: STARTS_REFUSED, caller: STARTS });

/** Every bound on the engine's endpoints (security rule R23); the pages of sign-in keep their own. */
export const ENGINE_RATES: readonly PathRates[] = [
  often(ROUTES.token),
  often(ROUTES.introspection),
  often(ROUTES.revocation),
  starting(ROUTES.pushed_authorization_request),
  starting(ROUTES.device_authorization),
  starting(ROUTES.backchannel_authentication),
  { path: ROUTES.registration, address: REGISTRATIONS, refused: REGISTRATIONS_REFUSED, caller: REGISTRATIONS },
];

/** Refusals of a client that does what the standards tell it (RFC 8628 §3.5, CIBA Core §11, RFC 9449 §8). */
const ORDERLY: ReadonlySet<unknown> = new Set(['authorization_pending', 'slow_down', 'use_dpop_nonce']);

const MAX_CLIENT_ID = 2_048;

/** The client_id of HTTP Basic (RFC 6749 §2.3.1), unchecked. */
function claimedCaller(authorization: string): string | undefined {
  const [scheme, credentials] = authorization.split(' ', 2);
  if (scheme?.toLowerCase() !== 'basic' || credentials === undefined) return undefined;
  const [encoded] = Buffer.from(credentials, 'base64').toString('utf8').split(':', 1);
  if (encoded === undefined || encoded === '' || encoded.length > MAX_CLIENT_ID) return undefined;
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

const READABLE = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Retry-After, RateLimit, RateLimit-Policy',
};

type Asked = Parameters<RequestRatesDeps['provenCaller']>[0];

/** The client the engine let through, as it leaves it on the context. */
function provenCaller(ctx: Asked): string | undefined {
  const { oidc } = ctx as { readonly oidc?: { readonly client?: { readonly clientId: string; readonly clientAuthMethod?: string } } };
  const client = oidc?.client;
  return client === undefined || client.clientAuthMethod === 'none' ? undefined : client.clientId;
}

/** What the bounds stand on. `registrations` counts attempts to register on all servers together. */
interface EngineRatesDeps {
  readonly clock: Pick<Clock, 'now'>;
  readonly rates?: readonly PathRates[];
  readonly registrations?: (from: { readonly address: string; readonly authorization: string }) => Promise<SharedCount>;
}

/**
 * The bounds in front of the engine. Too many: 429 with Retry-After (RFC 6585 §4) and an error in the form of RFC 6749 §5.2;
 * `slow_down` stays what RFC 8628 and CIBA mean by it. Tokens and introspection are counted in memory: they ask no database for it.
 */
export function engineRates({ clock, rates = ENGINE_RATES, registrations }: EngineRatesDeps): ReturnType<typeof requestRates> {
  return requestRates({
    rates,
    clock,
    claimedCaller: (ctx) => claimedCaller(ctx.get('authorization')),
    provenCaller,
    isOrderly: (ctx) => ORDERLY.has((ctx.body as { error?: unknown } | undefined)?.error),
    shared: (ctx) =>
      ctx.path === ROUTES.registration ? registrations?.({ address: ctx.ip, authorization: ctx.get('authorization') }) : undefined,
    refuse(ctx, { retryAfterSeconds, headers }) {
      ctx.status = 429;
      for (const [name, value] of Object.entries(headers)) ctx.set(name, value);
      ctx.set('retry-after', String(retryAfterSeconds));
      ctx.set('cache-control', 'no-store');
      // clients in browsers register too, and must be able to read why they wait
      if (ctx.path === ROUTES.registration) ctx.set(READABLE);
      ctx.body = { error: 'temporarily_unavailable', error_description: 'Too many requests; wait before the next one.' };
    },
  });
}
