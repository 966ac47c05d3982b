import { durationWords } from '../../platform/http/moment.ts';
import type { PolicyInput } from '../../policy/index.ts';
import { failed, type Finding, fine, untried, warning } from '../finding.ts';

/** A client as far as the walk reads its record. */
export interface KnownClient {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly status: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Scopes of resource servers it may ask for; undefined: any. */
  readonly scopes: readonly string[] | undefined;
  /** The only resources it may ask for; undefined: any that is registered. */
  readonly bounds: { readonly resources?: readonly string[] | undefined };
  readonly defaultResource: string | undefined;
  readonly createdAt: Date;
}

/** A decision about a request for a token. */
export interface KeptDecision {
  readonly id: string;
  readonly at: Date;
  readonly effect: string;
  readonly reason: string;
  readonly remedy: string;
  readonly resource: string | undefined;
  /** What the rules saw; `scope` is what was asked for. */
  readonly input: Readonly<Record<string, unknown>>;
}

const CODE = 'authorization_code';
const LISTED = 3;
const LONGEST_SCOPE = 200;

const textsOf = (value: unknown): readonly string[] => (Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []);

/** How long ago, as the end of a sentence. */
function ago(at: Date, now: Date): string {
  return `${durationWords(Math.max(0, (now.getTime() - at.getTime()) / 1000))} ago`;
}

/** Whether the client is known and may ask at all. */
export function judgeClient(client: KnownClient | undefined, now: Date): Finding {
  const check = 'registration';
  if (client === undefined) {
    const next = 'Let the software forget this client_id and register again, or make a client in /console/clients.';
    return failed(check, 'No client has this id, or it was deleted: the software is told invalid_client.', next);
  }
  const { name, kind, status, createdAt } = client;
  if (status !== 'active') return failed(check, `${name} is disabled.`, 'An administrator can enable the client in /console/clients.');
  return fine(check, `${name} ${kind === 'dynamic' ? 'registered itself' : 'was registered here'} ${ago(createdAt, now)}.`);
}

/** Where answers may go (RFC 6749 §3.1.2). `faultOf` says why addresses may not be registered together. */
export function judgeRedirects(metadata: KnownClient['metadata'], faultOf: (uris: readonly string[]) => string | undefined): Finding {
  const check = 'redirect addresses';
  const uris = textsOf(metadata['redirect_uris']);
  const usesCode = textsOf(metadata['grant_types'] ?? [CODE]).includes(CODE);
  if (!usesCode) return fine(check, 'It needs none: no browser is involved.');
  if (uris.length === 0)
    return failed(check, 'It has none, so no person can sign in for it.', 'Add the address to which its browser comes back.');
  const fault = faultOf(uris);
  if (fault !== undefined) return failed(check, `One of them is refused: it ${fault}.`, 'Register an address that the rules allow.');
  return fine(check, `${uris.length === 1 ? 'One is' : `${uris.length} are`} registered; a request must name one of them exactly.`);
}

/** Whether what it is bound to is registered here. `isKnown` is in the order of its resources. */
export function judgeBounds(resources: readonly string[], isKnown: readonly boolean[]): Finding | undefined {
  const missing = resources.filter((_each, index) => isKnown[index] !== true);
  if (resources.length === 0) return undefined;
  const check = 'resources';
  if (missing.length === 0)
    return fine(check, `It may ask for ${resources.slice(0, LISTED).join(', ')}${resources.length > LISTED ? ' and more' : ''}.`);
  return failed(
    check,
    `It may ask for ${missing.slice(0, LISTED).join(', ')}, which is not registered here.`,
    'Register the resource, or change what the client may ask for.',
  );
}

/** Scopes a client is registered for, held against the resources it is bound to. */
export function judgeRegisteredScopes(
  scopes: readonly string[] | undefined,
  resources: readonly { readonly scopes: readonly { readonly name: string }[] }[],
): Finding | undefined {
  const known = new Set(resources.flatMap((resource) => resource.scopes.map(({ name }) => name)));
  const missing = (scopes ?? []).filter((scope) => !known.has(scope));
  if (resources.length === 0 || missing.length === 0) return undefined;
  const words = `It is registered for ${missing.slice(0, LISTED).join(', ')}, which none of its resources knows.`;
  return warning('scopes', words, 'Add the scope to the record of the resource, or register the client for scopes that are there.');
}

/** The resources a client names on its record, its default first. */
export function resourcesOf({ bounds, defaultResource }: Pick<KnownClient, 'bounds' | 'defaultResource'>): readonly string[] {
  return [...new Set([...(defaultResource === undefined ? [] : [defaultResource]), ...(bounds.resources ?? [])])];
}

/** What the client would ask for: the request on which the rules of policy are tried without making anything. */
export function dryRequest(client: KnownClient, known: Pick<PolicyInput, 'facts' | 'now'>): PolicyInput {
  const grants = textsOf(client.metadata['grant_types'] ?? [CODE]);
  const grantType = grants.includes(CODE) ? CODE : (grants[0] ?? CODE);
  const [identifier] = resourcesOf(client);
  const isForPerson = grantType !== 'client_credentials';
  return {
    ...known,
    grantType,
    clientId: client.id,
    isAuthenticated: client.metadata['token_endpoint_auth_method'] !== 'none',
    subject: isForPerson ? { kind: 'account', id: 'usr_anybody' } : { kind: 'agent', id: known.facts.agent?.id ?? 'agt_none' },
    resource: { kind: 'registered', ...(identifier === undefined ? {} : { identifier }) },
    isResourceServersOwn: false,
    scopes: client.scopes ?? [],
    details: [],
    actors: [],
    maxActors: 1,
  };
}

/** What the rules say to that request. */
export function judgeDryRequest(decision: { readonly effect: string; readonly reason: string; readonly remedy: string }): Finding {
  const check = 'authorize';
  if (decision.effect === 'permit') return fine(check, 'The rules would let it have a token; a person’s consent was not tried.');
  return failed(check, decision.reason, decision.remedy);
}

/** What it was refused since it last had a token. `decisions` are its newest, the newest first. */
export function judgeDecisions(decisions: readonly KeptDecision[], now: Date): readonly Finding[] {
  const check = 'token';
  const last = decisions.findIndex(({ effect }) => effect === 'permit');
  const since = (last === -1 ? decisions : decisions.slice(0, last)).slice(0, LISTED);
  const token = decisions[last];
  if (since.length === 0) {
    if (token !== undefined) return [fine(check, `Its last token was ${ago(token.at, now)}, and nothing was refused since.`)];
    const words = 'It has not had a token yet, and policy refused nothing; what the protocol itself refuses is told to the client alone.';
    return [untried(check, words)];
  }
  return since.map(({ id, at, reason, remedy, resource, input }) => {
    const { scope } = input;
    const asked = typeof scope === 'string' && scope !== '' ? ` with ${scope.slice(0, LONGEST_SCOPE)}` : '';
    const what = `${resource === undefined ? '' : ` for ${resource}`}${asked}`;
    return { ...warning(check, `A request${what} was refused ${ago(at, now)} (${id}): ${reason}`, remedy), decisionId: id };
  });
}
