import type { AuditActor, AuditService } from '../audit/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import { AppError } from '../platform/errors.ts';
import { createOwnJwts, type OwnPayload } from './own-jwt.ts';
import type { Lineage } from './lineage/lineage.ts';
import type { LineageStore } from './lineage/store.ts';
import type { StoppedAgentsStore } from './stopped-agents/store.ts';
import type { GrantedScope, ListedToken, LiveSummary, LiveTokenFilter, TokenStore } from './store.ts';
import type { CountedSelector, Falling, KnownToken, TokenRecord, TokenSelector } from './token-record.ts';

/** A token that was presented and is alive: what the ledger knows, and what stands in it. */
export interface VerifiedToken {
  readonly record: KnownToken;
  readonly payload: OwnPayload;
}

/** Why tokens end and who ends them. `cause` is an event's name or a short sentence, at most 2,000 characters. */
export interface EndReason {
  readonly cause: string;
  readonly by: AuditActor;
}

/** What a page of live tokens is narrowed to; `cursor` is the `nextCursor` of the page before. */
export interface LiveTokensQuery extends Omit<LiveTokenFilter, 'cursor'> {
  readonly cursor?: string;
}

/** A page of live tokens, newest first; `nextCursor` is set when there are more. */
export interface LiveTokensPage {
  readonly tokens: readonly ListedToken[];
  readonly nextCursor: string | undefined;
}

/** The ledger's use cases. */
export interface TokenService {
  /** One read: the token and whether it is alive now. */
  find(jti: string): Promise<KnownToken | undefined>;
  /** A token and all that it was made from, newest first; what is a day past its end is not there any more. */
  ancestorsOf(jti: string): Promise<readonly TokenRecord[]>;
  /** @throws {AppError} `not_found` */
  get(jti: string): Promise<KnownToken>;
  /**
   * A JWT access token of ours that is alive at this moment (RFC 9068 §4, R13), or undefined for everything else: foreign, forged,
   * expired, ended, of a party that is gone. The signature is checked first; then one read.
   */
  verify(jwt: string): Promise<VerifiedToken | undefined>;
  /** The id of the token that somebody pastes: a JWT that we signed, expired ones too, or an id itself. Nothing else is looked up by it. */
  identify(pasted: string): Promise<string | undefined>;
  /** A token with what it came from and what was made of it; one read. @throws {AppError} `not_found` */
  lineage(jti: string): Promise<Lineage>;
  /** The token that a decision about a client gave; undefined when it gave none, or it is forgotten. */
  givenBy(decisionId: string, clientId: string): Promise<string | undefined>;
  /** What became of a grant in the last day: the newest tokens under it, at most five, each with what was made of it. */
  lineagesUnder(grantHash: Buffer): Promise<readonly Lineage[]>;
  live(query: LiveTokensQuery): Promise<LiveTokensPage>;
  countLive(query: Omit<LiveTokenFilter, 'cursor' | 'limit'>): Promise<number>;
  /** Everything that is alive: tokens, agents in them, people and resources they are for. */
  summarise(): Promise<LiveSummary>;
  /** The scopes that most live tokens carry. */
  mostGranted(limit: number): Promise<readonly GrantedScope[]>;
  /** Ends tokens and all that was made from them, in the transaction under way; one audit event tells what fell. Safe to repeat. */
  end(selector: TokenSelector, reason: EndReason): Promise<Falling>;
  /** The same for many agents at once, with an event for each that held something. */
  endOfAgents(agentIds: readonly string[], reason: EndReason): Promise<void>;
  /** What `end` would end now. */
  countFalling(selector: CountedSelector): Promise<Falling>;
  /** Whether client and person are alive; for opaque tokens, which are not in the ledger. */
  arePartiesLive(clientId: string, accountId: string | undefined): Promise<boolean>;
}

const LONGEST_JTI = 128;
const MOST_BEGUN = 5;

function missing(): never {
  throw new AppError('not_found', 'There is no such token, or it ended more than a day ago.');
}

function cursorOf(token: KnownToken): string {
  return `${token.issuedAt.getTime()}.${token.jti}`;
}

function readCursor(cursor: string): { issuedAt: Date; jti: string } {
  const [, at = '', jti = ''] = /^(\d{1,15})\.([\w-]{1,128})$/.exec(cursor) ?? [];
  if (jti === '') throw new AppError('invalid_input', 'The cursor is not one of ours.', { member: 'cursor' });
  return { issuedAt: new Date(Number(at)), jti };
}

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** What fell, as the audit tells it. */
function summaryOf({ tokens, agents, people, grants }: Falling): string {
  const parts = [plural(tokens, 'token', 'tokens'), plural(agents, 'agent', 'agents'), plural(people, 'person', 'people')];
  return [...parts, plural(grants, 'grant', 'grants')].join(', ');
}

/** Which party an end is about, for the audit's columns. */
function partyOf(selector: TokenSelector): { agentId?: string; subjectId?: string; clientId?: string; resource?: string } {
  switch (selector.by) {
    case 'agent':
      return { agentId: selector.agentId };
    case 'account':
      return { subjectId: selector.accountId };
    case 'client':
      return { clientId: selector.clientId };
    case 'resource':
      return { resource: selector.resource };
    default:
      return {};
  }
}

/** The ledger over its store. `publicKeys` are the keys in force, asked for at every verification. */
export function createTokenService(deps: {
  db: Db;
  store: TokenStore;
  stoppedAgents: StoppedAgentsStore;
  lineages: LineageStore;
  clock: Clock;
  audit: Pick<AuditService, 'record' | 'recordMany'>;
  issuer: string;
  publicKeys: () => readonly Record<string, unknown>[];
}): TokenService {
  const { db, store, audit } = deps;
  const ownJwts = createOwnJwts(deps);
  const find = async (jti: string) => (jti === '' || jti.length > LONGEST_JTI ? undefined : store.find(jti));
  return {
    find,
    ancestorsOf: (jti) => store.listAncestors(jti),
    async get(jti) {
      const token = await find(jti);
      return token ?? missing();
    },
    async verify(jwt) {
      const payload = await ownJwts.verify(jwt);
      if (typeof payload?.jti !== 'string') return undefined;
      const record = await find(payload.jti);
      if (record === undefined || !record.isLive || record.resource !== payload.aud) return undefined;
      return { record, payload };
    },
    async identify(pasted) {
      const jti = pasted.includes('.') ? await ownJwts.identify(pasted) : pasted;
      return jti === undefined ? undefined : (await find(jti))?.jti;
    },
    async lineage(jti) {
      const found = jti === '' || jti.length > LONGEST_JTI ? undefined : await deps.lineages.find(jti);
      return found ?? missing();
    },
    givenBy: (decisionId, clientId) => deps.lineages.givenBy(decisionId, clientId),
    async lineagesUnder(grantHash) {
      const begun = await deps.lineages.begunUnder(grantHash, MOST_BEGUN);
      return (await Promise.all(begun.map((jti) => deps.lineages.find(jti)))).filter((found) => found !== undefined);
    },
    async live({ cursor, ...query }) {
      const from = cursor === undefined ? {} : { cursor: readCursor(cursor) };
      const found = await store.listLive({ ...query, ...from, limit: query.limit + 1 });
      const tokens = found.slice(0, query.limit);
      const last = tokens.at(-1);
      return { tokens, nextCursor: found.length > query.limit && last !== undefined ? cursorOf(last) : undefined };
    },
    countLive: (query) => store.countLive(query),
    summarise: () => store.summarise(),
    mostGranted: (limit) => store.mostGranted(limit),
    end: (selector, { cause, by }) =>
      db.transaction(async () => {
        const { firstJti, ...fallen } = await store.end(selector, cause);
        if (firstJti === undefined) return fallen;
        const tokenId = selector.by === 'jti' ? selector.jti : firstJti;
        await audit.record({
          type: 'token.revoked',
          actor: by,
          tokenId,
          cause,
          remedy: `ended ${summaryOf(fallen)}`,
          ...partyOf(selector),
        });
        return fallen;
      }),
    endOfAgents: (agentIds, { cause, by }) =>
      db.transaction(async () => {
        const fallen = await deps.stoppedAgents.end(agentIds, cause);
        if (fallen.length === 0) return;
        const about = { type: 'token.revoked', actor: by, cause } as const;
        await audit.recordMany(
          fallen.map(({ agentId, firstJti, ...counts }) => ({
            ...about,
            agentId,
            tokenId: firstJti,
            remedy: `ended ${summaryOf(counts)}`,
          })),
        );
      }),
    countFalling: (selector) => store.countFalling(selector),
    arePartiesLive: (clientId, accountId) => store.arePartiesLive(clientId, accountId),
  };
}
