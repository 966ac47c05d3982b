import type { Authorization, AuthorizationDetail } from './authorization.ts';
import { isJsonObject, type JsonObject } from './claims.ts';
import { authenticatedForm, type ClientCredentials } from './client-authentication.ts';
import { machineClock, type SdkClock } from './clock.ts';
import { boundFetch, createIssuer, type Fetch } from './issuer.ts';
import { AccessRefused, unavailable } from './refusal.ts';

/** Money as decimal text with its currency, or a number of acts. */
export type BudgetAmount = { readonly amount: string; readonly currency: string } | { readonly count: number };

/** One act of a token on one of its details. */
export type BudgetAct = BudgetAmount & {
  /** One of `authorization.authorizationDetails`, as `requireDetail` returns it. */
  readonly detail: AuthorizationDetail;
  /** Names this act among all of this resource server's: the id of the payment. The same key is never counted twice. */
  readonly key: string;
};

/** What the issuer answered. */
export interface BudgetReceipt {
  readonly id: string;
  readonly state: 'spent' | 'held' | 'settled' | 'cancelled';
  /** What is left where least is left, as the issuer says it; undefined where it says nothing. */
  readonly remaining: Readonly<Record<string, unknown>> | undefined;
}

/** How the counters at the issuer are reached. */
export interface BudgetOptions {
  /** The issuer, as for `createResourceServer`. */
  readonly issuer: string;
  /** The own client of this resource server. */
  readonly credentials: ClientCredentials;
  readonly fetch?: Fetch;
  readonly clock?: SdkClock;
}

/** The counters behind details with a budget. They are the issuer's: shared by all servers and all tokens of a permission. */
export interface Budgets {
  /**
   * Uses something up; call it right before the act. @throws BudgetRefused 403 when the issuer says no, AccessRefused 503 when it
   * says nothing: then nothing may happen, and the same call with the same key may be repeated.
   */
  spend(authorization: Pick<Authorization, 'authorizationDetails' | 'token'>, act: BudgetAct): Promise<BudgetReceipt>;
  /** Sets something aside for so many seconds, 604 800 at most. @throws as `spend`. */
  reserve(
    authorization: Pick<Authorization, 'authorizationDetails' | 'token'>,
    act: BudgetAct & { readonly holdSeconds: number },
  ): Promise<BudgetReceipt>;
  /** Ends a hold: so much of it was used up; all of it when nothing is said. Safe to repeat. */
  settle(receiptId: string, used?: BudgetAmount): Promise<BudgetReceipt>;
  /** Gives a hold back. Safe to repeat. */
  cancel(receiptId: string): Promise<BudgetReceipt>;
}

/** The issuer took nothing. `reason` is its word: `budget_exceeded`, `budget_ended`, `beyond_detail`, `token_ended` … */
export class BudgetRefused extends AccessRefused {
  readonly reason: string;
  /** What is left, when that is why. */
  readonly remaining: Readonly<Record<string, unknown>> | undefined;

  constructor(reason: string, remaining: Readonly<Record<string, unknown>> | undefined) {
    super('insufficient_authorization', 'the budget behind this access token does not allow it');
    this.reason = reason;
    this.remaining = remaining;
  }
}

const renewBeforeMilliseconds = 30_000;
const fallbackLifetimeSeconds = 60;
const refusing: readonly number[] = [400, 404, 409];

/** The token of this resource server for the issuer's own interface, kept until shortly before it expires. */
function createBearer(options: BudgetOptions, deps: { issuer: ReturnType<typeof createIssuer>; fetch: Fetch; clock: SdkClock }) {
  let held: { readonly token: Promise<string>; staleAt: number } | undefined;
  const obtain = async (): Promise<{ token: string; lifetimeSeconds: number }> => {
    const endpoint = await deps.issuer.tokenEndpoint();
    const asked = { grant_type: 'client_credentials', resource: `${options.issuer}/access/v1`, scope: 'receipts:write' };
    const form = await authenticatedForm(asked, options.credentials, { issuerId: options.issuer, clock: deps.clock });
    const response = await deps.fetch(endpoint.href, form);
    const answer: unknown = await response.json();
    if (response.status !== 200 || !isJsonObject(answer) || typeof answer['access_token'] !== 'string')
      throw new TypeError(`the token endpoint answered ${response.status}`);
    const { expires_in: lifetime } = answer;
    return { token: answer['access_token'], lifetimeSeconds: typeof lifetime === 'number' ? lifetime : fallbackLifetimeSeconds };
  };
  return {
    forget: () => {
      held = undefined;
    },
    get(): Promise<string> {
      const now = deps.clock.now().getTime();
      if (held !== undefined && now < held.staleAt) return held.token;
      const obtained = obtain();
      const mine = { token: obtained.then(({ token }) => token), staleAt: Number.POSITIVE_INFINITY };
      held = mine;
      obtained.then(
        ({ lifetimeSeconds }) => {
          mine.staleAt = now + lifetimeSeconds * 1000 - renewBeforeMilliseconds;
        },
        () => {
          if (held === mine) held = undefined;
        },
      );
      return mine.token;
    },
  };
}

function receiptOf(answer: JsonObject): BudgetReceipt {
  const { id, state, remaining } = answer;
  const isKnown = state === 'spent' || state === 'held' || state === 'settled' || state === 'cancelled';
  if (typeof id !== 'string' || !isKnown) throw new TypeError('the issuer gave no receipt');
  return { id, state, remaining: isJsonObject(remaining) ? remaining : undefined };
}

function refusalOf(answer: JsonObject): BudgetRefused {
  const { code, remaining } = answer;
  return new BudgetRefused(typeof code === 'string' ? code : 'refused', isJsonObject(remaining) ? remaining : undefined);
}

function quantityOf(quantity: BudgetAmount): JsonObject {
  return 'count' in quantity ? { count: quantity.count } : { amount: quantity.amount, currency: quantity.currency };
}

/**
 * The budgets of one issuer. Nothing is fetched until the first act. Everything that is not a receipt refuses the act.
 * @throws TypeError when `issuer` is no https (or loopback) URL.
 */
export function createBudgets(options: BudgetOptions): Budgets {
  const clock = options.clock ?? machineClock;
  const given = options.fetch ?? fetch;
  const bounded = boundFetch(given);
  const bearer = createBearer(options, { issuer: createIssuer(options.issuer, given, clock), fetch: bounded, clock });

  const post = async (path: string, body: JsonObject | undefined, key: string | undefined): Promise<Response> =>
    bounded(`${options.issuer}/access/v1/receipts${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await bearer.get()}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  /** Once more when the answer got lost or the token had just died: the key sees to it that it counts once. */
  const send = async (path: string, body: JsonObject | undefined, key?: string): Promise<BudgetReceipt> => {
    const once = async () => {
      const response = await post(path, body, key);
      if (response.status === 401) bearer.forget();
      if (response.status === 401 || response.status >= 500) throw new TypeError(`the issuer answered ${response.status}`);
      return response;
    };
    try {
      const response = await once().catch(once);
      const answer: unknown = await response.json();
      if (!isJsonObject(answer)) throw new TypeError('the issuer gave no answer');
      if (refusing.includes(response.status)) throw refusalOf(answer);
      if (response.status !== 200 && response.status !== 201) throw new TypeError(`the issuer answered ${response.status}`);
      return receiptOf(answer);
    } catch (error) {
      throw error instanceof AccessRefused ? error : unavailable('the budget cannot be counted', error);
    }
  };
  const report = (authorization: Pick<Authorization, 'authorizationDetails' | 'token'>, act: BudgetAct, more: JsonObject) => {
    const detail = authorization.authorizationDetails.indexOf(act.detail);
    if (detail === -1) throw new TypeError('the detail is none of this access token');
    const body = { jti: authorization.token.id, type: act.detail.type, detail, ...quantityOf(act), ...more };
    return send('', body, act.key);
  };
  return {
    spend: async (authorization, act) => report(authorization, act, {}),
    reserve: async (authorization, act) => report(authorization, act, { hold_seconds: act.holdSeconds }),
    settle: (receiptId, used) => send(`/${encodeURIComponent(receiptId)}/settle`, used && quantityOf(used)),
    cancel: (receiptId) => send(`/${encodeURIComponent(receiptId)}/cancel`, undefined),
  };
}
