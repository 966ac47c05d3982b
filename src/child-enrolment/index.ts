/**
 * How an agent enrols agents below itself. Owns the grant by which it asks for an initial access token of its own, and how far a
 * child's registration may go. The registration itself (RFC 7591), the records of agents and the room below them, and the rule that
 * a child never has more than its parent are elsewhere: client-registration, agents and policy. Nobody calls it but the engine.
 */
import type { Capability } from '../capability.ts';
import { CHILD_ENROLMENT, type ChildGrantDeps, childEnrolmentGrant } from './grant.ts';

export type { ChildGrantDeps } from './grant.ts';

/** Builds the capability. */
export function createChildEnrolment(deps: ChildGrantDeps): { readonly capability: Capability } {
  return {
    capability: { name: 'child-enrolment', oidc: { grantTypes: { [CHILD_ENROLMENT]: childEnrolmentGrant(deps) } } },
  };
}
