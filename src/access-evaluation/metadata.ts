import { OBLIGATION_TYPES } from './present.ts';

/** Where the interface lies below the issuer (AuthZEN 1.0 §10.1, default paths). */
export const PATHS = {
  evaluation: '/access/v1/evaluation',
  evaluations: '/access/v1/evaluations',
  subjects: '/access/v1/search/subject',
  resources: '/access/v1/search/resource',
  actions: '/access/v1/search/action',
} as const;

/** Where the metadata lies; with an issuer path in front of it as well (platform/http/issuer-path.ts). */
export const METADATA_PATH = '/.well-known/authzen-configuration';

/** The metadata of the policy decision point, whose identifier is the issuer (AuthZEN 1.0 §9.1). */
export function metadataOf(issuer: string): Readonly<Record<string, unknown>> {
  return {
    policy_decision_point: issuer,
    access_evaluation_endpoint: `${issuer}${PATHS.evaluation}`,
    access_evaluations_endpoint: `${issuer}${PATHS.evaluations}`,
    search_subject_endpoint: `${issuer}${PATHS.subjects}`,
    search_resource_endpoint: `${issuer}${PATHS.resources}`,
    search_action_endpoint: `${issuer}${PATHS.actions}`,
    // Obligations Profile, metadata; no capability of the IANA registry is there to be named
    supported_obligations: OBLIGATION_TYPES,
  };
}
