import type { JsonObject, JsonValue } from '../authorization-details/index.ts';
import { MAX_ACTORS } from '../policy/index.ts';
import type { Evaluation } from './access-request.ts';

/** What a party of ours can be. */
export type PartyKind = 'account' | 'agent' | 'service';

/** A party that acts, by the name an issuer gave it (RFC 8693 §4.1). */
export interface NamedActor {
  readonly iss: string;
  readonly sub: string;
}

/** Whom and what a question names, before anybody looked whether they are known here. */
export interface Named {
  readonly subject: { readonly kinds: readonly PartyKind[]; readonly id: string };
  /** Newest first; undefined when the chain cannot be read: it is never cut. */
  readonly actors: readonly NamedActor[] | undefined;
  readonly clientId: string | undefined;
  /** The id of the access token that the access was asked for with. */
  readonly jti: string | undefined;
  /** The identifier of the resource server; undefined: the caller's own. */
  readonly server: string | undefined;
  /** Scopes that the resource server says the access needs. */
  readonly scopes: readonly string[];
}

/** `identity` is COAZ's word for whatever `sub` names. */
const KINDS: ReadonlyMap<string, readonly PartyKind[]> = new Map([
  ['user', ['account']],
  ['identity', ['account', 'agent', 'service']],
  ['agent', ['agent']],
  ['ai_agent', ['agent']],
  ['service', ['service']],
]);
/** Types of resources that are a resource server themselves. */
const SERVER_TYPES: ReadonlySet<string> = new Set(['resource_server', 'mcp_server', 'api']);

const member = (of: JsonObject | undefined, name: string): JsonValue | undefined =>
  of !== undefined && Object.hasOwn(of, name) ? of[name] : undefined;

/** Texts that name something; no database keeps the others. */
const NAME = /^[^\p{Cc}\p{Cs}]{1,2000}$/u;
/** Stands for what is there and names nothing: nobody is found by it, so that it is refused and not passed over. */
const UNREADABLE = '';
/** A scope that no token has. */
const NO_SCOPE = ' ';

/** A member that is a text; anything else is as if it were not there. */
export function textOf(of: JsonObject | undefined, name: string): string | undefined {
  const value = member(of, name);
  return typeof value === 'string' && NAME.test(value) ? value : undefined;
}

/** The name in a member; undefined when there is none. */
function nameIn(of: JsonObject | undefined, name: string): string | undefined {
  const value = member(of, name);
  return value === undefined || value === null ? undefined : (textOf(of, name) ?? UNREADABLE);
}

/** A member that is an object. */
export function objectOf(of: JsonObject | undefined, name: string): JsonObject | undefined {
  const value = member(of, name);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

/** Whether a resource of this type is a resource server itself. */
export function isServerType(type: string): boolean {
  return SERVER_TYPES.has(type);
}

/** The kinds of parties that a type of subject stands for; none for a type that is not known here. */
export function kindsOf(type: string): readonly PartyKind[] {
  return KINDS.get(type) ?? [];
}

function actorsIn(properties: JsonObject | undefined): readonly NamedActor[] | undefined {
  const actors: NamedActor[] = [];
  let holder = properties;
  while (member(holder, 'act') !== undefined) {
    const act = objectOf(holder, 'act');
    const [iss, sub] = [textOf(act, 'iss'), textOf(act, 'sub')];
    if (iss === undefined || sub === undefined || actors.length === MAX_ACTORS) return undefined;
    actors.push({ iss, sub });
    holder = act;
  }
  return actors;
}

/** `scope` as text or list. */
function scopesIn(of: JsonObject | undefined): readonly string[] {
  const value = member(of, 'scope');
  if (value === undefined || value === null) return [];
  if (typeof value === 'string') return value.split(' ').filter((word) => word !== '');
  return Array.isArray(value) ? value.map((word) => (typeof word === 'string' ? word : NO_SCOPE)) : [NO_SCOPE];
}

/** Reads the names out of a question. Pure; nothing of it is believed yet. */
export function namesOf({ subject, action, resource, context }: Evaluation): Named {
  return {
    subject: { kinds: kindsOf(subject.type), id: subject.id },
    actors: actorsIn(subject.properties),
    // COAZ-MCP calls the client that the token was issued to `agent`
    clientId: nameIn(context, 'client_id') ?? nameIn(context, 'agent'),
    jti: nameIn(context, 'jti'),
    server: isServerType(resource.type) ? resource.id : nameIn(resource.properties, 'server'),
    scopes: [...scopesIn(action.properties), ...scopesIn(context)],
  };
}
