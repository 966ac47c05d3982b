import type { Configuration } from 'oidc-provider';

/** Paths of the engine's endpoints, below the issuer's path. Clients find them in the metadata. */
export const ROUTES = {
  authorization: '/authorize',
  backchannel_authentication: '/bc-authorize',
  code_verification: '/device',
  device_authorization: '/device_authorization',
  end_session: '/logout',
  introspection: '/introspect',
  jwks: '/jwks',
  pushed_authorization_request: '/par',
  registration: '/register',
  revocation: '/revoke',
  token: '/token',
  userinfo: '/userinfo',
} as const;

const DAY = 86_400;

/** How long a browser stays signed in after it was last used to authorize or sign in, in seconds. */
export const SESSION_SECONDS = 14 * DAY;

/** How long a refresh token waits to be used, and how long it and all that replace it last from the person's answer on, in seconds. */
export const REFRESH_SECONDS = { idle: 14 * DAY, longest: 90 * DAY } as const;

/** How long an answer of a person holds before they are asked again, in seconds. */
export const GRANT_SECONDS = 365 * DAY;

/** How the cookies of the engine are set; the session cookie lives longer, the others only while a request is under way. */
export function engineCookie(issuer: URL): { httpOnly: true; sameSite: 'lax'; signed: true; secure: boolean } {
  return { httpOnly: true, sameSite: 'lax', signed: true, secure: issuer.protocol === 'https:' };
}

/** Asymmetric only: a client secret never becomes a signing key (RFC 9700 §2.5), and it is stored as a hash anyway. */
const ALGORITHMS = ['ES256', 'EdDSA', 'RS256', 'PS256'] as const;

/**
 * What holds for every capability: no implicit or hybrid answers, PKCE for everybody, no symmetric algorithm, nothing that
 * only an in-memory store or a development page would need. `issuer` decides whether cookies may carry the `__Host-` prefix.
 */
export function baseConfiguration(issuer: URL): Configuration {
  const isSecure = issuer.protocol === 'https:';
  const prefix = isSecure && issuer.pathname === '/' ? '__Host-' : isSecure ? '__Secure-' : '';
  const cookie = engineCookie(issuer);
  return {
    routes: ROUTES,
    responseTypes: ['code'],
    subjectTypes: ['public'],
    pkce: { required: () => true },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    clientDefaults: {
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
      id_token_signed_response_alg: 'RS256',
    },
    clockTolerance: 5,
    cookies: {
      names: {
        session: `${prefix}behalf_session`,
        interaction: isSecure ? '__Secure-behalf_interaction' : 'behalf_interaction',
        resume: isSecure ? '__Secure-behalf_resume' : 'behalf_resume',
      },
      long: cookie,
      short: cookie,
    },
    enabledJWA: {
      authorizationSigningAlgValues: ALGORITHMS,
      clientAuthSigningAlgValues: ALGORITHMS,
      dPoPSigningAlgValues: ALGORITHMS,
      idTokenSigningAlgValues: ['RS256', 'ES256', 'EdDSA'],
      introspectionSigningAlgValues: ['RS256', 'ES256', 'EdDSA'],
      requestObjectSigningAlgValues: ALGORITHMS,
      userinfoSigningAlgValues: ['RS256', 'ES256', 'EdDSA'],
    },
    ttl: {
      AuthorizationCode: 60,
      IdToken: 3_600,
      Interaction: 3_600,
      Session: SESSION_SECONDS,
      Grant: GRANT_SECONDS,
      AccessToken: 900,
      ClientCredentials: 300,
      DeviceCode: 600,
      BackchannelAuthenticationRequest: 300,
      RefreshToken: REFRESH_SECONDS.idle,
    },
  };
}

/** Features that no capability owns, set so that none is on by the engine's default. */
export const BASE_FEATURES = {
  devInteractions: { enabled: false },
  claimsParameter: { enabled: true },
  encryption: { enabled: false },
  userinfo: { enabled: true },
  jwtUserinfo: { enabled: false },
  backchannelLogout: { enabled: false },
  pushedAuthorizationRequests: { enabled: true, allowUnregisteredRedirectUris: false },
  requestObjects: { enabled: true },
} as const;
