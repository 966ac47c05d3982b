/** Kinds of parties that a token can be about (contract.md "Tokens"). */
export type SubjectProfile = 'user' | 'ai_agent' | 'service';

/** The `act` claim (RFC 8693 §4.1): the newest actor outermost, the one before it inside. */
export interface ActClaim {
  readonly iss: string;
  readonly sub: string;
  readonly sub_profile?: string;
  readonly act?: ActClaim;
}

/** The `cnf` claim: which key a token is bound to (RFC 9449 §6.1, RFC 8705 §3.1). */
export interface Confirmation {
  readonly jkt?: string;
  readonly 'x5t#S256'?: string;
}

/** One element of `authorization_details` as it was granted (RFC 9396 §2). */
export type GrantedDetail = Readonly<Record<string, unknown>>;

/** The `approval` claim (contract.md "Tokens"). */
export type ApprovalClaim = Readonly<Record<string, unknown>>;

/** What the ledger knows of a token. */
export interface TokenRecord {
  readonly jti: string;
  readonly kind: 'AccessToken' | 'ClientCredentials';
  readonly clientId: string;
  readonly subject: string;
  readonly subjectProfile: SubjectProfile;
  /** The person on whose behalf it is, if there is one. */
  readonly accountId: string | undefined;
  /** The outermost actor, or the agent that is itself the subject. */
  readonly agentId: string | undefined;
  /** Every agent in the token, whatever its place. */
  readonly agentIds: readonly string[];
  /** What made the actor the actor (R3). */
  readonly actorSource: string | undefined;
  /** SHA-256 of the id of the grant it was issued under. */
  readonly grantHash: Buffer | undefined;
  /** The family of refresh tokens it came with or from: one connection of one client. */
  readonly familyHash: Buffer | undefined;
  readonly parentJti: string | undefined;
  /** The grant of the token endpoint that issued it; unknown for tokens of an older version. */
  readonly grantType: string | undefined;
  /** By which right its holder made it from the parent (R1): `issued_to`, `resource_server`, `may_act`, `delegation`. */
  readonly basis: string | undefined;
  /** The delegation that right stands on. */
  readonly delegationId: string | undefined;
  /** The token at the beginning of its lineage; itself when it has no parent. */
  readonly rootJti: string;
  /** How many tokens lie between it and its root, itself included; 0 for a root. */
  readonly depth: number;
  /** Its one audience. */
  readonly resource: string;
  /** Space-separated; empty when it has none. */
  readonly scope: string;
  readonly details: readonly GrantedDetail[] | undefined;
  readonly act: ActClaim | undefined;
  readonly cnf: Confirmation | undefined;
  readonly acr: string | undefined;
  readonly authTime: Date | undefined;
  readonly approval: ApprovalClaim | undefined;
  readonly approvalId: string | undefined;
  readonly decisionId: string | undefined;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  readonly endedAt: Date | undefined;
  readonly endCause: string | undefined;
}

/** A token about to be issued: lineage and end are the ledger's to say. */
export type NewToken = Omit<TokenRecord, 'rootJti' | 'depth' | 'endedAt' | 'endCause'> & {
  /** The version of the policies it was decided under: it is written only while that one is in force. Undefined: none was asked. */
  readonly policyVersion?: number | undefined;
};

/** A token with whether it is alive: derived from the state of all its parties and ancestors at the time of reading (R13). */
export interface KnownToken extends TokenRecord {
  readonly isLive: boolean;
}

/** Which tokens: one and what was made from it, or all of a party and what was made from those. */
export type TokenSelector =
  | { readonly by: 'jti'; readonly jti: string }
  | { readonly by: 'client'; readonly clientId: string }
  | { readonly by: 'agent'; readonly agentId: string }
  | { readonly by: 'account'; readonly accountId: string }
  | { readonly by: 'grant'; readonly grantHash: Buffer }
  | { readonly by: 'family'; readonly familyHash: Buffer }
  | { readonly by: 'resource'; readonly resource: string };

/** A selection that is only counted: also many agents at once. */
export type CountedSelector = TokenSelector | { readonly by: 'agents'; readonly agentIds: readonly string[] };

/** What falls with a selection: live tokens, further agents that hold them, people they are for, grants they come from. */
export interface Falling {
  readonly tokens: number;
  readonly agents: number;
  readonly people: number;
  readonly grants: number;
}

/** The actors of a chain, newest first. */
export function actorsOf(act: ActClaim | undefined): readonly ActClaim[] {
  const actors: ActClaim[] = [];
  for (let link = act; link !== undefined; link = link.act) actors.push(link);
  return actors;
}

/** The id a selection is made by, as text; a grant's or a family's is the hash in hexadecimal, those of several agents have spaces between. */
export function selectedId(selector: CountedSelector): string {
  switch (selector.by) {
    case 'jti':
      return selector.jti;
    case 'client':
      return selector.clientId;
    case 'agent':
      return selector.agentId;
    case 'agents':
      return selector.agentIds.join(' ');
    case 'account':
      return selector.accountId;
    case 'grant':
      return selector.grantHash.toString('hex');
    case 'family':
      return selector.familyHash.toString('hex');
    case 'resource':
      return selector.resource;
  }
}
