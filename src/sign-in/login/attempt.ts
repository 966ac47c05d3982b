import type { Assurance } from '../../accounts/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Ids } from '../../platform/ids.ts';
import type { Vault } from '../../platform/vault.ts';
import type { BrowserContext } from '../browser/browser-session.ts';

/** Somebody who has shown a right password, and nothing more yet; `at` in seconds since 1970. */
export interface Shown {
  readonly accountId: string;
  readonly assurance: Assurance;
  readonly at: number;
}

/** A sign-in under way in one browser, before there is a session. */
export interface Attempt {
  /** Ties passkey challenges to this browser. */
  readonly binding: string;
  readonly shown?: Shown | undefined;
}

/** Keeps sign-ins under way in a sealed cookie that only the pages of the same sign-in receive. */
export interface Attempts {
  /** The attempt under way at `path`; begins one when there is none. */
  begin(ctx: BrowserContext, path: string): Attempt;
  keep(ctx: BrowserContext, path: string, attempt: Attempt): void;
  end(ctx: BrowserContext, path: string): void;
}

const PURPOSE = 'sign-in-attempt';
/** How long a right password waits for the second factor. */
const SHOWN_SECONDS = 600;
const LONGEST_COOKIE = 2_000;
const BINDING_BYTES = 20;

function isAttempt(value: unknown): value is Attempt {
  const { binding, shown } = (value ?? {}) as Partial<Attempt>;
  return typeof binding === 'string' && (shown === undefined || (typeof shown.accountId === 'string' && typeof shown.at === 'number'));
}

/** Attempts; `basePath` is the issuer's path without a slash at its end. */
export function createAttempts(deps: { vault: Vault; clock: Clock; ids: Ids; issuer: URL; basePath: string }): Attempts {
  const { vault, clock, ids, basePath } = deps;
  const secure = deps.issuer.protocol === 'https:';
  const name = secure ? '__Secure-behalf_sign_in' : 'behalf_sign_in';
  const options = (path: string) =>
    ({ path: `${basePath}${path}`, secure, httpOnly: true, sameSite: 'lax', signed: false, overwrite: true }) as const;
  const read = (ctx: BrowserContext, path: string): Attempt | undefined => {
    const raw = ctx.cookies.get(name, { signed: false });
    if (raw === undefined || raw.length > LONGEST_COOKIE) return undefined;
    try {
      const value: unknown = JSON.parse(vault.open(PURPOSE, Buffer.from(raw, 'base64url'), path).toString());
      return isAttempt(value) ? value : undefined;
    } catch {
      return undefined;
    }
  };
  const keep = (ctx: BrowserContext, path: string, attempt: Attempt) => {
    const sealed = vault.seal(PURPOSE, JSON.stringify(attempt), path).toString('base64url');
    ctx.cookies.set(name, sealed, options(path));
  };
  return {
    begin(ctx, path) {
      const known = read(ctx, path);
      if (known !== undefined) {
        const isFresh = known.shown !== undefined && clock.epochSeconds() - known.shown.at <= SHOWN_SECONDS;
        return isFresh ? known : { binding: known.binding };
      }
      const attempt = { binding: ids.secret(BINDING_BYTES) };
      keep(ctx, path, attempt);
      return attempt;
    },
    keep,
    end: (ctx, path) => void ctx.cookies.set(name, null, options(path)),
  };
}
