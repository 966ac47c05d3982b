interface Cookie {
  readonly value: string;
  readonly path: string;
}

/** The cookies of one browser at one host (RFC 6265), as far as a server of ours uses them: name, path and end. */
export interface CookieJar {
  headerFor(url: URL): string;
  store(url: URL, headers: Headers): void;
}

function isEnded(attributes: ReadonlyMap<string, string>): boolean {
  const [maxAge, expires] = [attributes.get('max-age'), attributes.get('expires')];
  if (maxAge !== undefined) return Number(maxAge) <= 0;
  return expires !== undefined && new Date(expires).getTime() <= Date.now();
}

function pathMatches(path: string, cookiePath: string): boolean {
  if (path === cookiePath) return true;
  return path.startsWith(cookiePath.endsWith('/') ? cookiePath : `${cookiePath}/`);
}

/** An empty one. */
export function createCookieJar(): CookieJar {
  const cookies = new Map<string, Cookie & { readonly name: string }>();
  return {
    headerFor(url) {
      const sent = [...cookies.values()].filter(({ path }) => pathMatches(url.pathname, path));
      return sent.map(({ name, value }) => `${name}=${value}`).join('; ');
    },
    store(_url, headers) {
      for (const line of headers.getSetCookie()) {
        const [pair = '', ...rest] = line.split(/;\s*/);
        const name = pair.slice(0, pair.indexOf('='));
        const attributes = new Map(rest.map((part) => [part.split('=')[0]?.toLowerCase() ?? '', part.slice(part.indexOf('=') + 1)]));
        const path = attributes.get('path') ?? '/';
        const key = `${name} ${path}`;
        if (isEnded(attributes)) cookies.delete(key);
        else cookies.set(key, { name, value: pair.slice(pair.indexOf('=') + 1), path });
      }
    },
  };
}
