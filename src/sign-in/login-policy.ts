import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { isAtLeast } from '../accounts/index.ts';
import { readNeeded } from './needed-acr.ts';

const { base, Check } = interactionPolicy;

/** A session outlives its account by moments: whoever was shut out is asked to sign in as a stranger is. */
function accountIsGone(ctx: KoaContextWithOIDC): boolean {
  return ctx.oidc.session?.accountId !== undefined && ctx.oidc.account === undefined;
}

/** A voluntary class is asked for once; an essential one until it is reached (OpenID Connect Core §5.5.1.1). */
function classIsMissing(ctx: KoaContextWithOIDC): boolean {
  const needed = readNeeded(ctx.oidc.claims.id_token?.['acr']);
  if (needed === undefined || isAtLeast(ctx.oidc.acr ?? '', needed.acr)) return false;
  return needed.isEssential || ctx.oidc.result?.login === undefined;
}

/** A resource server that has no scopes is granted as it is: the engine, which compares scopes, would find nothing to ask. */
function resourceIsMissing(ctx: KoaContextWithOIDC): boolean {
  const { grant, resourceServers = {} } = ctx.oidc as unknown as {
    readonly grant?: { readonly resources?: Readonly<Record<string, string>> };
    readonly resourceServers?: Readonly<Record<string, { readonly scope: string }>>;
  };
  return Object.entries(resourceServers).some(([uri, { scope }]) => scope === '' && grant?.resources?.[uri] === undefined);
}

/**
 * Somebody else would act through this client (`requested_actor`): a grant says only what the client may, so the person is asked each
 * time who it is.
 */
function actorIsNew(ctx: KoaContextWithOIDC): boolean {
  const { requested_actor: actor } = (ctx.oidc.params ?? {}) as { readonly requested_actor?: unknown };
  return actor !== undefined && ctx.oidc.result?.consent === undefined;
}

/** When a person has to do something before a client is answered: the engine's rules, with our scale of sign-in classes. */
export function loginPolicy() {
  const policy = base();
  const login = policy.get('login');
  if (login === undefined) throw new Error('The engine has no login prompt');
  // the engine compares classes by name; a stronger one than asked for is as good
  login.checks.remove('essential_acr');
  login.checks.remove('essential_acrs');
  policy.get('consent')?.checks.add(new Check('resource_missing', 'the resource was not granted', resourceIsMissing));
  policy.get('consent')?.checks.add(new Check('actor_new', 'the actor was not agreed to', actorIsNew));
  login.checks.add(new Check('account_gone', 'the account cannot sign in any more', accountIsGone));
  login.checks.add(
    new Check('acr_not_reached', 'a stronger sign-in is asked for', classIsMissing, (ctx) => ({
      neededAcr: readNeeded(ctx.oidc.claims.id_token?.['acr']),
    })),
  );
  return policy;
}
