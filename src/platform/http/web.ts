import type Router from '@koa/router';
import type { Context } from 'koa';

/** What a person may do here; every role above `user` needs a second factor. */
export type Role = 'admin' | 'approver' | 'auditor' | 'user';

/** A signed-in person, as routes see them. */
export interface BrowserSession {
  readonly accountId: string;
  /** Names the session to others without being able to use it. */
  readonly sessionUid: string;
  readonly name: string;
  readonly email: string;
  readonly role: Role;
  readonly authTime: Date;
  readonly acr: string;
  readonly amr: readonly string[];
}

/** What a page asks of the person in front of it. */
export interface PageNeed {
  /** One of these; left out: anybody who is signed in. */
  readonly roles?: readonly Role[];
  /** The sign-in may be at most this old; destructive acts ask for 900 (security rule R22). */
  readonly maxAgeSeconds?: number;
}

/** Lets a person in, or answers for the route: to the sign-in page, to the second factor, or with a refusal. */
export interface PageGuard {
  /** The session, or undefined when the answer is already given and the route must end. */
  session(ctx: Context, need?: PageNeed): Promise<BrowserSession | undefined>;
}

/** The resources of this server that take a token (contract.md "Addresses"). */
export type OwnResource = 'scim' | 'api' | 'access';

/** Who calls an interface of ours with a token. */
export interface ApiCaller {
  readonly clientId: string;
  readonly subject: string;
  readonly subjectProfile: 'user' | 'ai_agent' | 'service';
  /** Set when a person stands behind the token; their role bounds what it may do. */
  readonly accountId: string | undefined;
  readonly scopes: ReadonlySet<string>;
  /** Whether the client may set owners, status and OAuth configuration (security rule R7). */
  readonly hasGovernance: boolean;
  readonly jti: string;
}

/** What an interface of ours asks of a token. */
export interface ApiNeed {
  readonly resource: OwnResource;
  readonly scope: string;
}

/** Checks the token of a call: signature, audience, scope, binding, liveness and the person's role, anew each time. */
export interface ApiGuard {
  /** @throws {AppError} `unauthenticated` or `forbidden`; the challenge header is set. */
  caller(ctx: Context, need: ApiNeed): Promise<ApiCaller>;
  /** The same where several kinds of caller are let in: the first need that the token meets; the refusal is that of the first. */
  callerFor(ctx: Context, needs: readonly [ApiNeed, ...ApiNeed[]]): Promise<{ readonly caller: ApiCaller; readonly need: ApiNeed }>;
}

/** Fields of a posted form; a field sent twice is a list. */
export type Form = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A message shown once at the top of the next page. */
export interface Flash {
  readonly kind: 'done' | 'note' | 'stop';
  readonly text: string;
}

/** Renders the pages of views/. Adds what every page has: assets, base path, CSRF token, the frame of its layout. */
export interface Pages {
  /** A page of the console or of a signed-in person; `template` is a path below views/. */
  show(ctx: Context, template: string, model: object, session?: BrowserSession): Promise<void>;
  /** The body of a form after its CSRF check. @throws {AppError} `forbidden` when the check fails, `invalid_input` when malformed. */
  form(ctx: Context): Promise<Form>;
  /** 303 to a path of ours (without the issuer's base path), with a message for the next page. */
  redirect(ctx: Context, path: string, flash?: Flash): void;
}

/** What routes are made of. Capabilities receive it when all of them exist, so none imports another for it. */
export interface Web {
  readonly pages: Pages;
  readonly guard: PageGuard;
  readonly api: ApiGuard;
  /** A JSON body, bounded in size and depth. @throws {AppError} */
  readonly readJson: (ctx: Context) => Promise<unknown>;
}

/** Adds a capability's routes to the one router of the server. */
export type Routes = (router: Router, web: Web) => void;
