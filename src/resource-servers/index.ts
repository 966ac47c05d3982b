/**
 * The APIs and MCP servers a token can be for. Owns the form of a resource indicator; other capabilities compare resources
 * only in that form.
 */
export { canonicalResourceUri, isLoopbackHost, maxResourceUriLength, type ResourceUri } from './resource-uri.ts';
