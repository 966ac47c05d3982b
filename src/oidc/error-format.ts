import type { ErrorFormat } from '../platform/http/error-boundary.ts';
import type { Failure } from '../platform/http/failure.ts';
import { ROUTES } from './base-configuration.ts';

/** Endpoints that programs ask; people see the others as pages. */
const MACHINE_ROUTES = [
  ROUTES.token,
  ROUTES.introspection,
  ROUTES.revocation,
  ROUTES.pushed_authorization_request,
  ROUTES.backchannel_authentication,
  ROUTES.device_authorization,
  ROUTES.registration,
  ROUTES.userinfo,
];

function errorOf({ code }: Failure): string {
  if (code === 'internal') return 'server_error';
  if (code === 'unavailable' || code === 'too_many_requests') return 'temporarily_unavailable';
  return 'invalid_request';
}

/**
 * Failures before or around the engine, such as a body that is too large, in the form that clients of these endpoints read
 * (RFC 6749 §5.2). What the engine itself refuses has it already.
 */
export const oauthErrorFormats: readonly ErrorFormat[] = MACHINE_ROUTES.map((prefix) => ({
  prefix,
  write(ctx, failure) {
    ctx.body = { error: errorOf(failure), error_description: failure.message };
  },
}));
