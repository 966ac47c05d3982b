/** Where somebody goes who did not say, or said something we do not know. */
const HOME = '/me';
const LONGEST = 500;
/** Our own pages for people who are signed in: plain segments, so no host, no escape and no dots that climb; behind them what a list was filtered by. */
const OURS = /^\/(?:console|me)(?:\/[A-Za-z0-9_-][A-Za-z0-9_.~-]*)*(?:\?[A-Za-z0-9_.~%+=&-]*)?$/;

/**
 * The page to go on to after signing in: one of ours, with its filters; whatever else was asked for becomes `/me`. There is nothing that
 * leads to another host, so sign-in is no open redirect (R22).
 */
export function returnPathOf(asked: unknown): string {
  return typeof asked === 'string' && asked.length <= LONGEST && OURS.test(asked) ? asked : HOME;
}
