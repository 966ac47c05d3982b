import { authInfoOf, type McpAuthInfo } from './mcp-auth-info.ts';
import type { ResourceServer } from './protection.ts';
import { AccessRefused } from './refusal.ts';

type ErrorClass<Given extends readonly unknown[]> = new (...given: Given) => Error;

/**
 * The error classes by which the official MCP SDK knows how to answer: of version 1 the module
 * `@modelcontextprotocol/sdk/server/auth/errors.js`, of version 2 the module `@modelcontextprotocol/server`.
 */
export type McpErrors =
  | { readonly OAuthError: ErrorClass<[code: string, message: string]> }
  | {
      readonly InvalidTokenError: ErrorClass<[message: string]>;
      readonly InsufficientScopeError: ErrorClass<[message: string]>;
      readonly ServerError: ErrorClass<[message: string]>;
    };

/** An `OAuthTokenVerifier` of the official MCP SDK, for its `requireBearerAuth`. */
export interface TokenVerifier {
  /** @throws an error of the MCP SDK: invalid token (401), insufficient scope (403), server error (500). */
  verifyAccessToken(token: string): Promise<McpAuthInfo>;
}

type Answer = 'invalid_token' | 'insufficient_scope' | 'server_error';

function answerTo(refusal: AccessRefused): Answer {
  if (refusal.status === 503) return 'server_error';
  return refusal.status === 403 ? 'insufficient_scope' : 'invalid_token';
}

function inTheirWords(errors: McpErrors, answer: Answer, message: string): Error {
  if ('InvalidTokenError' in errors) {
    if (answer === 'invalid_token') return new errors.InvalidTokenError(message);
    return answer === 'server_error' ? new errors.ServerError(message) : new errors.InsufficientScopeError(message);
  }
  return new errors.OAuthError(answer, message);
}

/**
 * Verifies bearer tokens for `requireBearerAuth` of the official MCP SDK. It sees the text of the token alone: a token that is
 * bound to a key or a certificate is refused, and no tool's scopes or details are checked; `protectMcp` does both.
 */
export function createTokenVerifier(server: ResourceServer, errors: McpErrors): TokenVerifier {
  return {
    async verifyAccessToken(token) {
      try {
        const headers = { get: (name: string) => (name === 'authorization' ? `Bearer ${token}` : null) };
        return authInfoOf(server, await server.verify({ method: 'POST', url: server.resource, headers }));
      } catch (error) {
        if (!(error instanceof AccessRefused)) throw error;
        throw inTheirWords(errors, answerTo(error), error.message);
      }
    },
  };
}
