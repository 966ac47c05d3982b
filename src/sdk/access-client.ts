import { insertWellKnown, parseIssuer, parseSecureUrl } from './addresses.ts';
import { isJsonObject, type JsonObject } from './claims.ts';
import { authenticatedForm, type ClientCredentials } from './client-authentication.ts';
import { machineClock, type SdkClock } from './clock.ts';
import { boundFetch, createIssuer, type Fetch } from './issuer.ts';

/** A subject or a resource of a question (AuthZEN 1.0 §5.1, §5.2). */
export interface AccessEntity {
  readonly type: string;
  readonly id: string;
  readonly properties?: JsonObject;
}

/** One question: may this subject do this with that (AuthZEN 1.0 §6.1). */
export interface AccessQuestion {
  readonly subject: AccessEntity;
  readonly action: { readonly name: string; readonly properties?: JsonObject };
  readonly resource: AccessEntity;
  readonly context?: JsonObject;
}

/** Several questions; what an entry leaves out is taken from the defaults beside the list (AuthZEN 1.0 §7.1). */
export interface AccessQuestions extends Partial<AccessQuestion> {
  readonly evaluations: readonly Partial<AccessQuestion>[];
  readonly options?: { readonly evaluations_semantic: 'execute_all' | 'deny_on_first_deny' | 'permit_on_first_permit' };
}

/** What the policy decision point says (AuthZEN 1.0 §5.5). Only `true` allows anything. */
export interface AccessDecision {
  readonly decision: boolean;
  /** Why, and what to do; its members are the decision point's own. */
  readonly context?: JsonObject;
}

/** Where to ask, and how to prove who asks. */
export interface AccessClientOptions {
  /** The authorization server whose tokens prove who asks, exactly as in its metadata. */
  readonly issuer: string;
  /** The identifier of the policy decision point; the issuer, if nothing is said. */
  readonly policyDecisionPoint?: string;
  /** The resource server's own credentials: with them a token for `<policyDecisionPoint>/access/v1` is fetched, scope `access:evaluate`. */
  readonly credentials: ClientCredentials;
  readonly fetch?: Fetch;
  readonly clock?: SdkClock;
}

/** Asks a policy decision point. Everything it throws means: not allowed. */
export interface AccessClient {
  /** @throws AccessUnavailable when there is no answer, or none that can be understood. */
  evaluate(question: AccessQuestion): Promise<AccessDecision>;
  /** One decision for each entry that was looked at, in order. @throws AccessUnavailable as above. */
  evaluateAll(questions: AccessQuestions): Promise<readonly AccessDecision[]>;
}

/** The policy decision point cannot be asked, or its answer cannot be understood: nothing is allowed meanwhile. */
export class AccessUnavailable extends Error {
  override readonly name = 'AccessUnavailable';
}

interface Endpoints {
  readonly evaluation: URL;
  readonly evaluations: URL;
}

const freshSeconds = 30;
const metadataLifetimeMilliseconds = 3_600_000;
const retryAfterMilliseconds = 2_000;

/** A value that is made once and kept until it is stale; a failure is repeated after two seconds at the earliest. */
function kept<T>(make: () => Promise<{ readonly value: T; readonly staleAt: number }>, clock: SdkClock) {
  let current: { readonly made: Promise<{ value: T; staleAt: number }>; staleAt: number } | undefined;
  return {
    async get(): Promise<T> {
      const now = clock.now().getTime();
      if (!current || now >= current.staleAt) {
        const made = make();
        const attempt = { made, staleAt: Number.POSITIVE_INFINITY };
        current = attempt;
        made.then(
          ({ staleAt }) => {
            attempt.staleAt = staleAt;
          },
          () => {
            attempt.staleAt = clock.now().getTime() + retryAfterMilliseconds;
          },
        );
      }
      return (await current.made).value;
    },
    drop(): void {
      current = undefined;
    },
  };
}

async function jsonOf(response: Response, what: string): Promise<JsonObject> {
  if (response.status !== 200) throw new AccessUnavailable(`${what} answered ${response.status}`);
  const body: unknown = await response.json();
  if (!isJsonObject(body)) throw new AccessUnavailable(`${what} gave no object`);
  return body;
}

/** AuthZEN 1.0 §9.2.3: the document must be about the decision point it was asked for. */
async function discover(policyDecisionPoint: string, fetchImpl: Fetch): Promise<Endpoints> {
  const base = parseIssuer(policyDecisionPoint);
  const response = await fetchImpl(insertWellKnown(base, 'authzen-configuration').href, { headers: { accept: 'application/json' } });
  const metadata = await jsonOf(response, "the decision point's metadata");
  if (metadata['policy_decision_point'] !== policyDecisionPoint)
    throw new AccessUnavailable('the metadata is about another decision point');
  const at = (name: string, path: string): URL => {
    const value = metadata[name] ?? `${policyDecisionPoint.replace(/\/$/, '')}${path}`;
    const url = parseSecureUrl(String(value), name);
    if (base.protocol === 'https:' && url.protocol !== 'https:') throw new AccessUnavailable(`${name} must use https`);
    return url;
  };
  return {
    evaluation: at('access_evaluation_endpoint', '/access/v1/evaluation'),
    evaluations: at('access_evaluations_endpoint', '/access/v1/evaluations'),
  };
}

function decisionOf(answer: unknown): AccessDecision {
  const { decision, context } = isJsonObject(answer) ? answer : {};
  if (typeof decision !== 'boolean' || !(context === undefined || isJsonObject(context)))
    throw new AccessUnavailable('the answer is no decision');
  return context === undefined ? { decision } : { decision, context };
}

function decisionsOf(answer: JsonObject, { evaluations, options }: AccessQuestions): readonly AccessDecision[] {
  const given = answer['evaluations'];
  const isWhole = (options?.evaluations_semantic ?? 'execute_all') === 'execute_all';
  if (!Array.isArray(given) || given.length === 0 || given.length > evaluations.length || (isWhole && given.length < evaluations.length))
    throw new AccessUnavailable('the answer does not fit the questions');
  return given.map(decisionOf);
}

/**
 * A client of AuthZEN's Authorization API 1.0. Metadata is kept for an hour, its access token until half a minute before it
 * expires; no redirect is followed, no answer is waited for longer than 5 s.
 * @throws TypeError when an address is neither https nor loopback.
 */
export function createAccessClient(options: AccessClientOptions): AccessClient {
  const { issuer: issuerId, credentials, policyDecisionPoint = issuerId, clock = machineClock } = options;
  parseIssuer(policyDecisionPoint);
  const fetchImpl = options.fetch ?? fetch;
  const bounded = boundFetch(fetchImpl);
  const issuer = createIssuer(issuerId, fetchImpl, clock);
  const endpoints = kept(async () => {
    const value = await discover(policyDecisionPoint, bounded);
    return { value, staleAt: clock.now().getTime() + metadataLifetimeMilliseconds };
  }, clock);
  const token = kept(async () => {
    const resource = `${policyDecisionPoint.replace(/\/$/, '')}/access/v1`;
    const form = { grant_type: 'client_credentials', scope: 'access:evaluate', resource };
    const request = await authenticatedForm(form, credentials, { issuerId, clock });
    const answer = await jsonOf(await bounded((await issuer.tokenEndpoint()).href, request), 'the token endpoint');
    const { access_token: value, expires_in: lifetime } = answer;
    if (typeof value !== 'string' || typeof lifetime !== 'number') throw new AccessUnavailable('the token endpoint gave no token');
    return { value, staleAt: clock.now().getTime() + Math.max(lifetime - freshSeconds, 1) * 1000 };
  }, clock);

  const send = async (url: URL, body: object): Promise<Response> =>
    bounded(url.href, {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json', authorization: `Bearer ${await token.get()}` },
      body: JSON.stringify(body),
    });
  /** A token that ended before its time is replaced once. */
  const ask = async (which: keyof Endpoints, body: object): Promise<JsonObject> => {
    try {
      const url = (await endpoints.get())[which];
      const first = await send(url, body);
      if (first.status !== 401) return await jsonOf(first, 'the decision point');
      token.drop();
      return await jsonOf(await send(url, body), 'the decision point');
    } catch (cause) {
      throw cause instanceof AccessUnavailable ? cause : new AccessUnavailable('the decision point cannot be asked', { cause });
    }
  };
  return {
    evaluate: async (question) => decisionOf(await ask('evaluation', question)),
    evaluateAll: async (questions) => decisionsOf(await ask('evaluations', questions), questions),
  };
}
