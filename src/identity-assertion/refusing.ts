import type { AuditRecorder } from '../audit/index.ts';
import type { PolicyService } from '../policy/index.ts';
import { faultWords, type TrustFault, type TrustProvider } from '../trust/index.ts';
import { JWT_BEARER } from './issue.ts';
import type { AssertionError, Refusal } from './refusal.ts';

/** What is known of a request when it is refused; nothing of it is a bearer value. */
export interface Asked {
  readonly clientId: string;
  readonly agentId?: string | undefined;
  readonly accountId?: string | undefined;
  readonly resource?: string | undefined;
  readonly provider?: TrustProvider | undefined;
  /** Whom and which assertion it was about, as it said itself. */
  readonly assertion?: { readonly iss: string; readonly sub?: string | undefined; readonly tenant?: string | undefined } | undefined;
  readonly fault?: TrustFault | undefined;
}

/** The smallest change that would allow what was refused. */
const REMEDIES: Readonly<Record<AssertionError, string>> = {
  invalid_request: 'Send one assertion.',
  invalid_grant: 'Ask the issuer for a new assertion, or an administrator here why this one is not taken.',
  invalid_scope: 'Ask only for scopes that the assertion holds.',
  invalid_target: 'Ask for a resource of the assertion.',
  invalid_authorization_details: 'Ask only for details inside those of the assertion.',
  unauthorized_client: 'Use a client that authenticates and is linked to an active agent.',
};

/** What a caller may learn of a fault; the others would tell whom this server trusts (draft ID-JAG: never publish the list). */
const TOLD: ReadonlySet<TrustFault> = new Set(['wrong_type', 'expired', 'not_yet_valid', 'lifetime', 'audience', 'malformed']);

/** A fault as a refusal: in words to a client that proved itself, and to everybody else only that it is one. */
export function refusalOf(fault: TrustFault, listener: 'client' | 'anybody'): Refusal {
  const isTold = listener === 'client' && TOLD.has(fault);
  const reason = isTold ? `The assertion is not accepted: ${faultWords(fault)}.` : 'The assertion is not accepted here.';
  return { error: 'invalid_grant', rule: `assertion-${isTold ? fault.replaceAll('_', '-') : 'not-accepted'}`, reason };
}

/** Ends requests with a decision that an administrator can read, and an event for the page of the provider. */
export function createRefusals(deps: { readonly policy: Pick<PolicyService, 'refuse'>; readonly audit: AuditRecorder }) {
  return (asked: Asked, { error, rule, reason }: Refusal): never => {
    const { clientId, agentId, accountId, resource, provider, assertion, fault } = asked;
    const actor = { kind: 'client', id: clientId } as const;
    const cause = fault ?? rule;
    const about = { ...(provider === undefined ? {} : { resource: provider.id }), ...(agentId === undefined ? {} : { agentId }) };
    return deps.policy.refuse({
      ...{ rule, error, reason, clientId, agentId, resource },
      remedy: REMEDIES[error],
      subjectId: accountId,
      action: 'issue_token',
      input: {
        grant_type: JWT_BEARER,
        trust_provider: provider?.id ?? null,
        fault: fault ?? null,
        ...{ iss: assertion?.iss ?? null, sub: assertion?.sub ?? null, tenant: assertion?.tenant ?? null },
      },
      also: () => deps.audit.record({ type: 'assertion.refused', actor, clientId, ...about, outcome: 'refused', cause }),
    });
  };
}
