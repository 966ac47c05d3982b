import type { TLSSocket } from 'node:tls';
import { sha256Base64Url } from './compare.ts';
import { AccessRefused, invalidToken } from './refusal.ts';

/** A request of `node:http`, or of a framework on top of it (Express adds `originalUrl`; in Koa it is `ctx.req`). */
export interface NodeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly originalUrl?: string;
  /** Names and values in turn, repetitions kept: `headers` hides a second Authorization. */
  readonly rawHeaders: readonly string[];
  readonly socket?: unknown;
}

/** A request of the Fetch standard; it joins repeated headers with a comma, which no credential may contain. */
export interface WebRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: { get(name: string): string | null };
}

/** What `verify` accepts. */
export type IncomingRequest = NodeRequest | WebRequest;

/** The token of a request and what came with it, before anything is verified. */
export interface Presentation {
  readonly scheme: 'Bearer' | 'DPoP';
  readonly token: string;
  readonly proof: string | undefined;
  readonly method: string;
}

const maxTokenLength = 8192;
const credentials = /^(bearer|dpop) +([A-Za-z0-9._~+/-]+=*)$/i;

function headerValues(request: IncomingRequest, name: string): readonly string[] {
  if (!('rawHeaders' in request)) {
    const value = request.headers.get(name);
    return value === null ? [] : [value];
  }
  return request.rawHeaders.filter((_, index, all) => index % 2 === 1 && all[index - 1]?.toLowerCase() === name);
}

function onlyHeader(request: IncomingRequest, name: string): string | undefined {
  const values = headerValues(request, name);
  if (values.length > 1) throw new AccessRefused('invalid_request', `the ${name} header is repeated`);
  return values[0];
}

/** Path and query as the client sent them, whatever Host or absolute form it claimed. */
export function requestTarget(request: IncomingRequest): string {
  const target = ('rawHeaders' in request ? request.originalUrl : undefined) ?? request.url ?? '/';
  if (target.startsWith('/')) return target;
  if (!URL.canParse(target)) return '/';
  const url = new URL(target);
  return `${url.pathname}${url.search}`;
}

/** The address the client called: the resource's own scheme and host, never those of the Host header. */
export function publicUrl(request: IncomingRequest, resource: URL): URL {
  const url = `${resource.origin}${requestTarget(request)}`;
  if (!URL.canParse(url)) throw new AccessRefused('invalid_request', 'the request target is malformed');
  return new URL(url);
}

function refuseTokenInQuery(request: IncomingRequest): void {
  const query = requestTarget(request).split('?').slice(1).join('?');
  if (new URLSearchParams(query).has('access_token')) {
    throw new AccessRefused('invalid_request', 'the access token must not be sent in the query');
  }
}

/**
 * Reads the one access token of a request: header only, never query or body (OAuth 2.1 §5.1, MCP authorization).
 * @throws AccessRefused `token_missing`, `invalid_request` (400: repeated header, token in the query), `invalid_token`.
 */
export function readPresentation(request: IncomingRequest): Presentation {
  refuseTokenInQuery(request);
  const header = onlyHeader(request, 'authorization');
  if (header === undefined || !/^(bearer|dpop)( |$)/i.test(header)) throw new AccessRefused('token_missing', 'an access token is needed');
  const [, scheme, token] = credentials.exec(header) ?? [];
  if (!scheme || !token) throw new AccessRefused('invalid_request', 'the authorization header is malformed');
  if (token.length > maxTokenLength) throw invalidToken('the access token is too large');
  return {
    scheme: scheme.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer',
    token,
    proof: onlyHeader(request, 'dpop'),
    method: request.method ?? 'GET',
  };
}

function isTlsSocket(socket: unknown): socket is TLSSocket {
  return typeof socket === 'object' && socket !== null && 'getPeerX509Certificate' in socket;
}

/** `x5t#S256` of the certificate the TLS connection was made with, if this process ended it (RFC 8705 §3.1). */
export function peerCertificateThumbprint(request: IncomingRequest): string | undefined {
  if (!('rawHeaders' in request) || !isTlsSocket(request.socket)) return undefined;
  const certificate = request.socket.getPeerX509Certificate();
  return certificate && sha256Base64Url(certificate.raw);
}
