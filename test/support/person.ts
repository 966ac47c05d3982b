import { createCookieJar } from './cookie-jar.ts';
import { decodeEntities, formsIn, type HtmlForm } from './html-form.ts';
import { createSend, type HttpExchange, type HttpRequest, type Send } from './http-exchange.ts';

/** Where a browser came to rest: a page of the server, or the first address outside it. */
export interface Page {
  readonly status: number;
  readonly url: URL;
  readonly html: string;
  /** The words of the page, without markup. */
  readonly words: string;
  readonly forms: readonly HtmlForm[];
  /** Set when a redirect led away from the server: nothing was asked there. */
  readonly leftTo: URL | undefined;
}

/** How a form is filled in: `fields` overwrites, `press` names the button, `untick` takes ticks off by `name=value`. */
export interface Filling {
  readonly fields?: Readonly<Record<string, string>>;
  readonly press?: readonly [name: string, value: string];
  readonly untick?: readonly string[];
}

export interface Credentials {
  readonly email: string;
  readonly password: string;
}

/** Somebody with a browser without script: keeps cookies, follows redirects inside the server, reads pages and sends their forms. */
export interface Person {
  open(url: string): Promise<Page>;
  /** Sends the one form of the page that has this field or button. @throws when there is none. */
  send(page: Page, marker: string, filling?: Filling): Promise<Page>;
  /** Opens a page of the server and signs in on the way when asked to. */
  visit(path: string): Promise<Page>;
  /** Uses an invitation link: chooses the password of the credentials. */
  acceptInvitation(link: string): Promise<Page>;
  /** Follows an authorization request up to the consent page, signing in when asked; or away, when nothing is left to ask. */
  reachConsent(url: string): Promise<Page>;
  /** Answers it: the address the browser is sent to afterwards. */
  authorize(url: string, filling?: Filling): Promise<URL>;
  /** Decides the question that waits under /me/approvals, the newest first. */
  decide(decision: 'approve' | 'deny'): Promise<Page>;
  /** Types nothing: follows the complete address a device shows, confirms it is theirs, and consents. */
  connectDevice(url: string): Promise<Page>;
}

const MAX_REDIRECTS = 15;
const HTML = { accept: 'text/html,application/xhtml+xml' };

function wordsOf(html: string): string {
  const body = html.replaceAll(/<(script|style|head)\b[\s\S]*?<\/\1>/g, ' ');
  return decodeEntities(body.replaceAll(/<[^>]+>/g, ' '))
    .replaceAll(/\s+/g, ' ')
    .trim();
}

function pageOf(url: URL, { status, text }: HttpExchange): Page {
  return { status, url, html: text, words: wordsOf(text), forms: formsIn(text), leftTo: undefined };
}

function filled(form: HtmlForm, { fields = {}, press, untick = [] }: Filling): URLSearchParams {
  const sent = new URLSearchParams();
  const kept = form.fields.filter(([name, value]) => !(name in fields) && !untick.includes(`${name}=${value}`));
  for (const [name, value] of [...kept, ...Object.entries(fields), ...(press === undefined ? [] : [press])]) sent.append(name, value);
  return sent;
}

function formWith(page: Page, marker: string): HtmlForm {
  const found = page.forms.find(
    ({ names, buttons, needsScript }) => !needsScript && (names.has(marker) || buttons.some(({ name }) => name === marker)),
  );
  if (found === undefined) throw new Error(`${page.url.pathname} (${page.status}) has no form with ${marker}: ${page.words.slice(0, 400)}`);
  return found;
}

/** A browser at one server. */
function createBrowser(issuer: string, send: Send) {
  const jar = createCookieJar();
  const { origin } = new URL(issuer);
  const go = async (request: HttpRequest, redirects = 0): Promise<Page> => {
    const url = new URL(request.url);
    if (url.origin !== origin) return { status: 0, url, html: '', words: '', forms: [], leftTo: url };
    const cookie = jar.headerFor(url);
    const headers = { ...HTML, ...(cookie === '' ? {} : { cookie }), ...request.headers };
    const answer = await send({ ...request, headers });
    jar.store(url, answer.headers);
    const location = answer.headers.get('location');
    if (answer.status < 300 || answer.status > 399 || location === null) return pageOf(url, answer);
    if (redirects === MAX_REDIRECTS) throw new Error(`redirected in circles at ${url.pathname}`);
    return go({ url: new URL(location, url).href }, redirects + 1);
  };
  return {
    open: (url: string) => go({ url }),
    send(page: Page, marker: string, filling: Filling = {}) {
      const form = formWith(page, marker);
      return go({ url: new URL(form.action, page.url).href, form: filled(form, filling), headers: { origin } });
    },
  };
}

/** Somebody who has, or will choose, these credentials. */
export function createPerson(issuer: string, credentials: Credentials, send: Send = createSend()): Person {
  const browser = createBrowser(issuer, send);
  const { email, password } = credentials;
  const signInWhenAsked = async (page: Page): Promise<Page> => {
    const isAsked = page.forms.some(({ names }) => names.has('email') && names.has('password'));
    return isAsked ? browser.send(page, 'password', { fields: { email, password } }) : page;
  };
  const visit = async (path: string) => signInWhenAsked(await browser.open(`${issuer}${path}`));
  const reachConsent = async (url: string) => signInWhenAsked(await browser.open(url));
  const consent = (page: Page, filling: Filling) => browser.send(page, 'decision', { press: ['decision', 'allow'], ...filling });
  return {
    ...browser,
    visit,
    reachConsent,
    async acceptInvitation(link) {
      const page = await browser.open(link);
      return signInWhenAsked(await browser.send(page, 'password', { fields: { password } }));
    },
    async authorize(url, filling = {}) {
      const page = await reachConsent(url);
      const { leftTo, status, words } = page.leftTo === undefined ? await consent(page, filling) : page;
      if (leftTo === undefined) throw new Error(`the server kept the browser (${status}): ${words.slice(0, 400)}`);
      return leftTo;
    },
    async decide(decision) {
      const inbox = await visit('/me/approvals');
      const path = /href="([^"]*\/me\/approvals\/apr_[0-9a-f]+)"/.exec(inbox.html)?.[1];
      if (path === undefined) throw new Error(`nothing waits: ${inbox.words.slice(0, 300)}`);
      const question = await browser.open(new URL(path, issuer).href);
      return browser.send(question, 'decision', { press: ['decision', decision] });
    },
    async connectDevice(url) {
      let page = await signInWhenAsked(await browser.open(url));
      page = await browser.send(page, 'user_code');
      page = await signInWhenAsked(page);
      return consent(page, {});
    },
  };
}
