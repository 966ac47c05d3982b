import { errors } from 'oidc-provider';
import { type GrantTypeContribution, Refusal as EngineRefusal } from '../oidc/index.ts';
import { takeApart } from '../trust/index.ts';
import type { Engine, GrantDeps } from './grant-steps.ts';
import { ID_JAG_TYPE } from './id-jag.ts';
import { type Context, paramsOf } from './issue.ts';
import { personGrant } from './person-grant.ts';
import type { Refusal } from './refusal.ts';
import { refusalOf } from './refusing.ts';
import type { WorkloadDoor } from './workload-door.ts';
import { workloadGrant } from './workload-grant.ts';

/** Entra's way to ask for a token exchange; an identity assertion is none, whatever stands beside it (R25). */
function isOnBehalfOf(ctx: Context): boolean {
  const { requested_token_use: use, assertion } = paramsOf(ctx);
  return use === 'on_behalf_of' && (typeof assertion !== 'string' || takeApart(assertion)?.header.typ !== ID_JAG_TYPE);
}

const missing: Refusal = { error: 'invalid_request', rule: 'assertion-missing', reason: 'The parameter assertion is missing.' };

/**
 * The jwt-bearer grant (RFC 7523 §2.1): the header's `typ` says which profile, letter by letter, and there is no other (R25).
 * `door`: what let requests without a client in; undefined when they are not taken.
 */
export function jwtBearerGrant(
  deps: GrantDeps & { readonly door: WorkloadDoor | undefined; readonly onBehalfOf: GrantTypeContribution['handler'] },
): GrantTypeContribution {
  const { audit, refuse, door, onBehalfOf } = deps;
  const forPerson = personGrant(deps);
  const forWorkload = workloadGrant(deps);

  const dispatch = async (ctx: Context, engine: Engine): Promise<void> => {
    const verified = door?.verifiedFor(ctx.req);
    if (verified !== undefined) return forWorkload(ctx, engine, verified);
    const { clientId } = ctx.oidc.client;
    const { assertion } = paramsOf(ctx);
    if (typeof assertion !== 'string' || assertion === '') return refuse({ clientId }, missing);
    if (takeApart(assertion)?.header.typ !== ID_JAG_TYPE) {
      return refuse({ clientId, fault: 'wrong_type' }, refusalOf('wrong_type', 'client'));
    }
    return forPerson(ctx, engine, assertion);
  };
  return {
    parameters: ['assertion', 'requested_token_use', 'resource', 'audience', 'scope', 'authorization_details', 'delegation_request'],
    duplicates: ['resource', 'audience'],
    async handler(ctx, helpers, provider) {
      if (isOnBehalfOf(ctx)) return onBehalfOf(ctx, helpers, provider);
      try {
        await dispatch(ctx, { helpers, provider });
      } catch (error) {
        // what the engine itself refuses (unknown resource, bad proof) is recorded here; our own refusals record themselves
        if (error instanceof errors.OIDCProviderError && !(error instanceof EngineRefusal)) {
          const { clientId } = ctx.oidc.client;
          const actor = { kind: 'client', id: clientId } as const;
          await audit.record({ type: 'token.refused', actor, clientId, outcome: 'refused', cause: error.error });
        }
        throw error;
      }
    },
  };
}
