import type { TokenEndpointGrantContext } from 'oidc-provider';
import type { ExchangeHandler } from './grant.ts';
import { accept, type Outcome, type Refusal, refuse } from './refusal.ts';
import type { createRefusals } from './refusing.ts';
import { TOKEN_EXCHANGE, tokenTypes } from './request.ts';

/** Scopes that speak of the person: those clients always send some, and an exchange gives none of them. */
const IDENTITY_SCOPES: ReadonlySet<string> = new Set(['openid', 'profile', 'email', 'offline_access']);
const DEFAULT_SCOPE = '.default';

type Parameters = Readonly<Record<string, unknown>>;

/** `https://api.example/read`: the scope after the last slash, at the resource before it. */
function splitScope(scope: string): { readonly resource: string | undefined; readonly name: string } {
  const at = scope.lastIndexOf('/');
  return at <= 0 || !scope.includes('://')
    ? { resource: undefined, name: scope }
    : { resource: scope.slice(0, at), name: scope.slice(at + 1) };
}

/** The target that the scopes name, and what is left of them; `.default` stands for everything that is held. */
function readScopes(scope: unknown): Outcome<{ readonly resources: readonly string[]; readonly scope: string | undefined }> {
  if (scope === undefined || scope === '') return accept({ resources: [], scope: undefined });
  if (typeof scope !== 'string') return refuse('invalid_request', 'scope must be sent once');
  const parts = scope
    .split(' ')
    .filter((word) => word !== '' && !IDENTITY_SCOPES.has(word))
    .map(splitScope);
  const resources = [...new Set(parts.flatMap(({ resource }) => (resource === undefined ? [] : [resource])))];
  const names = parts.map(({ name }) => name).filter((name) => name !== DEFAULT_SCOPE && name !== '');
  return accept({ resources, scope: names.length === 0 || names.length < parts.length ? undefined : names.join(' ') });
}

/**
 * An on-behalf-of request (Entra: RFC 7523 §2.1 with `requested_token_use`) in the words of RFC 8693 §2.1: the assertion is the
 * subject token, and where no `resource` or `audience` is named, the scopes name it as `<resource>/<scope>`. Refusals:
 * `invalid_request`, `invalid_target` when the scopes name two resources.
 */
export function asExchange(parameters: Parameters): Outcome<Record<string, unknown>> {
  const { assertion, resource, audience, authorization_details: details, delegation_request: reason } = parameters;
  if (typeof assertion !== 'string' || assertion === '') return refuse('invalid_request', 'The parameter assertion is missing');
  const scopes = readScopes(parameters['scope']);
  if (!scopes.ok) return scopes;
  if (scopes.value.resources.length > 1) return refuse('invalid_target', 'the scopes belong to more than one resource');
  const [named] = scopes.value.resources;
  const isOpen = [resource, audience].every((value) => value === undefined || value === '');
  return accept({
    grant_type: TOKEN_EXCHANGE,
    subject_token: assertion,
    subject_token_type: tokenTypes.accessToken,
    // a target in the scopes has to agree with one that is named: two are refused like any two
    resource:
      named === undefined ? resource : isOpen ? named : [resource, named].flat().filter((value) => value !== undefined && value !== ''),
    audience,
    scope: scopes.value.scope,
    authorization_details: details,
    delegation_request: reason,
  });
}

/** The same answer to the same question: translates, then lets the exchange decide. A client needs token exchange among its grants. */
export function onBehalfOfHandler(exchange: ExchangeHandler, { malformed }: ReturnType<typeof createRefusals>): ExchangeHandler {
  return async (ctx: TokenEndpointGrantContext, helpers, provider) => {
    const { client } = ctx.oidc;
    const translated = asExchange((ctx.oidc.params ?? {}) as Parameters);
    const stop = (refusal: Refusal): never => malformed(client.clientId, refusal);
    if (!client.grantTypeAllowed(TOKEN_EXCHANGE))
      stop({ error: 'unauthorized_client', description: 'the client is not registered for token exchange' });
    const parameters = translated.ok ? translated.value : stop(translated.refusal);
    Object.assign(ctx.oidc.params ?? {}, { assertion: undefined, requested_token_use: undefined, ...parameters });
    await exchange(ctx, helpers, provider);
  };
}
