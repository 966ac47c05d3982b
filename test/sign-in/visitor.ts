import { ask } from '../support/server-process.ts';

/** What a server answered to a visitor. */
export interface Page {
  readonly status: number;
  readonly url: URL;
  readonly headers: Headers;
  readonly text: string;
  /** Where it leads, made absolute; undefined when it is no redirect. */
  readonly location: URL | undefined;
}

/** A browser without script: keeps cookies by path, fills in forms, follows redirects on its own site. */
export interface Visitor {
  readonly jar: Cookie[];
  get(address: string): Promise<Page>;
  post(address: string, fields: Iterable<readonly [string, string]>, headers?: Record<string, string>): Promise<Page>;
  /** Follows redirects for as long as they stay on this site. */
  follow(page: Page): Promise<Page>;
  /** Sends the form of the page whose action ends with `ending`, with its hidden and ticked fields; `fields` replaces or adds. */
  submit(page: Page, ending: string, fields?: Record<string, string | readonly string[]>): Promise<Page>;
  cookie(name: string): Cookie | undefined;
}

export interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
}

const unescaped = (text: string) =>
  text.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');

function attribute(tag: string, name: string): string | undefined {
  const found = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1];
  return found === undefined ? undefined : unescaped(found);
}

/** The forms of a page: where they lead and what they would send as they are. */
export function formsOf(page: Page): { action: string; fields: [string, string][] }[] {
  return [...page.text.matchAll(/<form([^>]*)>([\s\S]*?)<\/form>/g)].map(([, head = '', body = '']) => ({
    action: attribute(` ${head}`, 'action') ?? '',
    fields: [...body.matchAll(/<input[^>]*>/g)].flatMap(([tag]): [string, string][] => {
      const [name, type] = [attribute(tag, 'name'), attribute(tag, 'type')];
      const isSent = name !== undefined && (type !== 'checkbox' || /\schecked/.test(tag));
      return isSent ? [[name, attribute(tag, 'value') ?? '']] : [];
    }),
  }));
}

function readCookie(line: string): Cookie & { isGone: boolean } {
  const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
  const at = pair.indexOf('=');
  const path = attributes.find((each) => /^path=/i.test(each))?.slice(5) ?? '/';
  const isGone = attributes.some((each) => /^expires=Thu, 01 Jan 1970/i.test(each));
  return { name: pair.slice(0, at), value: pair.slice(at + 1), path, isGone };
}

function isUnder(path: string, folder: string): boolean {
  return folder === '/' || path === folder || path.startsWith(`${folder}/`);
}

/** A visitor of the server of `issuer`, which listens on `port` of this machine (the issuer's own unless told otherwise). */
export function createVisitor(issuer: string, port = Number(new URL(issuer).port)): Visitor {
  const jar: Cookie[] = [];
  const keep = (line: string) => {
    const { isGone, ...cookie } = readCookie(line);
    const known = jar.findIndex(({ name, path }) => name === cookie.name && path === cookie.path);
    if (known !== -1) jar.splice(known, 1);
    if (!isGone) jar.push(cookie);
  };
  const send = async (address: string, form?: URLSearchParams, more: Record<string, string> = {}): Promise<Page> => {
    const url = new URL(address, issuer);
    const cookie = jar
      .filter(({ path }) => isUnder(url.pathname, path))
      .toSorted((a, b) => b.path.length - a.path.length)
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
    const headers = { accept: 'text/html', 'user-agent': 'Visitor/1.0', ...(cookie === '' ? {} : { cookie }), ...more };
    const answer = await ask({ port, issuer }, `${url.pathname}${url.search}`, { headers, ...(form === undefined ? {} : { form }) });
    for (const line of answer.headers['set-cookie'] ?? []) keep(line);
    const known = Object.entries(answer.headers).flatMap(([name, value]): [string, string][] =>
      typeof value === 'string' ? [[name, value]] : [],
    );
    const { location: to } = answer.headers;
    return {
      status: answer.status,
      url,
      headers: new Headers(known),
      text: answer.text,
      location: to === undefined ? undefined : new URL(to, url),
    };
  };
  const visitor: Visitor = {
    jar,
    get: (address) => send(address),
    post: (address, fields, headers) =>
      send(address, new URLSearchParams([...fields].map(([name, value]): [string, string] => [name, value])), headers),
    async follow(page) {
      let current = page;
      for (let hops = 0; current.location !== undefined && current.location.origin === new URL(issuer).origin; hops += 1) {
        if (hops > 10) throw new Error(`too many redirects: ${current.location}`);
        current = await visitor.get(current.location.href);
      }
      return current;
    },
    submit(page, ending, fields = {}) {
      const form = formsOf(page).find(({ action }) => new URL(action, issuer).pathname.endsWith(ending));
      if (form === undefined) throw new Error(`no form leads to ${ending}: ${page.status} ${page.text.slice(0, 2_000)}`);
      const given = Object.entries(fields).flatMap(([name, value]) => [value].flat().map((each) => [name, each] as const));
      const kept = form.fields.filter(([name]) => !(name in fields));
      return visitor.post(new URL(form.action, page.url).href, [...kept, ...given]);
    },
    cookie: (name) => jar.find((each) => each.name === name),
  };
  return visitor;
}
