import type { TokenService, VerifiedToken } from '../tokens/index.ts';

/** A JWT somebody asks about, under the name by which the engine knows it for this one request. */
export interface PresentedToken {
  /** Random, never leaves the server: whoever sends a jti or an old handle finds nothing. */
  readonly handle: string;
  /** The token if it is ours and alive; verified at the first call, which comes after the client proved who it is. */
  verified(): Promise<VerifiedToken | undefined>;
}

/** Which token is asked about in which request. */
export interface PresentedTokens {
  /** Notes the token of a request and returns the handle to hand on in its place. */
  present(request: object, jwt: string): string;
  of(request: object | undefined): PresentedToken | undefined;
}

/** The notes, kept as long as their request lives. */
export function createPresentedTokens(deps: {
  tokens: Pick<TokenService, 'verify'>;
  ids: { secret(bytes: number): string };
}): PresentedTokens {
  const notes = new WeakMap<object, PresentedToken>();
  return {
    present(request, jwt) {
      let verified: Promise<VerifiedToken | undefined> | undefined;
      const handle = deps.ids.secret(32);
      notes.set(request, {
        handle,
        verified: () => {
          verified ??= deps.tokens.verify(jwt);
          return verified;
        },
      });
      return handle;
    },
    of: (request) => (request === undefined ? undefined : notes.get(request)),
  };
}
