import type { AuditRecorder } from '../audit/index.ts';
import { refuse } from '../oidc/index.ts';
import type { Db } from '../platform/db/db.ts';
import type { PolicyService } from '../policy/index.ts';
import { actorsOf } from './act-chain.ts';
import type { SubjectToken } from './presented-token.ts';
import type { ExchangeError, Refusal } from './refusal.ts';
import { TOKEN_EXCHANGE } from './request.ts';

/** The parts of one request that a refusal is recorded with. */
export interface Asked {
  readonly clientId: string;
  readonly agentId?: string | undefined;
  readonly resource?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly subject?: SubjectToken | undefined;
  /** Further members of the answer. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** The smallest change that would allow what was refused. */
const REMEDIES: Readonly<Record<ExchangeError, string>> = {
  invalid_request: 'Present a live access token of this server.',
  invalid_grant: 'Present a live token that this client holds.',
  invalid_scope: 'Ask only for scopes that the subject token holds.',
  invalid_target: 'Ask for the resource of the subject token, or for one that its grant covers.',
  invalid_authorization_details: 'Ask for authorization details inside those of the subject token.',
  unauthorized_client: 'Use a client that authenticates and is linked to an active agent.',
  actor_unauthorized: 'An administrator can record a delegation between the two agents, and delegation_request asks for it.',
};

/** Refusals of RFC 8693: malformed ones are told and audited; those by a rule are decisions with an id. */
export function createRefusals(deps: { readonly db: Db; readonly audit: AuditRecorder; readonly policy: Pick<PolicyService, 'refuse'> }) {
  const malformed = (clientId: string, { error, description }: Refusal): never =>
    refuse(deps.db, {
      error,
      description,
      record: () =>
        deps.audit.record({
          type: 'token.refused',
          actor: { kind: 'client', id: clientId },
          clientId,
          outcome: 'refused',
          cause: error,
          remedy: description,
        }),
    });
  const byRule = (asked: Asked, { error, description, about }: Refusal): never => {
    const { clientId, agentId, resource, scopes, subject, extra } = asked;
    const chain = actorsOf(subject?.chain).map(({ iss, sub }) => ({ iss, sub }));
    const provider = subject?.foreign === undefined ? {} : { trust_provider: subject.foreign.providerId };
    return deps.policy.refuse({
      rule: `exchange-${error.replaceAll('_', '-')}`,
      error,
      reason: `${description.charAt(0).toUpperCase()}${description.slice(1).replace(/\.$/, '')}.`,
      remedy: REMEDIES[error],
      clientId,
      agentId,
      subjectId: subject?.sub,
      resource,
      action: 'issue_token',
      input: {
        grant_type: TOKEN_EXCHANGE,
        scope: scopes?.join(' ') ?? null,
        actors: chain,
        parent: subject?.jti ?? null,
        ...provider,
        ...about,
      },
      ...(extra === undefined ? {} : { extra }),
    });
  };
  return { malformed, byRule };
}
