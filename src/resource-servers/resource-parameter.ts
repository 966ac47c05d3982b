import type { Provider } from 'oidc-provider';
import { canonicalResourceUri } from './resource-uri.ts';

/** One indicator in its canonical form; what has none stays as it is and is refused as unknown later. */
function canonical(value: unknown): unknown {
  const result = canonicalResourceUri(value);
  return result.ok ? result.uri : value;
}

function normalise(value: unknown): unknown {
  if (!Array.isArray(value)) return value === undefined ? undefined : canonical(value);
  const distinct = [...new Set(value.map(canonical))];
  return distinct.length === 1 ? distinct[0] : distinct;
}

/** `resource` reads in canonical form whoever writes it: the query, the body, a request object or a stored request. */
function watch(params: object): void {
  let current = normalise((params as { resource?: unknown }).resource);
  Object.defineProperty(params, 'resource', {
    configurable: true,
    enumerable: true,
    get: () => current,
    set: (value: unknown) => {
      if (value !== current) current = normalise(value);
    },
  });
}

/**
 * Lets the engine see the `resource` parameter in canonical form only. It compares indicators letter by letter, and stores
 * them in codes and grants: without this, two spellings of one resource would be two (RFC 8707 §2, RFC 3986 §6.2).
 */
export function canonicaliseResourceParameter(provider: Provider): void {
  const { prototype } = (provider as unknown as { OIDCContext: { prototype: object } }).OIDCContext;
  const values = new WeakMap<object, object>();
  Object.defineProperty(prototype, 'params', {
    configurable: true,
    get(this: object) {
      return values.get(this);
    },
    set(this: object, params: object) {
      if ('resource' in params) watch(params);
      values.set(this, params);
    },
  });
}
