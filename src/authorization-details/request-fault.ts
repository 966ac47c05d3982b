import { type Client, errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import type { DetailTypes } from './detail-type.ts';
import { parseDetails } from './validation.ts';

/** The parameter `authorization_details` of a request under way; undefined when it names none. */
export function requestedIn(ctx: KoaContextWithOIDC): string | undefined {
  const { authorization_details: text } = (ctx.oidc.params ?? {}) as { authorization_details?: unknown };
  return typeof text === 'string' && text !== '' ? text : undefined;
}

/** The first thing wrong with what a request asks for, as an `error_description`, or undefined when the details are not at fault. */
function faultOfRequest(types: DetailTypes, ctx: KoaContextWithOIDC): string | undefined {
  const text = requestedIn(ctx);
  if (text === undefined) return undefined;
  const parsed = parseDetails(types, text);
  if (!parsed.ok) return `authorization_details${parsed.path === '/' ? '' : parsed.path} ${parsed.message}`;
  const allowed = (ctx.oidc.client as (Client & { authorizationDetailsTypes?: readonly string[] }) | undefined)?.authorizationDetailsTypes;
  const stranger = parsed.details.findIndex(({ type }) => allowed?.includes(type) === false);
  return stranger === -1 ? undefined : `authorization_details/${stranger}/type is not among the types registered for this client`;
}

const events = ['grant.error', 'pushed_authorization_request.error', 'backchannel_authentication.error', 'device_authorization.error'];

/**
 * The engine looks at the types before ours is asked, and says "index 0" where we say which member (RFC 9396 §5). Its answers get our
 * words, right after it set the body.
 */
export function namePaths(provider: Provider, types: DetailTypes): void {
  const name = (ctx: KoaContextWithOIDC, error: unknown) => {
    if (!(error instanceof errors.InvalidAuthorizationDetails)) return;
    const description = faultOfRequest(types, ctx);
    if (description !== undefined && typeof ctx.body === 'object' && ctx.body !== null)
      Object.assign(ctx.body, { error_description: description });
  };
  for (const event of events) (provider as NodeJS.EventEmitter).on(event, name);
}
