/** Grant types by the names they have in client metadata (RFC 7591 §2). */
export const GRANT = {
  code: 'authorization_code',
  refresh: 'refresh_token',
  clientCredentials: 'client_credentials',
  ciba: 'urn:openid:params:grant-type:ciba',
  exchange: 'urn:ietf:params:oauth:grant-type:token-exchange',
  device: 'urn:ietf:params:oauth:grant-type:device_code',
  jwtBearer: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
  /** Of this server: an agent asks for the token by which one below it registers. */
  childEnrolment: 'urn:behalf:params:oauth:grant-type:child-enrolment',
} as const;

/** What software that registers by itself may have unless its initial access token says otherwise; the device grant is not there. */
export const SELF_REGISTERED_GRANTS: readonly string[] = [GRANT.code, GRANT.refresh, GRANT.clientCredentials, GRANT.ciba, GRANT.exchange];

/** Every grant type a client can have. */
export const ALL_GRANTS: readonly string[] = Object.values(GRANT);

const NEEDS_AUTHENTICATION: ReadonlySet<string> = new Set([
  ...[GRANT.clientCredentials, GRANT.ciba, GRANT.exchange, GRANT.jwtBearer, GRANT.childEnrolment],
]);

/** Whether a grant is only for clients that prove who they are (security rule R4, OAuth 2.1 §4.2). */
export function needsAuthentication(grantType: string): boolean {
  return NEEDS_AUTHENTICATION.has(grantType);
}

/** The grants of a client as far as its way of authenticating allows them. */
export function usableGrants(grantTypes: readonly string[], authMethod: string): string[] {
  return authMethod === 'none' ? grantTypes.filter((grant) => !needsAuthentication(grant)) : [...grantTypes];
}
