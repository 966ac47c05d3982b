import type { Provider, TokenEndpointGrantContext } from 'oidc-provider';
import type { AuditRecorder } from '../audit/index.ts';
import type { AuthorizationDetail } from '../authorization-details/index.ts';
import type { GrantHelpers, IssuedToken } from '../oidc/index.ts';
import { issuanceOf } from '../tokens/index.ts';
import type { ExchangeDeps, ExchangeResult } from './exchange.ts';
import { accept, type Outcome, refuse } from './refusal.ts';
import { TOKEN_EXCHANGE, type TokenType } from './request.ts';

type Context = TokenEndpointGrantContext;
/** The resource server of a token, as the engine knows it. */
export type ResourceServer = NonNullable<IssuedToken['resourceServer']>;

/** Keys this request proved (RFC 9449 §5, RFC 8705 §3); a proof is used up whether the exchange succeeds or not. */
export async function proveKeys(ctx: Context, helpers: GrantHelpers) {
  const dPoP = await helpers.validateDpop(ctx);
  helpers.checkDpopRequired(ctx, dPoP);
  const certificate = helpers.checkMtlsCert(ctx);
  await helpers.checkDpopReplay(ctx, dPoP, ctx.oidc.client.clientId);
  return { dPoP, certificate };
}

/** What a request proved. */
export type Keys = Awaited<ReturnType<typeof proveKeys>>;

/** Tells the ledger and the policy who the token speaks as, and what it is made from. */
export function fillNotes(ctx: Context, result: ExchangeResult, resource: string): void {
  const { subject, chain, actorSource, maxActors, hidden, basis, delegationId } = result;
  const issuance = issuanceOf(ctx);
  issuance.maxActors = maxActors;
  issuance.subject = subject.sub;
  issuance.subjectProfile = subject.profile;
  if (subject.jti !== undefined) issuance.parentJti = subject.jti;
  issuance.actorSource = actorSource;
  issuance.basis = basis;
  if (delegationId !== undefined) issuance.delegationId = delegationId;
  const named = chain === undefined ? (subject.profile === 'ai_agent' ? subject.sub : undefined) : agentOf(chain);
  const agentId = hidden === undefined ? named : agentOf(hidden.actor);
  if (chain !== undefined) issuance.actors = chain;
  if (agentId !== undefined) issuance.agentId = agentId;
  issuance.notAfter = new Date(subject.expiresAt * 1000);
  if (subject.acr !== undefined) issuance.acr = subject.acr;
  if (subject.authTime !== undefined) issuance.authTime = subject.authTime;
  // what a person approved, they approved at that resource: elsewhere the claim would say too much
  if (subject.approval !== undefined && subject.resource === resource) issuance.approval = subject.approval;
}

function agentOf({ sub, sub_profile: profile }: { readonly sub: string; readonly sub_profile?: string }): string | undefined {
  return profile === 'ai_agent' ? sub : undefined;
}

function newToken(ctx: Context, provider: Provider, about: Pick<Issue, 'result' | 'server'>): IssuedToken {
  const { client } = ctx.oidc;
  const { subject, scopes, lifetimeSeconds } = about.result;
  const { accountId } = subject;
  const token: IssuedToken =
    accountId === undefined
      ? new provider.ClientCredentials({ client } as ConstructorParameters<Provider['ClientCredentials']>[0])
      : new provider.AccessToken({ client, accountId, gty: TOKEN_EXCHANGE } as ConstructorParameters<Provider['AccessToken']>[0]);
  Object.assign(token, { resourceServer: about.server, expiresIn: lifetimeSeconds });
  if (scopes.length > 0) token.scope = scopes.join(' ');
  return token;
}

/** What is issued. */
export interface Issue {
  readonly result: ExchangeResult;
  readonly server: ResourceServer;
  readonly keys: Keys;
  readonly requestedType: TokenType;
  /** The last writes before the token, in its transaction. */
  readonly before: () => Promise<void>;
}

/**
 * Lets the token policy judge, stores the token, which stamps its claims and writes its ledger row, and answers (RFC 8693 §2.2.1).
 * Returns the id of the token.
 */
export async function issue(
  ctx: Context,
  { helpers, provider }: { readonly helpers: GrantHelpers; readonly provider: Provider },
  about: Issue,
): Promise<string> {
  const token = newToken(ctx, provider, about);
  const { dPoP, certificate } = about.keys;
  if (certificate !== undefined) token.setThumbprint('x5t', certificate);
  if (dPoP !== undefined) token.setThumbprint('jkt', dPoP.thumbprint);
  const { details } = about.result;
  await helpers.applyAuthorizationDetails(ctx, token, details.length === 0 ? undefined : { rar: details });
  await about.before();
  ctx.oidc.entity(token.kind, token);
  const accessToken = await token.save();
  ctx.body = helpers.buildTokenResponse({
    accessToken,
    issuedTokenType: about.requestedType,
    tokenType: token.tokenType,
    expiresIn: token.expiration,
    scope: token.scope ?? '',
    authorizationDetails: (token as { rar?: readonly AuthorizationDetail[] }).rar as never,
  });
  return (token as { jti?: string }).jti ?? '';
}

/**
 * What is used up and kept with the token: the name of a foreign token or of a platform's credential, and who somebody is here. Two
 * requests with one token: the second waits here and is refused (`invalid_grant`).
 */
export async function useUp(
  { subject: { foreign, sub }, credential }: ExchangeResult,
  { trust, people }: Pick<ExchangeDeps, 'trust' | 'people'>,
): Promise<Outcome<undefined>> {
  if (credential !== undefined && !(await trust.useUp(credential)))
    return refuse('invalid_grant', 'the actor token was used before, or its issuer is trusted no more');
  if (foreign === undefined) return accept(undefined);
  if (foreign.isNew && !(await people.link(foreign.person, sub)))
    return refuse('invalid_grant', 'the person of the subject token was found by two addresses at once');
  return (await trust.useUp({ ...foreign.name, providerId: foreign.providerId }))
    ? accept(undefined)
    : refuse('invalid_grant', 'the subject token was used before, or its issuer is trusted no more');
}

/** What an auditor finds beside `token.issued`: on whose word it was, and who acts without being named. */
export async function remember(
  { audit }: { readonly audit: AuditRecorder },
  { subject, hidden }: ExchangeResult,
  about: { readonly clientId: string; readonly resource: string; readonly tokenId: string },
): Promise<void> {
  const { clientId, tokenId, resource } = about;
  const { sub, foreign } = subject;
  const by = { kind: 'client', id: clientId } as const;
  const told = { actor: by, clientId, subjectId: sub, tokenId, outcome: 'permitted' } as const;
  if (foreign !== undefined) {
    if (foreign.isNew) await audit.record({ type: 'subject.linked', actor: by, clientId, subjectId: sub, resource: foreign.providerId });
    await audit.record({ type: 'assertion.accepted', ...told, resource: foreign.providerId });
  }
  if (hidden === undefined) return;
  const { actor, delegationId } = hidden;
  await audit.record({ type: 'token.impersonated', ...told, agentId: actor.sub, resource, cause: delegationId });
}
