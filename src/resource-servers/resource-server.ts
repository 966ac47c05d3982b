import { z } from 'zod';
import { AppError } from '../platform/errors.ts';
import { canonicalResourceUri } from './resource-uri.ts';
import { RISKS, type Risk } from './risk.ts';
import { type ToolBox, toolInput } from './tools/tool.ts';
import { plainWords, scopeName } from './words.ts';

export { RISKS, type Risk } from './risk.ts';

/** The algorithms an access token can be signed with (RFC 9068 §2.1 asks for RS256 at least; ES256 is our default). */
export const TOKEN_ALGORITHMS = ['ES256', 'EdDSA', 'RS256'] as const;

/** One thing a token can allow (RFC 6749 §3.3), with what it means to the person who consents. */
export interface ResourceScope {
  readonly name: string;
  readonly description: string;
  readonly risk: Risk;
}

/** An API or MCP server that a token can be for. */
export interface ResourceServer extends ToolBox {
  readonly id: string;
  /** The canonical resource indicator (RFC 8707 §2): what clients ask for and what stands in `aud`. */
  readonly identifier: string;
  readonly name: string;
  readonly kind: 'api' | 'mcp';
  readonly sensitivity: Risk;
  /** Undefined: 300 s for what is delicate, 900 s for plain scopes. */
  readonly tokenTtlSeconds: number | undefined;
  readonly algorithm: (typeof TOKEN_ALGORITHMS)[number];
  readonly scopes: readonly ResourceScope[];
  readonly createdAt: Date;
}

const risk = z.enum(RISKS);
const scope = z.strictObject({ name: scopeName, description: plainWords(200), risk: risk.optional() });

const MOST_TOOLS = 200;

const changeable = {
  name: plainWords(80),
  kind: z.enum(['api', 'mcp']),
  sensitivity: risk,
  token_ttl_seconds: z.int().min(30).max(86_400).nullable(),
  algorithm: z.enum(TOKEN_ALGORITHMS),
  scopes: z.array(scope).max(200),
  tools: z.array(toolInput).max(MOST_TOOLS),
  tools_open: z.boolean(),
};

/** What a new resource server is made of, as it arrives. */
export const newResourceServer = z.strictObject({
  identifier: z.string().max(2_000),
  name: changeable.name,
  kind: changeable.kind.default('api'),
  sensitivity: changeable.sensitivity.default('medium'),
  token_ttl_seconds: changeable.token_ttl_seconds.default(null),
  algorithm: changeable.algorithm.default('ES256'),
  scopes: changeable.scopes.default([]),
  tools: changeable.tools.optional(),
  tools_open: changeable.tools_open.optional(),
});

/** What of a resource server can change; its identifier cannot, tokens and consents name it. */
export const resourceServerChange = z.strictObject(changeable).partial();

export type NewResourceServer = z.output<typeof newResourceServer>;
export type ResourceServerChange = z.output<typeof resourceServerChange>;

/** Scopes with their risk filled in. @throws {AppError} `invalid_input` when one is named twice or belongs to people's identity. */
export function scopesOf(input: NewResourceServer['scopes'], sensitivity: Risk): ResourceScope[] {
  const seen = new Set<string>();
  return input.map(({ name, description, risk: own }, index) => {
    const member = `/scopes/${index}/name`;
    if (seen.has(name)) throw new AppError('invalid_input', `The scope ${name} is there twice.`, { member });
    if (IDENTITY_SCOPES.has(name))
      throw new AppError('invalid_input', `The scope ${name} belongs to OpenID Connect; choose another name.`, { member });
    seen.add(name);
    return { name, description, risk: own ?? sensitivity };
  });
}

/** Scopes that speak of the person and not of a resource (OpenID Connect Core §5.4, §11). */
const IDENTITY_SCOPES: ReadonlySet<string> = new Set(['openid', 'offline_access', 'profile', 'email', 'address', 'phone']);

/**
 * The identifier of a new resource server in its canonical form. Everything below the issuer is this server itself.
 *
 * @throws {AppError} `invalid_input` with the reason.
 */
export function identifierOf(input: string, issuer: string): string {
  const canonical = canonicalResourceUri(input);
  if (!canonical.ok) throw new AppError('invalid_input', `The identifier ${canonical.reason}.`, { member: '/identifier' });
  const { uri } = canonical;
  const isOurs =
    uri === issuer ||
    ['/scim', '/api', '/access', '/ssf'].some((path) => uri === `${issuer}${path}` || uri.startsWith(`${issuer}${path}/`));
  if (isOurs) throw new AppError('invalid_input', 'Addresses of this authorization server itself are reserved.', { member: '/identifier' });
  return uri;
}
