import type { Entity, Evaluation } from '../access-request.ts';
import type { Judge } from '../judge.ts';
import { namesOf } from '../naming.ts';
import type { AskedServers, Reach, Reaching } from '../reach.ts';
import type { AccessCaller } from '../service.ts';
import type { AccessStore } from '../store.ts';
import { actionCandidates, type Found, type KnownThings, resourceCandidates, subjectCandidates } from './candidates.ts';
import type { PageTokens } from './page-token.ts';
import { type Candidates, scan } from './scan.ts';
import { readSearch, type Search, type SearchKind, type Wanted } from './search-request.ts';

/** A page of what may be done (AuthZEN 1.0 §8.3); an empty `next_token` is the end. */
export interface SearchAnswer {
  readonly page: { readonly next_token: string; readonly count: number };
  readonly results: readonly ({ readonly type: string; readonly id: string } | { readonly name: string })[];
}

/** The searches. @throws {AppError} `invalid_input` */
export interface SearchService {
  search(kind: SearchKind, caller: AccessCaller, body: unknown): Promise<SearchAnswer>;
}

/** What searching stands on. */
export interface SearchDeps extends Pick<Reaching, 'reachOf' | 'serverOf'> {
  readonly judge: Judge;
  readonly store: Pick<AccessStore, 'liveAfter'>;
  readonly resources: AskedServers;
  readonly things: KnownThings;
  readonly pages: PageTokens;
}

const NOTHING: Found = { id: '' };

/** The question for one candidate: it fills the place of what is searched for. */
function questionFor({ kind, subject, action, resource, context }: Search, { id, properties }: Found): Evaluation {
  const known = properties === undefined ? {} : { properties: { ...properties, ...resource.properties } };
  const filled = (entity: Wanted, of: SearchKind) => (kind === of ? { ...entity, id } : entity) as Entity;
  return {
    subject: filled(subject, 'subject'),
    action: kind === 'action' ? { name: id } : (action ?? { name: '' }),
    resource: { ...filled(resource, 'resource'), ...known },
    context,
  };
}

/** Searches over the judge: whatever is found was asked like any single access. Decisions of a search are not kept. */
export function createSearchService(deps: SearchDeps): SearchService {
  const { judge, store, pages, reachOf, serverOf } = deps;
  const candidatesOf = async (search: Search, reach: Reach): Promise<Candidates<Found>> => {
    const { kind, subject, resource } = search;
    if (kind === 'subject') return subjectCandidates(subject.type, store);
    const server = await serverOf(namesOf(questionFor(search, NOTHING)), reach);
    if (kind === 'resource') return resourceCandidates({ type: resource.type, server }, reach, deps);
    return server === undefined ? async () => [] : actionCandidates(resource.type, server);
  };
  return {
    async search(kind, caller, body) {
      const search = readSearch(kind, body);
      const place = pages.placeOf(search, caller.clientId);
      const reach = await reachOf(caller);
      const isPermitted = async (candidate: Found) =>
        candidate.id !== '' && (await judge(questionFor(search, candidate), reach)).answer.effect === 'permit';
      const { results, next } = await scan(await candidatesOf(search, reach), isPermitted, place);
      const { type } = kind === 'resource' ? search.resource : search.subject;
      return {
        page: {
          next_token: next === undefined ? '' : pages.tokenOf(search, caller.clientId, { after: next, limit: place.limit }),
          count: results.length,
        },
        results: results.map(({ id }) => (kind === 'action' ? { name: id } : { type, id })),
      };
    },
  };
}
