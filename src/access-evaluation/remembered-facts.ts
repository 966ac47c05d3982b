import type { Clock } from '../platform/clock.ts';
import type { FactsSource, PrincipalFacts } from '../policy/index.ts';

const FRESH_MS = 1_000;
const MOST = 2_000;

/**
 * The facts of a client that a living token was issued to, at most a second old: who it is and what its agent is like. Whether
 * client, agent and owner are alive is no part of it: the ledger's row of that token said so at this moment (security rule R13).
 * What it does not say is whether those above an agent act: facts of an agent below others are loaded anew each time.
 */
export function rememberFacts(source: FactsSource, clock: Clock): FactsSource {
  const known = new Map<string, { readonly facts: PrincipalFacts; readonly until: number }>();
  return async (clientId) => {
    const now = clock.now().getTime();
    const hit = known.get(clientId);
    // a clock that was set back must not make an answer immortal
    if (hit !== undefined && hit.until > now && hit.until - now <= FRESH_MS) return hit.facts;
    const facts = await source(clientId);
    if (known.size >= MOST) known.clear();
    if (facts.agent?.line === undefined) known.set(clientId, { facts, until: now + FRESH_MS });
    return facts;
  };
}
