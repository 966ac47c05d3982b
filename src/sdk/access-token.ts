import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { Actor, Authorization, PresentedToken } from './authorization.ts';
import {
  isAgentProfile,
  isJsonObject,
  type JsonObject,
  readActors,
  readApproval,
  readAuthentication,
  readDetails,
  readNumericDate,
  readOptionalString,
  readProfile,
  readScopes,
  readString,
} from './claims.ts';
import { epochSeconds, fromEpochSeconds, type SdkClock } from './clock.ts';
import { AccessRefused, invalidToken } from './refusal.ts';

/** Signature algorithms a token or proof may use: asymmetric ones alone, never `none`, never HMAC. */
export const acceptedAlgorithms: readonly string[] = ['ES256', 'EdDSA', 'Ed25519', 'RS256', 'PS256'];

/** What a token is held against. */
export interface TokenExpectations {
  readonly issuer: string;
  readonly resource: string;
  readonly key: JWTVerifyGetKey;
  readonly clockToleranceSeconds: number;
  readonly maxActors: number;
  readonly clock: SdkClock;
}

function explain(error: unknown): AccessRefused {
  if (error instanceof AccessRefused) return error;
  if (error instanceof errors.JWTExpired) return invalidToken('the access token has expired', error);
  if (error instanceof errors.JWTClaimValidationFailed)
    return invalidToken(`the ${error.claim} of the access token is not acceptable`, error);
  return invalidToken('the access token is not valid', error);
}

/**
 * Whether every part is written the one way base64url has for its bytes (RFC 4648 §3.5): decoders leave out the last bits of the last
 * letter, so that one signature would have several spellings.
 */
function isCanonical(token: string): boolean {
  return token.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part);
}

async function verifySignature(token: string, expected: TokenExpectations): Promise<JWTPayload> {
  try {
    if (!isCanonical(token)) throw invalidToken('the access token is not valid');
    const { payload } = await jwtVerify(
      token,
      (header, jws) => {
        if (typeof header.kid !== 'string') throw invalidToken('the access token names no key');
        return expected.key(header, jws);
      },
      {
        typ: 'at+jwt',
        algorithms: [...acceptedAlgorithms],
        issuer: expected.issuer,
        requiredClaims: ['aud', 'exp', 'iat', 'sub', 'client_id', 'jti'],
        clockTolerance: expected.clockToleranceSeconds,
        currentDate: expected.clock.now(),
      },
    );
    return payload;
  } catch (error) {
    throw explain(error);
  }
}

function checkAudience(claims: JsonObject, resource: string): void {
  const audience = claims['aud'];
  const only = Array.isArray(audience) && audience.length === 1 ? audience[0] : audience;
  if (only !== resource) throw invalidToken('the access token is for another resource');
}

function readConfirmation(claims: JsonObject): PresentedToken['boundTo'] {
  const cnf = claims['cnf'];
  if (cnf === undefined) return {};
  if (!isJsonObject(cnf)) throw invalidToken('the claim cnf is malformed');
  const jwkThumbprint = readOptionalString(cnf, 'jkt');
  const certificateThumbprint = readOptionalString(cnf, 'x5t#S256');
  if (!jwkThumbprint && !certificateThumbprint) throw invalidToken('the access token is bound in a way that cannot be checked here');
  return { ...(jwkThumbprint && { jwkThumbprint }), ...(certificateThumbprint && { certificateThumbprint }) };
}

function agentOf(self: Actor, actors: readonly Actor[]): Actor | undefined {
  const acting = actors[0] ?? self;
  return isAgentProfile(acting.profile) ? acting : undefined;
}

function checkTimes(claims: JsonObject, expected: TokenExpectations): { readonly issuedAt: Date; readonly expiresAt: Date } {
  const issued = readNumericDate(claims, 'iat');
  if (issued > epochSeconds(expected.clock.now()) + expected.clockToleranceSeconds) {
    throw invalidToken('the access token is from the future');
  }
  return { issuedAt: fromEpochSeconds(issued), expiresAt: fromEpochSeconds(readNumericDate(claims, 'exp')) };
}

function interpret(token: string, claims: JsonObject, expected: TokenExpectations): Authorization {
  checkAudience(claims, expected.resource);
  const times = checkTimes(claims, expected);
  const self = { issuer: expected.issuer, subject: readString(claims, 'sub'), profile: readProfile(claims) };
  const actors = readActors(claims, expected.maxActors);
  const approval = readApproval(claims);
  if (approval && approval.approvedUntil <= expected.clock.now()) throw invalidToken('the approval behind this access token is over');
  return {
    issuer: expected.issuer,
    subject: self.subject,
    subjectProfile: self.profile,
    actors,
    agent: agentOf(self, actors),
    client: readString(claims, 'client_id'),
    authentication: readAuthentication(claims),
    scopes: readScopes(claims),
    authorizationDetails: readDetails(claims),
    approval,
    token: { value: token, id: readString(claims, 'jti'), ...times, claims, boundTo: readConfirmation(claims) },
  };
}

/**
 * Checks a JWT access token as RFC 9068 §4 says: `typ`, signature by the issuer's key, `iss`, `aud` = this resource and nothing
 * else, times, and the shape of every claim that says who acts for whom.
 * Whether its presenter may hold it is still to be proven.
 * @throws AccessRefused `invalid_token`, or `temporarily_unavailable` when the issuer's keys cannot be fetched.
 */
export async function verifyAccessToken(token: string, expected: TokenExpectations): Promise<Authorization> {
  return interpret(token, await verifySignature(token, expected), expected);
}
