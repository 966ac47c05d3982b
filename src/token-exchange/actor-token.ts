import type { Clock } from '../platform/clock.ts';
import type { PrincipalFacts } from '../policy/index.ts';
import type { VerifiedToken } from '../tokens/index.ts';
import type { Trust } from '../trust/index.ts';
import type { Actor } from './act-chain.ts';
import type { KeyProof } from './presenter.ts';
import { accept, type Outcome, refuse } from './refusal.ts';
import { type PresentedToken, tokenTypes } from './request.ts';

/** The actor a verified actor token names, and whether this client holds it. */
export interface ActorToken {
  readonly actor: Actor;
  readonly isHeldByClient: boolean;
  /** A credential of a platform, which is used up with the token that comes of it; undefined for every other. */
  readonly credential: { readonly iss: string; readonly jti: string; readonly exp: number; readonly providerId: string } | undefined;
}

/** Who presents an actor token. */
export interface ActorHolder {
  readonly clientId: string;
  readonly proof: KeyProof;
  readonly facts: PrincipalFacts;
  /** The assertion by which the client authenticated (RFC 7523 §2.2); undefined: otherwise. */
  readonly clientAssertion: string | undefined;
}

/** What reading actor tokens stands on. */
export interface ActorTokenDeps {
  readonly issuer: string;
  readonly clock: Clock;
  readonly tokens: { verify(jwt: string): Promise<VerifiedToken | undefined> };
  readonly trust: Pick<Trust, 'verify'>;
}

/** Types a platform gives its tokens. */
const CREDENTIAL_TYPES = [undefined, 'JWT'] as const;

/**
 * Who an access token of ours names (RFC 8693 §2.1): an agent or a service of this server that acts for itself. A person's token, or
 * one that somebody already acts on, names nobody who could act here: `invalid_request`. Held by the client means: bound to a key
 * that this request proved, or, without a key, issued to it.
 */
export function readActorToken(
  { record, payload }: VerifiedToken,
  holder: { readonly clientId: string; readonly proof: KeyProof },
): Outcome<ActorToken> {
  if (record.subjectProfile === 'user' || record.act !== undefined)
    return refuse('invalid_request', 'the actor token is not one of an agent or service for itself');
  const actor = { iss: payload.iss ?? '', sub: record.subject, sub_profile: record.subjectProfile };
  return accept({ actor, isHeldByClient: isHeld(record, holder), credential: undefined });
}

function isHeld({ cnf, clientId }: VerifiedToken['record'], holder: { readonly clientId: string; readonly proof: KeyProof }): boolean {
  if (cnf === undefined) return clientId === holder.clientId;
  const proven = new Map<string, unknown>(Object.entries(holder.proof));
  return Object.entries(cnf).every(([name, thumbprint]) => proven.get(name) === thumbprint);
}

/** The same JWT proved the client a moment ago: it names the party that the client stands for (Actor Profile). */
function fromAssertion({ facts: { client, agent } }: ActorHolder, issuer: string): Outcome<ActorToken> {
  const party = agent === undefined ? { sub: client?.serviceId, sub_profile: 'service' } : { sub: agent.id, sub_profile: 'ai_agent' };
  const { sub } = party;
  if (sub === undefined) return refuse('invalid_grant', 'the client of the actor token stands for nobody who could act');
  return accept({ actor: { ...party, iss: issuer, sub }, isHeldByClient: true, credential: undefined });
}

/** A credential of a platform names the agent of its record; it counts only for a client of that very agent. */
async function fromPlatform(jwt: string, holder: ActorHolder, { issuer, clock, trust }: ActorTokenDeps): Promise<Outcome<ActorToken>> {
  const found = await trust.verify(jwt, { kind: 'workload', typ: CREDENTIAL_TYPES, now: clock.now() });
  const agentId = found.ok ? found.provider.agentId : undefined;
  if (!found.ok || agentId === undefined) return refuse('invalid_grant', 'the actor token is not accepted here');
  const { claims, provider } = found;
  return accept({
    actor: { iss: issuer, sub: agentId, sub_profile: 'ai_agent' },
    isHeldByClient: holder.facts.agent?.id === agentId,
    credential: { iss: claims.iss, jti: claims.jti ?? '', exp: claims.exp ?? 0, providerId: provider.id },
  });
}

/**
 * Who acts by an actor token (Actor Profile): an access token of ours; as `…:jwt` also the assertion by which the client
 * authenticated, or the credential of a workload. What is none of them: `invalid_request` for an access token, `invalid_grant` for a
 * JWT, which must match exactly one profile.
 */
export async function actorOf(presented: PresentedToken, holder: ActorHolder, deps: ActorTokenDeps): Promise<Outcome<ActorToken>> {
  const { token, type } = presented;
  if (type === tokenTypes.jwt && token === holder.clientAssertion) return fromAssertion(holder, deps.issuer);
  const verified = await deps.tokens.verify(token);
  if (verified !== undefined) return readActorToken(verified, holder);
  if (type === tokenTypes.jwt) return fromPlatform(token, holder, deps);
  return refuse('invalid_request', 'the actor token is not a live access token of this server');
}
