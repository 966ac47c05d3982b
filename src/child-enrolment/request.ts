import { z } from 'zod';
import { canonicalResourceUri } from '../resource-servers/index.ts';

/** A well-formed request for a child. */
export interface ChildRequest {
  readonly scopes: readonly string[] | undefined;
  /** In canonical form. */
  readonly resources: readonly string[] | undefined;
  /** How long the child may live, in seconds; undefined: as long as its parent. */
  readonly agentValidFor: number | undefined;
}

/** The request, or what is malformed about it (RFC 6749 §5.2: ASCII, no quotes). */
export type ReadRequest =
  | { readonly ok: true; readonly request: ChildRequest }
  | { readonly ok: false; readonly error: 'invalid_request' | 'invalid_target' | 'invalid_scope'; readonly description: string };

const MOST_SCOPES = 100;
const MOST_RESOURCES = 50;
/** A minute to register and act; ten years is as good as no end. */
const VALIDITY = z
  .string()
  .regex(/^\d{1,9}$/)
  .transform(Number)
  .pipe(z.number().min(60).max(315_360_000));
const SCOPE_TOKEN = /^[\x21\x23-\x5B\x5D-\x7E]{1,128}$/;

const isGiven = (value: unknown) => value !== undefined && value !== '';

/** Reads the parameters of the grant. Pure. */
export function readChildRequest(params: Readonly<Record<string, unknown>>): ReadRequest {
  const { scope, resource, agent_valid_for: validity } = params;
  const scopes = isGiven(scope)
    ? [
        ...new Set(
          String(scope)
            .split(' ')
            .filter((one) => one !== ''),
        ),
      ]
    : undefined;
  if (scopes !== undefined && (scopes.length > MOST_SCOPES || !scopes.every((one) => SCOPE_TOKEN.test(one))))
    return { ok: false, error: 'invalid_scope', description: 'the scope is malformed' };
  const given = isGiven(resource) ? [resource].flat() : undefined;
  const canonical = given?.slice(0, MOST_RESOURCES + 1).map(canonicalResourceUri);
  if (canonical !== undefined && (canonical.length > MOST_RESOURCES || canonical.some(({ ok }) => !ok)))
    return { ok: false, error: 'invalid_target', description: 'a resource is malformed' };
  const valid = isGiven(validity) ? VALIDITY.safeParse(validity) : undefined;
  if (valid?.success === false)
    return { ok: false, error: 'invalid_request', description: 'agent_valid_for is a number of seconds, from 60 to 315360000' };
  const resources = canonical?.flatMap((one) => (one.ok ? [one.uri] : []));
  return { ok: true, request: { scopes, resources, agentValidFor: valid?.data } };
}
