import type { Context } from 'koa';
import { readForm } from './body.ts';
import type { Csrf } from './csrf.ts';
import type { Render } from './render.ts';
import type { BrowserSession, Flash, Pages } from './web.ts';

/** What pages are made of. `waitingFor` counts the approvals that wait for a person: the number in the console's menu. */
export interface PagesDeps {
  readonly render: Render;
  readonly csrf: Csrf;
  /** The issuer's path without a slash at its end. */
  readonly basePath: string;
  readonly isSecure: boolean;
  readonly waitingFor: (accountId: string) => Promise<number>;
}

const FLASH_COOKIE = 'behalf_flash';
const LONGEST_FLASH = 300;

/** Up to two letters that stand for a name in a round mark. */
export function initialsOf(name: string): string {
  const words = name
    .trim()
    .split(/[\s._@-]+/u)
    .filter((word) => word !== '');
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => [...(word ?? '')][0] ?? '');
  return letters.join('').toUpperCase();
}

function isFlash(value: unknown): value is Flash {
  const { kind, text } = (value ?? {}) as Partial<Flash>;
  return typeof text === 'string' && text.length <= LONGEST_FLASH && (kind === 'done' || kind === 'note' || kind === 'stop');
}

/** A message for the next page travels in a signed cookie and is taken out by the page that shows it. */
function takeFlash(ctx: Context, cookie: { path: string; secure: boolean }): Flash | undefined {
  const raw = ctx.cookies.get(FLASH_COOKIE, { signed: true });
  if (raw === undefined) return undefined;
  ctx.cookies.set(FLASH_COOKIE, null, { ...cookie, signed: true });
  try {
    const value: unknown = JSON.parse(Buffer.from(raw, 'base64url').toString());
    return isFlash(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const TONES: Readonly<Record<Flash['kind'], string>> = { done: 'yes', note: 'info', stop: 'stop' };

/** As views/partials/flash.eta shows it. */
function flashModel(flash: Flash | undefined): { tone: string; words: string } | undefined {
  return flash && { tone: TONES[flash.kind], words: flash.text };
}

/** The pages of views/ with everything their layouts need. */
export function createPages(deps: PagesDeps): Pages {
  const { render, csrf, basePath } = deps;
  const cookie = {
    path: basePath === '' ? '/' : basePath,
    secure: deps.isSecure,
    httpOnly: true,
    sameSite: 'lax',
    overwrite: true,
  } as const;
  const frameOf = async (ctx: Context, session: BrowserSession | undefined) => ({
    ...(session === undefined
      ? {}
      : { person: { name: session.name, initials: initialsOf(session.name) }, waiting: await deps.waitingFor(session.accountId) }),
    flash: flashModel(takeFlash(ctx, cookie)),
  });
  return {
    async show(ctx, template, model, session) {
      const { status } = model as { status?: unknown };
      render(
        ctx,
        template,
        { csrf: csrf.token(ctx), frame: await frameOf(ctx, session), ...model },
        typeof status === 'number' ? { status } : {},
      );
    },
    async form(ctx) {
      const form = await readForm(ctx, { repeatable: ['scope', 'detail', 'grant_types'] });
      csrf.check(ctx, form);
      return form;
    },
    redirect(ctx, path, flash) {
      if (flash !== undefined)
        ctx.cookies.set(FLASH_COOKIE, Buffer.from(JSON.stringify(flash)).toString('base64url'), { ...cookie, signed: true });
      ctx.status = 303;
      ctx.set('cache-control', 'no-store');
      ctx.redirect(`${basePath}${path}`);
    },
  };
}
