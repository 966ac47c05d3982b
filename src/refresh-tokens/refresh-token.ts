import { RACE_SECONDS, REFRESH_SECONDS } from '../oidc/index.ts';

/** For how long a refresh token that was replaced leads to the one that replaced it: what a slow or parallel client needs. */
export const GRACE_SECONDS = 60;

/** A token that is not replaced is moved on when this much of its waiting time is used up: one write an hour at most. */
const EXTEND_AFTER_SECONDS = 3_600;

/** How a client proves that a refresh token is its own. */
export interface Holder {
  readonly hasAuthenticated: boolean;
  /** The token is bound to a key (RFC 9449 §5, RFC 8705 §4). */
  readonly isBound: boolean;
}

/**
 * Whether the token is replaced at each use: by who can neither keep a secret nor prove a key, so that a stolen one shows
 * (RFC 9700 §4.14.2). The others keep theirs: a copy is of no use to anybody else.
 */
export function isRotated({ hasAuthenticated, isBound }: Holder): boolean {
  return !hasAuthenticated && !isBound;
}

/** A token that was replaced and is presented again. */
export interface Repeat {
  readonly holder: Holder;
  readonly replacedAt: Date;
  /** Whether what replaced it can be given once more. */
  readonly hasSuccessor: boolean;
  readonly now: Date;
}

/** `answer`: the same successor again; `refuse`: a race, nothing ends; `end`: somebody else has a copy, the family ends. */
export type Verdict = 'answer' | 'refuse' | 'end';

/** What presenting a replaced token means (RFC 9700 §4.14.2). The window is for those whose tokens are replaced, and only them. */
export function verdictOf({ holder, replacedAt, hasSuccessor, now }: Repeat): Verdict {
  const ageSeconds = (now.getTime() - replacedAt.getTime()) / 1000;
  if (isRotated(holder) && hasSuccessor && ageSeconds < GRACE_SECONDS) return 'answer';
  return ageSeconds < RACE_SECONDS ? 'refuse' : 'end';
}

/** Seconds a refresh token lives from now on, in a family that began at `beganAtSeconds` (epoch seconds): at least one. */
export function lifetimeOf(beganAtSeconds: number, nowSeconds: number): number {
  return Math.max(1, Math.min(REFRESH_SECONDS.idle, beganAtSeconds + REFRESH_SECONDS.longest - nowSeconds));
}

/** The new end of a token that is kept and was just used; undefined while moving it would gain too little to be written. */
export function extensionOf(token: { expiresAt: Date; beganAtSeconds: number }, nowSeconds: number): Date | undefined {
  const endSeconds = nowSeconds + lifetimeOf(token.beganAtSeconds, nowSeconds);
  const gainedSeconds = endSeconds - token.expiresAt.getTime() / 1000;
  return gainedSeconds >= EXTEND_AFTER_SECONDS ? new Date(endSeconds * 1000) : undefined;
}
