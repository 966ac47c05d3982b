/** Seconds a token lives that lets a party manage, act for someone, or do what someone just approved. */
const DELICATE_SECONDS = 300;
/** Seconds a token with plain scopes lives. */
const PLAIN_SECONDS = 900;

const DELICATE_GRANTS: ReadonlySet<string> = new Set([
  'urn:openid:params:grant-type:ciba',
  'urn:ietf:params:oauth:grant-type:token-exchange',
  'urn:ietf:params:oauth:grant-type:deferred',
]);

/** What decides how long a token lives. */
export interface LifetimeInput {
  /** What the resource server asks for, if anything. */
  readonly configuredSeconds: number | undefined;
  readonly grantType: string | undefined;
  readonly hasDetails: boolean;
}

/** Seconds an access token lives: as its resource server says; else 300 for exchange, approvals and details, 900 for plain scopes. */
export function lifetimeOf({ configuredSeconds, grantType, hasDetails }: LifetimeInput): number {
  if (configuredSeconds !== undefined) return configuredSeconds;
  return hasDetails || DELICATE_GRANTS.has(grantType ?? '') ? DELICATE_SECONDS : PLAIN_SECONDS;
}
