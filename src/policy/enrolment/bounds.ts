import type { IssuedToken } from '../../oidc/index.ts';
import type { Issuance } from '../../tokens/index.ts';
import type { PrincipalFacts } from '../principal.ts';
import type { PolicyService } from '../service.ts';
import type { EnrolmentSettingService } from './service.ts';
import { type EnrolmentChoice, isBeyond } from './setting.ts';

/** A resource server, as far as the risk of its scopes goes. */
export interface RiskyResource {
  /** Set for a resource of this server itself. */
  readonly own?: string;
  readonly scopes: readonly { readonly name: string; readonly risk: EnrolmentChoice['selfServiceRisk'] }[];
}

/** What it stands on. */
export interface SelfServiceBoundsDeps {
  readonly service: Pick<PolicyService, 'refuse'>;
  readonly resources: { findByIdentifier(uri: string): Promise<RiskyResource | undefined> };
  readonly enrolment: Pick<EnrolmentSettingService, 'choice'>;
}

/** Takes from a token what a person's yes alone does not give; refuses it when nothing is left. */
export type SelfServiceBounds = (token: IssuedToken, about: { facts: PrincipalFacts; issuance: Issuance }) => Promise<void>;

const REMEDY = 'An administrator can adopt the software, or let people allow more by themselves.';

/**
 * Software that people let in by themselves stays below the risk that the setting names (security rule R5): what is above it is
 * left out of the token, as RFC 6749 §3.3 lets a server do. The setting is only asked where the token holds such a scope.
 */
export function createSelfServiceBounds({ service, resources, enrolment }: SelfServiceBoundsDeps): SelfServiceBounds {
  return async (token, { facts: { client, agent }, issuance }) => {
    if (agent?.isSelfService !== true) return;
    const { aud, rar } = token as unknown as { aud?: string; rar?: readonly unknown[] };
    const scopes = (token.scope ?? '').split(' ').filter((scope) => scope !== '');
    const known = aud === undefined ? undefined : (await resources.findByIdentifier(aud))?.scopes;
    const riskOf = (scope: string) => known?.find(({ name }) => name === scope)?.risk ?? 'high';
    const hasDetails = rar !== undefined && rar.length > 0;
    if (known === undefined || (!hasDetails && scopes.every((scope) => riskOf(scope) === 'low'))) return;
    const { selfServiceRisk: most } = await enrolment.choice();
    const kept = scopes.filter((scope) => !isBeyond(riskOf(scope), most));
    const isEmptied = scopes.length > 0 && kept.length === 0;
    if (!isEmptied && !(hasDetails && most === 'low')) {
      if (kept.length < scopes.length) token.scope = kept.join(' ');
      return;
    }
    const what = isEmptied ? 'any of these scopes' : 'authorization details';
    service.refuse({
      rule: 'self-service-risk',
      error: isEmptied ? 'invalid_scope' : 'invalid_authorization_details',
      reason: `A person alone does not give software that nobody here adopted ${what}.`,
      remedy: REMEDY,
      clientId: client?.id ?? '',
      agentId: agent.id,
      subjectId: issuance.subject,
      resource: aud,
      action: 'issue_token',
      input: { scope: scopes.join(' '), most },
    });
  };
}
