import { issuanceOf } from '../tokens/index.ts';
import { principalFrom } from '../policy/index.ts';
import type { TrustProvider } from '../trust/index.ts';
import { bindingFault, detailsOf, scopesOf, targetOf } from './bounds.ts';
import { type Engine, type GrantDeps, isOwnResource, orRefuseWith, remember, useUp } from './grant-steps.ts';
import { ID_JAG_TYPE, type IdJag, readIdJag } from './id-jag.ts';
import { type Context, DEFAULT_LIFETIME_SECONDS, issue, type Keys, paramsOf, type Planned, proveKeys, serverOf } from './issue.ts';
import { findPerson, type FoundPerson } from './person.ts';
import type { Refusal } from './refusal.ts';
import { type Asked, refusalOf } from './refusing.ts';

const otherClient: Refusal = {
  error: 'invalid_grant',
  rule: 'assertion-other-client',
  reason: 'The assertion was made for another client.',
};
const otherPerson: Refusal = {
  error: 'invalid_grant',
  rule: 'assertion-person-unknown',
  reason: 'The person was found by two addresses at once.',
};
const unauthenticated: Refusal = {
  error: 'unauthorized_client',
  rule: 'client-authenticated',
  reason: 'This grant needs a client that authenticates.',
};

/** Who acts: the agent of the client, around the actor the assertion names (R3, RFC 8693 §4.1). Policy judges it afterwards. */
async function noteActors(ctx: Context, { act }: IdJag, { facts, issuer }: Pick<GrantDeps, 'facts' | 'issuer'>): Promise<void> {
  if (act === undefined) return;
  const principal = principalFrom(await facts(ctx.oidc.client.clientId));
  const { iss, sub, sub_profile: profile } = act;
  const inbound = { iss, sub, ...(profile === undefined ? {} : { sub_profile: profile }) };
  const issuance = issuanceOf(ctx);
  issuance.actorSource = principal.kind === 'agent' ? 'linked_agent' : 'continuation';
  issuance.actors = principal.kind === 'agent' ? { iss: issuer, sub: principal.id, sub_profile: 'ai_agent', act: inbound } : inbound;
}

interface Presented {
  readonly assertion: IdJag;
  readonly provider: TrustProvider;
  readonly keys: Keys;
  readonly asked: Asked;
}

/** A token for a person who is known by an identity assertion (draft ID-JAG, MCP Enterprise-Managed Authorization). */
export function personGrant(deps: GrantDeps): (ctx: Context, engine: Engine, jwt: string) => Promise<void> {
  const { trust, clock, audit, refuse, types } = deps;
  const orRefuse = orRefuseWith(refuse);

  /** Verifies what was presented and by whom; a DPoP proof is used up on the way. */
  const present = async (ctx: Context, { helpers }: Engine, jwt: string): Promise<Presented> => {
    const { clientId, clientAuthMethod } = ctx.oidc.client as { clientId: string; clientAuthMethod?: string };
    const caller: Asked = { clientId, agentId: (await deps.facts(clientId)).agent?.id };
    if (clientAuthMethod === undefined || clientAuthMethod === 'none') refuse(caller, unauthenticated);
    const keys = await proveKeys(ctx, helpers);
    const found = await trust.verify(jwt, { kind: 'identity_provider', typ: [ID_JAG_TYPE], now: clock.now() });
    if (!found.ok) return refuse({ ...caller, provider: found.provider, fault: found.fault }, refusalOf(found.fault, 'client'));
    const { provider, claims } = found;
    const { iss, sub } = claims;
    const assertion = orRefuse(await readIdJag(claims), { ...caller, provider, assertion: { iss, sub } });
    const asked: Asked = { ...caller, provider, assertion };
    if (assertion.clientId !== clientId) refuse(asked, otherClient);
    orRefuse(bindingFault({ claimed: assertion.jkt, proven: keys.dPoP?.thumbprint }), asked);
    return { assertion, provider, keys, asked };
  };
  /** The token that comes of it, or the first thing that stands against it. Reads; writes nothing. */
  const plan = async (ctx: Context, { helpers }: Engine, { assertion, provider, keys, asked }: Presented) => {
    const params = paramsOf(ctx);
    const target = { claimed: assertion.resources, allowed: provider.resources, requested: params['resource'] };
    const resource = orRefuse(targetOf(target), asked);
    const at = { ...asked, resource };
    const server = orRefuse(await serverOf(ctx, helpers, { resource, isOwn: await isOwnResource(deps, resource) }), at);
    const offered = (server.scope ?? '').split(' ');
    const scopes = orRefuse(scopesOf({ held: assertion.scopes, allowed: provider.scopes, offered, requested: params['scope'] }), at);
    const { authorizationDetailsTypes: clientTypes = [] } = ctx.oidc.client as { authorizationDetailsTypes?: readonly string[] };
    const wanted = { held: assertion.details, requested: params['authorization_details'], clientTypes, resource };
    const details = orRefuse(detailsOf(wanted, types), at);
    const person = orRefuse(await findPerson({ assertion, provider }, deps), at);
    const lifetimeSeconds = Math.min(server.accessTokenTTL ?? DEFAULT_LIFETIME_SECONDS, provider.maxTtlSeconds ?? Infinity);
    const { accountId } = person;
    const planned: Planned = { server, scopes, details, lifetimeSeconds, keys, accountId };
    return { planned, person, at: { ...at, accountId } };
  };
  const link = async ({ assertion, provider, asked }: Presented, { isNew, accountId }: FoundPerson) => {
    if (!isNew) return;
    if (!(await deps.links.insert(assertion, accountId))) {
      // somebody was linked at the same moment: it has to be the same person
      if ((await deps.links.find(assertion)) !== accountId) refuse(asked, otherPerson);
      return;
    }
    const { clientId } = asked;
    const actor = { kind: 'client', id: clientId } as const;
    await audit.record({ type: 'subject.linked', actor, clientId, subjectId: accountId, resource: provider.id });
  };
  return async (ctx, engine, jwt) => {
    const presented = await present(ctx, engine, jwt);
    const { planned, person, at } = await plan(ctx, engine, presented);
    await noteActors(ctx, presented.assertion, deps);
    const before = async () => {
      await link(presented, person);
      await useUp(deps, presented.assertion, at);
    };
    const tokenId = await issue(ctx, engine, { planned, before });
    await remember(deps, at, { subjectId: person.accountId, tokenId });
  };
}
