import type { Assurance } from '../../accounts/index.ts';
import type { BrowserContext, Login } from '../browser/browser-session.ts';

/** Somebody whose session is good but too weak for what is asked now. */
export interface StepUp {
  readonly accountId: string;
  readonly email: string;
  readonly assurance: Assurance;
}

/** Where somebody signs in: the interaction of a client, or our own pages. The steps are the same in both. */
export interface Place {
  /** Path of the page, below the issuer's; the steps lie below it. */
  readonly path: string;
  /** The query of the page, with its `?`, so that the steps lead back to it; or empty. */
  readonly query: string;
  /** What follows, in words. */
  readonly destination: string | undefined;
  /** An address to start with, from a hint. */
  readonly email: string | undefined;
  /** The class that is asked for; essential: without it there is no going on (OpenID Connect Core §5.5.1.1). */
  readonly needed: { readonly acr: string; readonly isEssential: boolean } | undefined;
  readonly stepUp: StepUp | undefined;
  /** Ends without signing in; undefined where there is nobody to tell. */
  readonly abortHref: string | undefined;
  /** Prepares every page of this place: where its forms may end. */
  prepare(ctx: BrowserContext): void;
  /** Somebody has signed in, inside the transaction; answers with the next address. */
  finish(ctx: BrowserContext, login: Login): Promise<string>;
  /** The needed class cannot be reached by this person; answers with the next address. */
  unreachable(ctx: BrowserContext): Promise<string>;
}

/** Finds the place of a request, or has answered already. */
export type FindPlace = (ctx: BrowserContext) => Promise<Place | undefined>;
