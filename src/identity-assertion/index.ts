/**
 * Tokens on the word of somebody who is trusted (RFC 7521, RFC 7523): a person whom the identity provider of their company names
 * (ID-JAG, MCP Enterprise-Managed Authorization), a workload that its platform names (MCP SEP-1933, behind a flag). Owns the
 * jwt-bearer grant and who at an identity provider is who here. Whom to trust, and for what, is trust's; what a client, agent or
 * person may have is policy's. Nobody calls it but the engine, and app.ts when an account or a trust provider is gone.
 */
import type { AuditRecorder } from '../audit/index.ts';
import type { DetailTypes } from '../authorization-details/index.ts';
import type { Capability } from '../capability.ts';
import { type GrantTypeContribution, issuerOf } from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Draft } from '../platform/config.ts';
import type { Db } from '../platform/db/db.ts';
import type { FactsSource, PolicyService } from '../policy/index.ts';
import type { Trust } from '../trust/index.ts';
import { jwtBearerGrant } from './grant.ts';
import { ID_JAG_PROFILE } from './id-jag.ts';
import { JWT_BEARER } from './issue.ts';
import { createNamedPeople, type NamedPeople, type People } from './person.ts';
import { createRefusals } from './refusing.ts';
import { createLinkStore } from './store.ts';
import { createWorkloadDoor } from './workload-door.ts';

/** The grant, and what ends with people and providers. */
export interface IdentityAssertion {
  /** An account is gone: nobody is linked to it any more. Joins the transaction under way. */
  forgetAccount(accountId: string): Promise<void>;
  /** An identity provider is trusted no more: whom it named is forgotten. Joins the transaction under way. */
  forgetIssuer(issuer: string): Promise<void>;
  /** Who somebody of a trusted issuer is here (security rule R25), for tokens that are exchanged. */
  readonly people: NamedPeople;
  readonly capability: Capability;
}

/** What the flow stands on, wired in app.ts. */
export interface IdentityAssertionDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly issuer: URL;
  readonly audit: AuditRecorder;
  readonly trust: Pick<Trust, 'verify' | 'useUp'>;
  readonly types: DetailTypes;
  readonly policy: Pick<PolicyService, 'refuse'> & { readonly facts: FactsSource };
  readonly resources: { findByIdentifier(uri: string): Promise<object | undefined> };
  readonly accounts: People;
  /** An on-behalf-of request, as token exchange answers it (`tokenExchange.onBehalfOf`). */
  readonly onBehalfOf: GrantTypeContribution['handler'];
  /** `mcp-sep-1933`: workloads without a client are let in. */
  readonly drafts: readonly Draft[];
}

/** Builds the capability. */
export function createIdentityAssertion(deps: IdentityAssertionDeps): IdentityAssertion {
  const { db, policy, accounts, drafts } = deps;
  const links = createLinkStore(deps);
  const refuse = createRefusals(deps);
  const door = drafts.includes('mcp-sep-1933') ? createWorkloadDoor({ ...deps, refuse, transaction: db.transaction }) : undefined;
  const grant = jwtBearerGrant({ ...deps, issuer: issuerOf(deps.issuer), facts: policy.facts, people: accounts, links, refuse, door });
  return {
    forgetAccount: links.removeOf,
    forgetIssuer: links.removeOfIssuer,
    people: createNamedPeople({ links, people: accounts }),
    capability: {
      name: 'identity-assertion',
      oidc: {
        grantTypes: { [JWT_BEARER]: grant },
        grantProfiles: [ID_JAG_PROFILE],
        ...(door === undefined ? {} : { patch: (provider) => void provider.use(door.front as never) }),
      },
    },
  };
}
