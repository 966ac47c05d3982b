import type { Configuration, ErrorOut, KoaContextWithOIDC } from 'oidc-provider';
import { additionsTo } from '../oidc/index.ts';
import { allowFormAction } from '../platform/http/security-headers.ts';
import type { Pages } from '../platform/http/web.ts';
import { plainName } from './interaction/software.ts';

type Features = NonNullable<Configuration['features']>;

interface Deps {
  readonly basePath: string;
  /** The pages, known once all capabilities are put together. */
  readonly pages: () => Pages;
  readonly emailOf: (accountId: string) => Promise<string | undefined>;
}

const ERROR_PAGE = { tone: 'stop', state: 'Not possible' } as const;
/** What a person is told; the protocol's words stay in the details that open. */
const ERROR_WORDS: Readonly<Record<string, { heading: string; words: string }>> = {
  server_error: {
    heading: 'Something went wrong on our side',
    words: 'Try again. If it happens again, tell whoever looks after this server the id below.',
  },
  invalid_client: {
    heading: 'This application is not known here',
    words:
      'Its registration was cleared away because nobody used it, it was stopped, or it was never registered. Nothing was shared with it. In the application, remove the connection and add it again: then it registers anew.',
  },
  invalid_redirect_uri: {
    heading: 'The answer may not go there',
    words: 'The application asked for an address that is not registered for it. Nothing was shared with it.',
  },
  session_not_found: {
    heading: 'This request is over',
    words: 'It was answered already, or it waited too long. Go back to the application and start again.',
  },
};
const OTHER_ERROR = {
  heading: 'The application asked in a way that is not possible',
  words: 'Nothing was shared with it. Go back and try again, or tell whoever made it.',
};

function xsrfOf(ctx: KoaContextWithOIDC): string {
  const { secret } = (ctx.oidc.session?.state ?? {}) as { secret?: unknown };
  return typeof secret === 'string' ? secret : '';
}

function paramOf(ctx: KoaContextWithOIDC, name: string): string | undefined {
  const value = ctx.oidc.params?.[name];
  return typeof value === 'string' ? value : undefined;
}

function nameOf(client: { clientName?: string | undefined; clientId: string } | undefined): string | undefined {
  return client === undefined ? undefined : plainName(client.clientName ?? client.clientId) || undefined;
}

/** The page of a request that cannot go on and must not be sent to the client (RFC 6749 §4.1.2.1). */
export function errorPage({ pages }: Deps): NonNullable<Configuration['renderError']> {
  return async (ctx, out: ErrorOut, error) => {
    const key = error.name === 'SessionNotFound' ? 'session_not_found' : out.error;
    const { heading, words } = ERROR_WORDS[key] ?? OTHER_ERROR;
    const { error_description: reason, decision_id: decision } = { ...out, ...additionsTo(ctx, error) } as Readonly<
      Record<string, unknown>
    >;
    const facts = [
      { label: 'Error', value: out.error },
      ...(reason === undefined ? [] : [{ label: 'Reason', value: String(reason) }]),
      ...(decision === undefined ? [] : [{ label: 'Decision', value: String(decision) }]),
      { label: 'Request', value: String(ctx.state['requestId'] ?? '') },
    ];
    await pages().show(ctx, 'sign-in/message', { status: ctx.status, message: { ...ERROR_PAGE, heading, words, facts } });
  };
}

/** Signing out on a client's request (OpenID Connect RP-Initiated Logout 1.0). */
export function logoutPages({ basePath, pages, emailOf }: Deps): Features['rpInitiatedLogout'] {
  return {
    enabled: true,
    async logoutSource(ctx) {
      const target = paramOf(ctx, 'post_logout_redirect_uri');
      if (target !== undefined) allowFormAction(ctx, target);
      const { accountId } = ctx.oidc.session ?? {};
      const email = accountId === undefined ? undefined : await emailOf(accountId);
      const client = nameOf(ctx.oidc.client);
      await pages().show(ctx, 'sign-in/logout', { action: ctx.oidc.urlFor('end_session_confirm'), xsrf: xsrfOf(ctx), email, client });
    },
    async postLogoutSuccessSource(ctx) {
      const client = nameOf(ctx.oidc.client);
      const message =
        client === undefined
          ? {
              tone: '',
              heading: 'You are signed out',
              words: 'On this browser. Your agents keep what you allowed them.',
              next: { href: `${basePath}/sign-in`, words: 'Sign in again' },
            }
          : {
              tone: '',
              heading: `You left ${client}`,
              words: 'You are still signed in to this server.',
              next: { href: `${basePath}/me`, words: 'See your agents' },
            };
      await pages().show(ctx, 'sign-in/message', { message });
    },
  };
}

/** What is wrong with a code that was typed; one sentence for unknown, expired and used ones. */
function codeFault(error: Error | undefined): { field?: string; message: string } | undefined {
  if (error === undefined) return undefined;
  if (error.name === 'NoCodeError') return { field: 'user_code', message: 'Type the code that your device shows.' };
  if (['NotFoundError', 'ExpiredError', 'AlreadyUsedError'].includes(error.name)) {
    return { field: 'user_code', message: 'No device waits with this code. Look again; it may have run out.' };
  }
  return { message: 'That did not work. Start again with the code that your device shows.' };
}

function deviceRows(device: Readonly<Record<string, unknown>>): { label: string; value: string }[] {
  const rows = [
    { label: 'Asked from', value: device['ip'] },
    { label: 'Software', value: device['ua'] },
  ];
  return rows.flatMap(({ label, value }) => (typeof value === 'string' && value !== '' ? [{ label, value: plainName(value) }] : []));
}

const NOT_CONNECTED = {
  tone: 'stop',
  state: 'Stopped',
  heading: 'The device was not connected',
  words: 'It gets nothing. You can close this page.',
} as const;
const CONNECTED = {
  tone: 'yes',
  state: 'Connected',
  heading: 'Your device is connected',
  words: 'You can close this page and go on there.',
} as const;

/** Connecting a device that has no browser of its own (RFC 8628 §3.3). */
export function devicePages({ basePath, pages }: Deps): Features['deviceFlow'] {
  const next = { href: `${basePath}/me`, words: 'See your agents' };
  return {
    enabled: true,
    charset: 'base-20',
    mask: '****-****',
    deviceInfo: (ctx) => ({ ip: ctx.ip, ua: ctx.get('user-agent').slice(0, 200) }),
    async userCodeInputSource(ctx, _form, _out, error) {
      if (error?.name === 'AbortedError') return pages().show(ctx, 'sign-in/message', { message: NOT_CONNECTED });
      const fault = codeFault(error);
      const code = (error as { userCode?: unknown } | undefined)?.userCode;
      return pages().show(ctx, 'sign-in/device-code', {
        action: ctx.oidc.urlFor('code_verification'),
        xsrf: xsrfOf(ctx),
        code: typeof code === 'string' ? code.slice(0, 20) : '',
        ...(fault === undefined ? {} : { faults: [fault], status: 400 }),
      });
    },
    async userCodeConfirmSource(ctx, _form, client, deviceInfo, userCode) {
      await pages().show(ctx, 'sign-in/device-confirm', {
        action: ctx.oidc.urlFor('code_verification'),
        xsrf: xsrfOf(ctx),
        code: userCode,
        client: nameOf(client),
        device: deviceRows(deviceInfo),
      });
    },
    successSource: (ctx) => pages().show(ctx, 'sign-in/message', { message: { ...CONNECTED, next } }),
  };
}
