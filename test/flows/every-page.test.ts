import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type DelegationStory, playDelegation } from '../support/delegation-story.ts';
import { decodeEntities } from '../support/html-form.ts';
import type { Person } from '../support/person.ts';

let story: DelegationStory;
beforeAll(async () => {
  story = await playDelegation();
  // a decision, an ended delegation and a stopped agent have pages of their own
  await story.bookkeeper.client.exchange(story.parent.token, { resource: story.resource, scope: 'pay' });
}, 60_000);
afterAll(() => story.server.close());

interface Visit {
  readonly path: string;
  readonly status: number;
  readonly from: string;
}

/** Pages that differ only in an id, a cursor or a filter are one kind. */
function kindOf(path: string): string {
  return path.replaceAll(/\b(?:[a-z]{3}_[0-9a-f]{32}|[0-9a-f]{64})\b/g, '…').replace(/\?.*$/, '');
}

/** Follows every link of the server's own pages from one page on; three pages of a kind are enough. */
async function crawl(person: Person, start: string): Promise<readonly Visit[]> {
  const visits: Visit[] = [];
  const seen = new Map<string, number>();
  const queue = [{ path: start, from: '' }];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { path, from } = next;
    const kind = kindOf(path);
    const times = seen.get(kind) ?? 0;
    if (times === 3 || visits.some((visit) => visit.path === path)) continue;
    seen.set(kind, times + 1);
    const page = await person.visit(path);
    visits.push({ path, status: page.status, from });
    const links = [...page.html.matchAll(/<a\b[^>]*\bhref="([^"#]+)/g)].map(([, href = '']) => decodeEntities(href));
    const own = links.filter((href) => href.startsWith('/') && !href.startsWith('/sign-out'));
    queue.push(...own.map((href) => ({ path: href, from: path })));
  }
  return visits;
}

describe('every link leads to a page', () => {
  test('of the console, for an administrator', async () => {
    const visits = await crawl(story.ada, '/console');
    expect(visits.filter(({ status }) => status !== 200)).toEqual([]);
    const kinds = new Set(visits.map(({ path }) => kindOf(path)));
    for (const kind of [
      'agents/…',
      'applications',
      'approvals',
      'clients/…',
      'resource-servers/…',
      'delegations',
      'tokens',
      'audit',
      'people/…',
      'groups',
      'initial-access-tokens',
    ])
      expect([...kinds]).toContain(`/console/${kind}`);
  }, 120_000);

  test('of a person’s own pages', async () => {
    const visits = await crawl(story.mira, '/me');
    expect(visits.filter(({ status }) => status !== 200)).toEqual([]);
    const kinds = new Set(visits.map(({ path }) => kindOf(path)));
    for (const kind of ['/me', '/me/approvals', '/me/approvals/…', '/me/grants/…/end', '/me/password']) expect([...kinds]).toContain(kind);
  }, 60_000);

  test('and the console is closed to people without a role', async () => {
    for (const path of ['/console', '/console/agents', '/console/people', '/console/audit', '/console/tokens', '/console/settings'])
      expect([path, (await story.mira.visit(path)).status]).toEqual([path, 403]);
  });

  test('what a refused agent reads leads an administrator to the decision', async () => {
    const refused = await story.bookkeeper.client.exchange(story.parent.token, { resource: story.resource, scope: 'pay' });
    const page = await story.ada.open(String(refused.body['error_uri']));
    expect([page.status, page.words.includes(String(refused.body['decision_id']))]).toEqual([200, true]);
  });
});
