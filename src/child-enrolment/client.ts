/** What software that registers stays within; undefined: anything. */
export interface Bounds {
  readonly scopes?: readonly string[] | undefined;
  readonly resources?: readonly string[] | undefined;
  readonly redirectPatterns?: readonly string[] | undefined;
  readonly grantTypes: readonly string[];
}

/** The client of an agent that enrols another one, as far as the child is bound by it. */
export interface EnrollingClient {
  /** What it is registered for; undefined: what its bounds say. */
  readonly scopes: readonly string[] | undefined;
  readonly bounds: Bounds;
  /** Its own grants. */
  readonly grantTypes: readonly string[];
}
