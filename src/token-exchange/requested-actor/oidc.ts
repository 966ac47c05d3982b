import type { Client, KoaContextWithOIDC, Provider } from 'oidc-provider';
import { errors } from 'oidc-provider';
import { hashOf, type IssuedToken, type OidcContribution } from '../../oidc/index.ts';
import { type Clock, secondsAfter } from '../../platform/clock.ts';
import type { FactsSource, PolicyService } from '../../policy/index.ts';
import { issuanceOf, type VerifiedToken } from '../../tokens/index.ts';
import { readActorToken } from '../actor-token.ts';
import type { ExchangeError } from '../refusal.ts';
import { actingTypes } from '../request.ts';
import type { RequestedActorStore } from './store.ts';

/** What the draft's two parameters stand on. */
export interface RequestedActorDeps {
  readonly issuer: string;
  readonly clock: Clock;
  readonly store: RequestedActorStore;
  readonly facts: FactsSource;
  readonly agents: { find(id: string): Promise<{ readonly status: string } | undefined> };
  readonly tokens: { verify(jwt: string): Promise<VerifiedToken | undefined> };
  readonly policy: Pick<PolicyService, 'refuse'>;
}

type Params = Readonly<Record<string, unknown>>;

const paramsOf = (ctx: KoaContextWithOIDC): Params => (ctx.oidc.params ?? {}) as Params;

/** Codes end long before. */
const KEPT_SECONDS = 600;
const ASKING_ROUTES: ReadonlySet<string> = new Set(['authorization', 'pushed_authorization_request']);
const LONGEST_TOKEN = 8_192;

/**
 * `requested_actor` of an authorization request (draft-oauth-ai-agents-on-behalf-of-user-02): an active agent, that of the client, or
 * any for an application that an administrator registered. Without `offline_access`: the actor proves itself for each token.
 */
async function checkRequested(about: { ctx: KoaContextWithOIDC; value: string; client: Client }, deps: RequestedActorDeps): Promise<void> {
  const { ctx, value, client } = about;
  if (!ASKING_ROUTES.has(ctx.oidc.route)) throw new errors.InvalidRequest('requested_actor belongs to an authorization request');
  const agent = /^agt_\w{1,64}$/.test(value) ? await deps.agents.find(value) : undefined;
  const { client: record, agent: own } = await deps.facts(client.clientId);
  const mayName = own === undefined ? record?.purpose === 'application' && record.kind === 'admin' : own.id === value;
  // one answer for all of it: who is an agent here is nobody's to find out
  if (agent?.status !== 'active' || !mayName) throw new errors.AccessDenied('the requested actor cannot act through this client');
  if (ctx.oidc.requestParamScopes.has('offline_access'))
    throw new errors.InvalidScope('a requested actor is not combined with offline_access', 'offline_access');
}

interface CodeSource {
  readonly jti: string;
  readonly acr?: string;
  readonly authTime?: number;
}

/** The thumbprints a token on its way out is bound to: what this request proved. */
function proofOf(token: IssuedToken) {
  const { jkt, 'x5t#S256': x5t } = token as unknown as { jkt?: string; 'x5t#S256'?: string };
  return { ...(jkt === undefined ? {} : { jkt }), ...(x5t === undefined ? {} : { 'x5t#S256': x5t }) };
}

/**
 * The actor token at the token endpoint must be one of the very agent that the person agreed to. Whoever sends it need not be the
 * agent: it was handed to the application for this; but one that is bound to a key is taken only with a proof of that key.
 */
function actorFault(verified: VerifiedToken | undefined, about: { agentId: string; token: IssuedToken }): string | undefined {
  if (verified === undefined) return 'the actor token is not a live access token of this server';
  const read = readActorToken(verified, { clientId: verified.record.clientId, proof: proofOf(about.token) });
  if (!read.ok) return read.refusal.description;
  if (!read.value.isHeldByClient) return 'the key that the actor token is bound to was not proven';
  return read.value.actor.sub === about.agentId ? undefined : 'the actor token is not one of the requested actor';
}

/** Both ends of the draft: the actor is named and agreed to at the authorization endpoint, and proves itself at the token endpoint. */
export function requestedActorOidc(deps: RequestedActorDeps): OidcContribution {
  const { store, clock, tokens, policy, issuer } = deps;
  const refuse = (ctx: KoaContextWithOIDC, error: ExchangeError, reason: string): never =>
    policy.refuse({
      ...{ rule: 'requested-actor', error, reason, remedy: 'Send a live access token of the agent that the person agreed to.' },
      clientId: ctx.oidc.client?.clientId ?? '',
      action: 'issue_token',
      input: { grant_type: 'authorization_code' },
    });
  const bind = async (ctx: KoaContextWithOIDC, next: () => Promise<unknown>) => {
    await next();
    const { requested_actor: agentId } = (ctx.oidc as KoaContextWithOIDC['oidc'] | undefined) === undefined ? {} : paramsOf(ctx);
    if (typeof agentId !== 'string') return;
    const { AuthorizationCode: code, Client: client } = ctx.oidc.entities;
    if (code === undefined || client === undefined) return;
    const expiresAt = secondsAfter(clock.now(), KEPT_SECONDS);
    await store.insert({ codeHash: hashOf((code as unknown as CodeSource).jti), clientId: client.clientId, agentId, expiresAt });
  };
  return {
    extraParams: {
      async requested_actor(ctx, value, client) {
        if (value !== undefined) await checkRequested({ ctx, value, client }, deps);
      },
    },
    tokenParameters: ['actor_token', 'actor_token_type'],
    patch: (provider: Provider) => void provider.use(bind as never),
    async tokenPolicy(ctx, token) {
      const { grant_type: grantType, actor_token: jwt, actor_token_type: type } = paramsOf(ctx);
      const code = ctx.oidc.entities.AuthorizationCode as unknown as CodeSource | undefined;
      if (grantType !== 'authorization_code' || code === undefined) return;
      const named = await store.find(hashOf(code.jti));
      const isSent = typeof jwt === 'string' && jwt !== '';
      if (named === undefined) return isSent ? refuse(ctx, 'invalid_request', 'The code names no actor.') : undefined;
      if (!isSent || jwt.length > LONGEST_TOKEN) return refuse(ctx, 'invalid_request', 'The parameter actor_token is missing.');
      if (type !== undefined && !actingTypes.some((one) => one === type))
        return refuse(ctx, 'invalid_request', 'This actor_token_type is not supported.');
      const fault = actorFault(await tokens.verify(jwt), { agentId: named.agentId, token });
      if (fault !== undefined || named.clientId !== ctx.oidc.client?.clientId)
        return refuse(ctx, 'invalid_grant', `${(fault ?? 'the code').replace(/^./, (letter) => letter.toUpperCase())}.`);
      const { accountId } = token as unknown as { accountId: string };
      const actors = { iss: issuer, sub: named.agentId, sub_profile: 'ai_agent' };
      Object.assign(issuanceOf(ctx), {
        subject: accountId,
        subjectProfile: 'user',
        actors,
        agentId: named.agentId,
        actorSource: 'actor_token',
      });
    },
  };
}
