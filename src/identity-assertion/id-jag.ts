import { calculateJwkThumbprint, type JWK } from 'jose';
import { z } from 'zod';
import { accept, type Outcome, refuse } from './refusal.ts';

/** `typ` of an identity assertion authorization grant (draft-ietf-oauth-identity-assertion-authz-grant §3). */
export const ID_JAG_TYPE = 'oauth-id-jag+jwt';
/** Its name in server metadata (§6). */
export const ID_JAG_PROFILE = 'urn:ietf:params:oauth:grant-profile:id-jag';

/** Who acts for the person at the identity provider, as it says (Actor Profile). */
export interface InboundActor {
  readonly iss: string;
  readonly sub: string;
  readonly sub_profile?: string | undefined;
}

/** What a verified ID-JAG says, as far as this server listens to it. */
export interface IdJag {
  readonly iss: string;
  /** Empty when the identity provider has no tenants. */
  readonly tenant: string;
  readonly sub: string;
  readonly jti: string;
  /** Seconds since 1970. */
  readonly exp: number;
  readonly clientId: string;
  /** As they stand there; undefined: none is named. */
  readonly resources: readonly string[] | undefined;
  readonly scopes: readonly string[];
  readonly details: unknown;
  readonly email: string | undefined;
  readonly isEmailVerified: boolean;
  /** The thumbprint (RFC 7638) of the key it is bound to; undefined: none. */
  readonly jkt: string | undefined;
  readonly act: InboundActor | undefined;
}

const text = z.string().min(1).max(500);
const uri = z.string().min(1).max(2_000);
/** One actor: an assertion begins a chain here, it does not continue one (Governed Agent Federation: exactly one `act`). */
const actor = z.strictObject({ iss: text, sub: text, sub_profile: z.string().max(64).optional() });
const claimsOf = z.object({
  iss: text,
  sub: z.string().min(1).max(255),
  jti: text,
  exp: z.number(),
  client_id: uri,
  tenant: z.string().min(1).max(255).optional(),
  resource: z.union([uri.transform((one) => [one]), z.array(uri).min(1).max(20)]).optional(),
  scope: z.string().max(4_000).optional(),
  authorization_details: z.unknown().optional(),
  email: z.string().max(254).optional(),
  email_verified: z.boolean().optional(),
  cnf: z.union([z.strictObject({ jkt: text }), z.strictObject({ jwk: z.record(z.string(), z.unknown()) })]).optional(),
  act: actor.optional(),
});

const isEmptyList = (value: unknown) => Array.isArray(value) && value.length === 0;

async function thumbprintOf(cnf: z.output<typeof claimsOf>['cnf']): Promise<string | undefined> {
  if (cnf === undefined) return undefined;
  if ('jkt' in cnf) return cnf.jkt;
  return calculateJwkThumbprint(cnf.jwk as JWK);
}

/**
 * Reads the claims of a verified ID-JAG (draft §3). `cnf` may hold `jkt` or, as the jwt-dpop draft has it, `jwk`; another way of
 * binding cannot be proved here and is refused. An actor of another issuer than the assertion's is nobody it may speak of.
 */
export async function readIdJag(claims: object): Promise<Outcome<IdJag>> {
  const parsed = claimsOf.safeParse(claims);
  if (!parsed.success) {
    const member = String(parsed.error.issues[0]?.path[0] ?? 'claims').replace(/[^\w]/g, '');
    return refuse('invalid_grant', 'malformed', `The claim ${member} of the assertion is missing or malformed.`);
  }
  const { iss, sub, jti, exp, client_id: clientId, tenant = '', resource: resources, scope = '', email, act, cnf } = parsed.data;
  if (act !== undefined && act.iss !== iss) return refuse('invalid_grant', 'actor', 'The assertion names an actor of somebody else.');
  const jkt = await thumbprintOf(cnf).catch(() => null);
  if (jkt === null) return refuse('invalid_grant', 'malformed', 'The key the assertion is bound to is malformed.');
  return accept({
    ...{ iss, sub, jti, exp, clientId, tenant, resources, email, act, jkt },
    scopes: [...new Set(scope.split(' ').filter((one) => one !== ''))],
    details: isEmptyList(parsed.data.authorization_details) ? undefined : parsed.data.authorization_details,
    isEmailVerified: parsed.data.email_verified === true,
  });
}
