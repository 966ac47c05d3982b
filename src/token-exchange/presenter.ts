import { type Actor, isSameParty } from './act-chain.ts';
import type { NarrowingLimits } from './narrowing.ts';
import type { Refusal } from './refusal.ts';

/** Thumbprints of the keys the request proved: DPoP (RFC 9449) and client certificate (RFC 8705). */
export interface KeyProof {
  readonly jkt?: string;
  readonly 'x5t#S256'?: string;
}

/** An administrator's record that one agent may take over tokens from another (R1 d). */
export interface DelegationRecord {
  readonly id: string;
  /** The actor that hands over, and the one that takes over. */
  readonly from: Pick<Actor, 'iss' | 'sub'>;
  readonly to: Pick<Actor, 'iss' | 'sub'>;
  readonly resources: readonly string[];
  readonly scopes: readonly string[];
  readonly detailTypes: readonly string[];
  readonly until: Date;
  /** The one that takes over does not stand in the token (impersonation, RFC 8693 §1.1). */
  readonly hidesActor: boolean;
}

/** All that the decision looks at; every fact was verified by the caller, none is read from the request alone. */
export interface PresenterFacts {
  readonly client: { readonly id: string; readonly isAuthenticated: boolean; readonly proof: KeyProof };
  readonly subjectToken: {
    readonly iss: string;
    /** Empty for a token of another issuer. */
    readonly clientId: string;
    /** The trust record of its issuer names the actor as one that may bring such tokens; false for tokens of ours. */
    readonly isEntrusted: boolean;
    readonly cnf: unknown;
    readonly mayAct: unknown;
    /** The outermost actor, or the subject itself where an agent acts for itself; undefined for a person without an actor. */
    readonly outermostActor: Pick<Actor, 'iss' | 'sub'> | undefined;
  };
  /** The registered server in the token's `aud`, with the clients and the downstream resources on its record. */
  readonly resourceServer: { readonly clientIds: readonly string[]; readonly downstreamResources: readonly string[] } | undefined;
  /** Who would act from now on (actor.ts); undefined when nobody can be named. */
  readonly actor: Actor | undefined;
  /** An actor token was presented: then `may_act`, where there is one, must name its subject (RFC 8693 §2.1). */
  readonly isActorProven: boolean;
  readonly delegations: readonly DelegationRecord[];
  readonly requested: {
    readonly resource: string;
    readonly scopes: readonly string[] | undefined;
    readonly detailTypes: readonly string[] | undefined;
  };
  readonly now: Date;
}

/** Why a presenter may: recorded with the token. */
export type PresenterBasis = 'issued_to' | 'resource_server' | 'may_act' | 'trust_record' | 'delegation';

/** The decision; a delegation brings the limits of its record for narrowing.ts. */
export type PresenterDecision =
  | {
      readonly allowed: true;
      readonly basis: PresenterBasis;
      readonly limits?: NarrowingLimits;
      readonly delegationId?: string;
      readonly hidesActor?: true;
    }
  | ({ readonly allowed: false } & Refusal);

const refused = (description: string, error: Refusal['error'] = 'actor_unauthorized'): PresenterDecision => ({
  allowed: false,
  error,
  description,
});

/**
 * R1: who may exchange a subject token. In this order: the client it was issued to, a client of the resource server in its
 * `aud` towards that record's downstream resources, a party in its `may_act`, an agent that the trust record of a foreign issuer
 * names, an agent with a delegation record from the outermost actor. Everyone else: `actor_unauthorized` (Actor Profile; HTTP 400). Pure; denies whatever it does not know.
 *
 * Only the client that the token was issued to may leave the chain as it is; a new presenter without an actor is refused, or the
 * chain would name somebody who is no longer there (Actor Profile: continuation is for the same presenter).
 *
 * The client that a key-bound token was issued to must prove that key: no other basis makes up for it, or a stolen credential
 * would undo the binding. An unauthenticated client is `unauthorized_client` (R4).
 */
export function decidePresenter(facts: PresenterFacts): PresenterDecision {
  const { client, subjectToken, resourceServer, requested } = facts;
  if (!client.isAuthenticated) return refused('token exchange needs an authenticated client', 'unauthorized_client');
  const isNamed = isNamedBy(subjectToken.mayAct, facts);
  if (facts.isActorProven && subjectToken.mayAct !== undefined && !isNamed) return refused('may_act does not name this actor');
  if (subjectToken.clientId === '' && !isKeyProven(subjectToken.cnf, client.proof))
    return refused('the key that the subject token is bound to was not proven');
  if (client.id === subjectToken.clientId) {
    return isKeyProven(subjectToken.cnf, client.proof)
      ? { allowed: true, basis: 'issued_to' }
      : refused('the key that the subject token is bound to was not proven');
  }
  if (facts.actor === undefined) return refused('a new presenter must act in its own name');
  if (resourceServer?.clientIds.includes(client.id) === true && resourceServer.downstreamResources.includes(requested.resource))
    return { allowed: true, basis: 'resource_server' };
  if (isNamed) return { allowed: true, basis: 'may_act' };
  if (subjectToken.isEntrusted) return { allowed: true, basis: 'trust_record' };
  return byDelegation(facts);
}

/** RFC 7800 §3.1: every confirmation must be met; one that we cannot check is not met. */
function isKeyProven(cnf: unknown, proof: KeyProof): boolean {
  if (cnf === undefined) return true;
  if (!isRecord(cnf)) return false;
  const members = Object.entries(cnf);
  const proven = new Map<string, unknown>(Object.entries(proof));
  return (
    members.length > 0 &&
    members.every(([name, thumbprint]) => typeof thumbprint === 'string' && thumbprint !== '' && proven.get(name) === thumbprint)
  );
}

/** RFC 8693 §4.4: the claims together identify the party; `iss` defaults to the token's issuer, an unknown claim matches nobody. */
function isNamedBy(mayAct: unknown, { client, subjectToken, actor }: PresenterFacts): boolean {
  if (!isRecord(mayAct)) return false;
  const { iss = subjectToken.iss, sub, client_id: clientId, sub_profile: profile, ...unknown } = mayAct;
  if (Object.keys(unknown).length > 0 || (sub === undefined && clientId === undefined)) return false;
  if (clientId !== undefined && clientId !== client.id) return false;
  if (profile !== undefined && profile !== actor?.sub_profile) return false;
  return sub === undefined ? iss === subjectToken.iss : sub === actor?.sub && iss === actor?.iss;
}

function byDelegation({ subjectToken, actor, delegations, requested, now }: PresenterFacts): PresenterDecision {
  const { outermostActor } = subjectToken;
  if (outermostActor === undefined || actor === undefined || isSameParty(outermostActor, actor))
    return refused('this client may not present this token');
  const records = delegations.filter(({ from, to }) => isSameParty(from, outermostActor) && isSameParty(to, actor));
  if (records.length === 0) return refused('no delegation record from the acting agent to this one');
  const admitting = records.filter((candidate) => admits(candidate, requested, now));
  const record = admitting.find(({ hidesActor }) => !hidesActor) ?? admitting[0];
  if (record === undefined) return refused('no delegation record covers this resource, scope and detail type now');
  const { id, scopes, detailTypes, hidesActor } = record;
  const hidden = hidesActor ? ({ hidesActor: true } as const) : {};
  return { allowed: true, basis: 'delegation', limits: { scopes, detailTypes }, delegationId: id, ...hidden };
}

function admits(record: DelegationRecord, requested: PresenterFacts['requested'], now: Date): boolean {
  if (!(record.until.getTime() > now.getTime()) || !record.resources.includes(requested.resource)) return false;
  return (
    (requested.scopes ?? []).every((scope) => record.scopes.includes(scope)) &&
    (requested.detailTypes ?? []).every((type) => record.detailTypes.includes(type))
  );
}

function isRecord(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
