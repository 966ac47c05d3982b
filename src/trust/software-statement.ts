import type { JWTPayload } from 'jose';
import type { Clock } from '../platform/clock.ts';
import type { TrustProvider } from './provider.ts';
import type { createVerification, TrustFault } from './verification.ts';

/** A statement that is believed, or why not. */
export type SoftwareStatement =
  | { readonly ok: true; readonly claims: Readonly<JWTPayload & { readonly iss: string }>; readonly provider: TrustProvider }
  | { readonly ok: false; readonly fault: TrustFault; readonly provider: TrustProvider | undefined };

/** Types a statement may have: RFC 7591 §2.3 prescribes none, and most have none. */
const TYPES = [undefined, 'JWT', 'software-statement+jwt'] as const;

/**
 * Verifies a software statement (RFC 7591 §2.3): signed by a publisher that is trusted for it. `iss` is required; times count
 * when they are there. Whoever registers software takes its claims before those of the request.
 */
export function createStatementVerifier({
  verify,
  clock,
}: Pick<ReturnType<typeof createVerification>, 'verify'> & { readonly clock: Clock }) {
  return (jwt: string): Promise<SoftwareStatement> => verify(jwt, { kind: 'software', typ: TYPES, now: clock.now() });
}
