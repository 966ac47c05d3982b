import type { Authorization } from './authorization.ts';
import { machineClock, type SdkClock } from './clock.ts';
import { AccessRefused, type Assurance } from './refusal.ts';

/**
 * Returns when the person behind the token has signed in well and lately enough. A token that tells nothing about it is not
 * enough: an agent that acts for itself never passes.
 * @throws AccessRefused 401 `insufficient_user_authentication` with what to ask for (RFC 9470 §3).
 */
export function requireAssurance(
  authorization: Pick<Authorization, 'authentication'>,
  needed: Assurance,
  clock: SdkClock = machineClock,
): void {
  const { acr, at } = authorization.authentication;
  const isWellEnough = !needed.acrValues || (acr !== undefined && needed.acrValues.includes(acr));
  const isLateEnough =
    needed.maxAgeSeconds === undefined || (at !== undefined && clock.now().getTime() - at.getTime() <= needed.maxAgeSeconds * 1000);
  if (isWellEnough && isLateEnough) return;
  throw new AccessRefused('insufficient_user_authentication', 'this needs a stronger or more recent sign-in', { assurance: needed });
}
