/** The engine ships no types for this file; grant-helpers.ts narrows what it takes from it. */
declare module 'oidc-provider/lib/actions/grants/index.js' {
  export const authorization_code: unknown;
  export const refresh_token: unknown;
  export const client_credentials: unknown;
  export const device_code: unknown;
  export const ciba: unknown;
}
