import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createLogger } from '../../src/platform/log.ts';
import type { TokenAnswer } from '../support/agent-client.ts';
import { type DelegationStory, playDelegation } from '../support/delegation-story.ts';
import { decodeEntities } from '../support/html-form.ts';
import type { Page } from '../support/person.ts';

let story: DelegationStory;
const lines: string[] = [];
beforeAll(async () => {
  story = await playDelegation(createLogger('trace', { write: (line: string) => void lines.push(line) }));
}, 60_000);
afterAll(() => story.server.close());

const jtiOf = ({ claims }: TokenAnswer) => String(claims['jti']);
const pageOf = (answer: TokenAnswer) => story.ada.visit(`/console/tokens/${jtiOf(answer)}`);
const paste = async (token: string): Promise<Page> =>
  story.ada.send(await story.ada.visit('/console/tokens'), 'token', { fields: { token } });

interface LineageAnswer {
  readonly token: Readonly<Record<string, unknown>>;
  readonly above: readonly Readonly<Record<string, unknown>>[];
  readonly below: readonly Readonly<Record<string, unknown>>[];
  readonly hops: readonly Readonly<Record<string, unknown>>[];
  readonly left_out: readonly Readonly<Record<string, unknown>>[];
}
const lineageOf = async (answer: TokenAnswer) =>
  (await story.manage('GET', `/api/v1/tokens/${jtiOf(answer)}/lineage`)).body as unknown as LineageAnswer;

describe('what a token came from', () => {
  test('the ledger knows by which right it was made, and under which delegation (R1)', async () => {
    const delegations = await story.manage('GET', '/api/v1/delegations');
    const [{ id } = { id: '' }] = (delegations.body as unknown as { items: { id: string }[] }).items;
    const { token, above, hops } = await lineageOf(story.child);
    expect(above.map(({ jti }) => jti)).toEqual([jtiOf(story.parent)]);
    expect(token['jti']).toBe(jtiOf(story.child));
    const who = { from: story.assistant.agentId, to: story.bookkeeper.agentId, handed_on: true };
    const lost = { scopes_before: ['read', 'pay'], scopes_after: ['read'], resource: null, details: [] };
    expect(hops).toEqual([expect.objectContaining({ ...who, ...lost, basis: 'delegation', delegation_id: id })]);
    expect(hops[0]?.['decision_id']).toMatch(/^dec_/);
  });

  test('the page says it in words and draws it, without a style of its own', async () => {
    const page = await pageOf(story.child);
    expect(page.words).toContain('Bookkeeper acts for Mira Köhler');
    for (const words of [
      'Mira Köhler consented',
      'Assistant handed it to Bookkeeper',
      'A delegation between the two agents allows it',
      'Scopes: 2 → 1; without pay',
    ])
      expect(page.words).toContain(words);
    expect(page.html).toMatch(/<svg class="lineage" viewBox="0 0 \d+ \d+"[^>]*aria-hidden="true"/);
    expect(page.html).not.toMatch(/\sstyle=/);
  });

  test('what an agent makes for itself is told apart, and what is too much is counted', async () => {
    const made = [];
    for (let index = 0; index < 9; index += 1)
      made.push(await story.assistant.client.exchange(story.parent.token, { resource: story.resource, scope: 'read' }));
    const { hops, below, left_out: leftOut } = await lineageOf(story.parent);
    expect(below).toHaveLength(6);
    expect(hops.map(({ basis }) => basis)).toEqual(['delegation', ...Array.from({ length: 5 }, () => 'issued_to')]);
    expect(leftOut).toEqual([{ jti: jtiOf(story.parent), count: 4 }]);
    const page = await pageOf(story.parent);
    expect(page.words).toContain('Assistant made a narrower one for itself It was issued to the same client');
    const [, more = ''] = /href="([^"]*\?parent=[^"]+)"/.exec(page.html) ?? [];
    expect((await story.ada.visit(more)).words).toMatch(/^.*10 tokens are alive.*Only those made from/);
  });

  test('nobody but administrators and auditors sees it, and an unknown one is not there', async () => {
    expect((await story.mira.visit(`/console/tokens/${jtiOf(story.child)}`)).status).toBe(403);
    expect((await story.ada.visit('/console/tokens/nobody-knows-it')).status).toBe(404);
    expect((await story.manage('GET', '/api/v1/tokens/nobody-knows-it/lineage')).status).toBe(404);
  });
});

describe('a token that somebody found', () => {
  test('pasted, or its id, leads to its page; it stands in no address and no log', async () => {
    for (const pasted of [story.child.token, ` ${jtiOf(story.child)} `]) {
      const page = await paste(pasted);
      expect([page.status, page.url.pathname]).toEqual([200, `/console/tokens/${jtiOf(story.child)}`]);
    }
    const [, payload = '', signature = ''] = story.child.token.split('.');
    expect(lines.filter((line) => line.includes(signature) || line.includes(payload))).toEqual([]);
    expect(lines.some((line) => line.includes('/console/tokens/find') || line.includes('console'))).toBe(true);
  });

  test('that we did not sign leads nowhere, whatever id stands in it', async () => {
    const [header = '', payload = ''] = story.child.token.split('.');
    const forged = `${header}.${payload}.${'A'.repeat(86)}`;
    for (const pasted of [forged, `${story.child.token.slice(0, -4)}AAAA`, 'nothing.at.all', 'no-such-id', 'x'.repeat(20_000)]) {
      const page = await paste(pasted);
      expect([page.url.pathname, page.words.includes('This is no token of this server')]).toEqual(['/console/tokens', true]);
      expect(page.html).not.toContain(pasted);
    }
  });
});

test('the audit event of a token leads to its page, and so does the decision that gave it', async () => {
  const events = await story.manage('GET', `/api/v1/audit/events?type=token.issued&agent_id=${story.bookkeeper.agentId}`);
  const [{ id } = { id: '' }] = (events.body as unknown as { items: { id: string }[] }).items;
  const page = await story.ada.visit(`/console/audit/${id}`);
  expect(page.html).toContain(`href="/console/tokens/${jtiOf(story.child)}"`);
  const [, decision = ''] = /href="(\/console\/decisions\/dec_[0-9a-f]{32})"/.exec(page.html) ?? [];
  const [, gave = ''] = /href="([^"]*by-decision[^"]*)"/.exec((await story.ada.visit(decision)).html) ?? [];
  expect((await story.ada.visit(decodeEntities(gave))).url.pathname).toBe(`/console/tokens/${jtiOf(story.child)}`);
  const other = decodeEntities(gave).replace(/client=[^&]*/, 'client=somebody');
  expect((await story.ada.visit(other)).url.pathname).toBe('/console/audit');
});

test('a person reads what became of what they allowed, and nobody else does', async () => {
  const home = await story.mira.visit('/me');
  const [, path = ''] = /href="([^"]*\/me\/grants\/[0-9a-f]{64})"/.exec(home.html) ?? [];
  const page = await story.mira.visit(path);
  expect([page.status, page.words.includes('What Assistant did with it')]).toEqual([200, true]);
  for (const words of ['Assistant handed it to Bookkeeper', 'Scopes: 2 → 1; without pay']) expect(page.words).toContain(words);
  expect(page.html).not.toContain('/console/');
  expect((await story.ada.visit(path)).status).toBe(404);
});

test('a token is ended from its page, with what was made of it', async () => {
  const page = await pageOf(story.parent);
  const [, end = ''] = /href="([^"]+\/end)"/.exec(page.html) ?? [];
  await story.ada.send(await story.ada.visit(end), 'csrf');
  expect((await pageOf(story.child)).words).toMatch(/Bookkeeper acts for Mira Köhler Ended/);
  expect((await lineageOf(story.child)).above[0]).toMatchObject({ live: false, end_cause: 'ended in the console' });
});
