import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { fetchCard } from '../../src/agents/cards/fetching.ts';
import type { Account } from '../../src/accounts/index.ts';
import { randomIds } from '../../src/platform/ids.ts';
import { createLogger } from '../../src/platform/log.ts';
import { createOutgoing } from '../../src/platform/outgoing/dispatcher.ts';
import { type Door, startPages, type Visitor } from '../accounts/visitor.ts';
import { closeEdges } from '../platform/http/edge-client.ts';
import { certificate, privateKey } from '../platform/outgoing/certificate.ts';
import { v1 } from './agent-card-sample.ts';
import { administrator, openRegistry, type Registry } from './registry.ts';

const home = new URL('https://issuer.test');
const door: Door = { account: undefined, needs: [] };
const seen: http.IncomingHttpHeaders[] = [];
let registry: Registry;
let visitor: Visitor;
let jana: string;
let site: http.Server;
let origin: string;
/** What the site answers; a test replaces it. */
let answer: http.RequestListener;

const card =
  (change: object = {}): http.RequestListener =>
  (_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ ...v1, ...change }));
  };
const withTag =
  (change: object, etag: string): http.RequestListener =>
  (request, response) => {
    response.setHeader('etag', etag);
    if (request.headers['if-none-match'] === etag) response.writeHead(304).end();
    else card(change)(request, response);
  };

async function listen(server: http.Server | https.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  registry = await openRegistry(home);
  jana = await registry.addPerson('Jana Weber');
  visitor = (await startPages(registry.agents, door, home)).visitor();
  site = http.createServer((request, response) => {
    seen.push(request.headers);
    answer(request, response);
  });
  origin = `http://127.0.0.1:${await listen(site)}`;
});
beforeEach(() => {
  answer = card();
  seen.length = 0;
  const ada = { id: administrator.id, email: 'ada@example.com', name: 'Ada Admin', role: 'admin', status: 'active' };
  door.account = { ...ada, createdAt: registry.clock.now() } as Account;
});
afterAll(async () => {
  await closeEdges();
  site.closeAllConnections();
  await new Promise((resolve) => site.close(resolve));
  await registry.close();
});

/** An address nobody used before. */
const freshUrl = () => `${origin}/cards/${randomIds.next('req')}.json`;
const add = (url: string, more: object = {}) => registry.agents.cards.add({ url, owner: jana, ...more }, administrator);
const readAll = async () => {
  const job = registry.agents.capability.jobs?.find(({ name }) => name === 'agent-cards');
  await job?.run();
};
const eventOf = async (agentId: string, type: string) =>
  (await registry.audit.list({ agentId, limit: 50 })).events.map(({ event }) => event).filter((event) => (event.type as string) === type);
/** An active agent that came from a card. */
async function active(url: string) {
  const { agent } = await add(url);
  return registry.agents.setStatus(agent.id, 'active', { by: administrator });
}

describe('an agent from its card', () => {
  test('is proposed, with the address as its external id, its own words as description and A2A among its protocols', async () => {
    const { outcome, agent } = await add(origin);
    const url = `${origin}/.well-known/agent-card.json`;
    expect(outcome).toBe('created');
    expect(await registry.agents.get(agent.id)).toMatchObject({
      displayName: 'Route planner',
      description: v1.description,
      status: 'proposed',
      owner: { kind: 'user', id: jana },
      source: `a2a:${origin}`,
      externalId: url,
      provisioned: { protocols: [{ type: 'A2A', specificationUrl: url }] },
    });
    expect(seen.map(({ accept }) => accept)).toEqual(['application/json']);
  });

  test('is there once, however often and by however many it is added', async () => {
    const url = freshUrl();
    // connections are there, and nobody is answered before all have asked: then they meet in the database
    await Promise.all(Array.from({ length: 8 }, () => registry.sql('SELECT pg_sleep(0.2)')));
    const waiting: (() => void)[] = [];
    answer = (request, response) => {
      waiting.push(() => card()(request, response));
      if (waiting.length === 8) for (const go of waiting) go();
    };
    const many = await Promise.all(Array.from({ length: 8 }, () => add(url)));
    expect(new Set(many.map(({ agent }) => agent.id)).size).toBe(1);
    expect(many.filter(({ outcome }) => outcome === 'created')).toHaveLength(1);
    answer = card();
    expect((await add(url)).outcome).toBe('unchanged');
    answer = card({ version: '9' });
    expect(await add(url)).toMatchObject({ outcome: 'changed', members: ['version'] });
  });

  test('may be named an owner by e-mail address, later too; an unknown one is refused', async () => {
    const url = freshUrl();
    expect((await add(url, { owner: '' })).agent.owner).toBeUndefined();
    expect((await add(url, { owner: `${jana}@example.com` })).agent.owner).toEqual({ kind: 'user', id: jana });
    for (const owner of ['nobody@example.com', 'nonsense'])
      await expect(add(freshUrl(), { owner })).rejects.toMatchObject({ details: { member: 'owner' } });
  });

  test('of a dry run is nowhere', async () => {
    const url = freshUrl();
    const { agent, outcome } = await add(url, { isDryRun: true });
    expect([outcome, await registry.agents.find(agent.id)]).toEqual(['created', undefined]);
  });
});

describe('R21: what is not taken for a card', () => {
  const refused: [string, http.RequestListener, RegExp][] = [
    ['a redirect', (_request, response) => void response.writeHead(302, { location: `${origin}/other` }).end(), /redirect/],
    ['an answer larger than 256 KB', card({ extra: 'x'.repeat(256 * 1024) }), /too large/],
    [
      'another type',
      (_request, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end(JSON.stringify(v1)),
      /not JSON/,
    ],
    ['no answer', (_request, response) => void response.writeHead(404).end(), /answered 404/],
    ['an answer without content', (_request, response) => void response.writeHead(304).end(), /answered 304/],
    ['a card that hides something', card({ name: 'a\u202eb' }), /invisible/],
  ];
  test.each(refused)('%s', async (_what, listener, words) => {
    answer = listener;
    const url = freshUrl();
    await expect(add(url)).rejects.toThrow(words);
    expect(seen).toHaveLength(1);
    expect(await registry.sql('SELECT 1 FROM agent_cards WHERE url = $1', [url])).toEqual([]);
  });

  test.each(['https://10.0.0.7/card.json', 'https://169.254.169.254/', 'https://[fd00::1]/card.json', 'http://example.test/card.json'])(
    'an address inside, or without https: %s',
    async (url) => {
      await expect(add(url)).rejects.toMatchObject({ code: 'invalid_input', details: { member: 'url' } });
    },
  );

  test('loopback without the development flag; with https and a name that leads elsewhere a card is read', async () => {
    const log = createLogger('silent');
    const production = createOutgoing({ allowLoopback: false, log });
    await expect(fetchCard(production, `${origin}/card`, undefined)).rejects.toThrow(/not one this server may call/);
    const secure = https.createServer({ key: privateKey, cert: certificate }, card());
    const port = await listen(secure);
    const named = { log, trustedCertificates: certificate, resolve: async () => ['127.0.0.1'] };
    const [inside, outside] = [createOutgoing({ allowLoopback: false, ...named }), createOutgoing({ allowLoopback: true, ...named })];
    await expect(fetchCard(inside, `https://tls.test:${port}/card`, undefined)).rejects.toThrow(/may not call/);
    expect(await fetchCard(outside, `https://tls.test:${port}/card`, undefined)).toMatchObject({
      card: { facts: { name: 'Route planner' } },
    });
    await Promise.all([production, inside, outside].map((each) => each.close()));
    secure.closeAllConnections();
    secure.close();
  });
});

describe('a card is read again', () => {
  test('about hourly, with its ETag; nothing new leaves no event', async () => {
    answer = withTag({}, '"v1"');
    const { agent } = await add(freshUrl());
    const before = await registry.agents.cards.find(agent.id);
    seen.length = 0;
    await readAll();
    expect(seen).toEqual([]);
    registry.advance(76 * 60);
    await readAll();
    expect(seen.some((headers) => headers['if-none-match'] === '"v1"')).toBe(true);
    const after = await registry.agents.cards.find(agent.id);
    expect(after?.readAt.getTime()).toBeGreaterThan(before?.readAt.getTime() ?? 0);
    expect([after?.contentHash, await eventOf(agent.id, 'agent.card_changed')]).toEqual([before?.contentHash, []]);
  });

  test('a change is an event that names the members; what nobody here said better follows the card', async () => {
    const url = freshUrl();
    const { id } = await active(url);
    await registry.agents.update(id, { changes: { displayName: 'Our planner' } }, administrator);
    answer = card({ name: 'Router 2', description: 'Plans better.', version: '2' });
    registry.advance(76 * 60);
    await readAll();
    expect(await eventOf(id, 'agent.card_changed')).toMatchObject([
      { action: 'description name version', actor: { kind: 'system', id: 'agent-cards' } },
    ]);
    expect(await registry.agents.get(id)).toMatchObject({ displayName: 'Our planner', description: 'Plans better.', status: 'active' });
  });

  test.each([
    ['another provider', { provider: { organization: 'Somebody else' } }, 'its provider'],
    ['another address', { supportedInterfaces: [{ url: 'https://evil.test/' }] }, 'where it answers'],
    ['another way to prove oneself', { securitySchemes: {} }, 'how callers prove themselves'],
    ['another signing key', { signatures: [] }, 'the key that signs it'],
  ])('%s puts an active agent under review', async (_what, change, words) => {
    const { id } = await active(freshUrl());
    answer = card(change);
    registry.advance(76 * 60);
    await readAll();
    expect(await registry.agents.get(id)).toMatchObject({ status: 'underReview', statusReason: `Its agent card changed: ${words}.` });
    expect(registry.stopped).toContain(id);
    expect(await eventOf(id, 'agent.reviewed')).toMatchObject([{ actor: { kind: 'system', id: 'agent-cards' } }]);
  });

  test('it stops one that acts under review for drift as well', async () => {
    const { id } = await active(freshUrl());
    const by = { kind: 'system', id: 'drift', party: 'system' } as const;
    await registry.agents.setStatus(id, 'underReview', { by, reason: 'Something else runs.', meanwhile: 'acts' });
    answer = card({ provider: { organization: 'Somebody else' } });
    registry.advance(76 * 60);
    await readAll();
    expect(await registry.agents.get(id)).toMatchObject({ actsUnderReview: false, statusReason: 'Its agent card changed: its provider.' });
    expect(registry.stopped).toContain(id);
  });

  test('R14: a suspended agent stays suspended, a retired one is not read any more', async () => {
    const [one, other] = [await active(freshUrl()), await active(freshUrl())];
    await registry.agents.setStatus(one.id, 'suspended', { by: administrator, reason: 'odd' });
    await registry.agents.setStatus(other.id, 'retired', { by: administrator });
    answer = card({ provider: { organization: 'Somebody else' } });
    registry.advance(76 * 60);
    await readAll();
    expect([(await registry.agents.get(one.id)).status, (await registry.agents.get(other.id)).status]).toEqual(['suspended', 'retired']);
    expect([(await eventOf(one.id, 'agent.card_changed')).length, (await eventOf(other.id, 'agent.card_changed')).length]).toEqual([1, 0]);
  });

  test('what fails is tried again ever later, keeps what was known, and heals', async () => {
    const { agent } = await add(freshUrl());
    const known = (await registry.agents.cards.find(agent.id))?.contentHash;
    answer = (_request, response) => void response.writeHead(503).end();
    registry.advance(76 * 60);
    await readAll();
    seen.length = 0;
    registry.advance(16 * 60);
    await readAll();
    const failing = await registry.agents.cards.find(agent.id);
    expect(failing).toMatchObject({ contentHash: known, failing: { times: 2, reason: 'The host answered 503 instead of a card.' } });
    seen.length = 0;
    registry.advance(16 * 60);
    await readAll();
    expect(seen).toEqual([]);
    answer = card();
    registry.advance(24 * 3_600);
    await readAll();
    expect((await registry.agents.cards.find(agent.id))?.failing).toBeUndefined();
  });
});

describe('in the console', () => {
  test('the card is looked at first, added as it was seen, and quoted on the page of the agent', async () => {
    const url = freshUrl();
    expect((await visitor.open('/console/agents')).text).toContain('From an agent card');
    await visitor.open('/console/agents/from-card');
    const preview = await visitor.send('/console/agents/from-card', { url, owner: jana });
    for (const words of [
      'Is this the agent?',
      'This would be recorded',
      'Example Geo',
      'JSONRPC',
      'google (openIdConnect)',
      'Nobody checked them',
    ])
      expect(preview.text).toContain(words);
    const expected = /name="expected" value="([^"]+)"/.exec(preview.html)?.[1] ?? '';
    expect(await registry.sql('SELECT 1 FROM agent_cards WHERE url = $1', [url])).toEqual([]);

    answer = card({ name: 'Swapped' });
    const swapped = await visitor.send('/console/agents/from-card', { url, owner: jana, expected });
    expect([swapped.status, swapped.text.includes('The card changed since you looked')]).toEqual([422, true]);
    answer = card();
    const added = await visitor.send('/console/agents/from-card', { url, owner: jana, expected });
    expect(added.status).toBe(303);

    answer = card({ provider: { organization: '<b>Somebody else</b>' } });
    registry.advance(76 * 60);
    await readAll();
    const page = await visitor.open(String(added.location));
    for (const words of ['Its agent card', url, 'Example Geo', '&lt;b&gt;Somebody else&lt;/b&gt;', 'look before it goes on', 'sha-256:'])
      expect(page.html).toContain(words);
  });

  test('the owner may be named by address there too', async () => {
    await visitor.open('/console/agents/from-card');
    const typed = { url: freshUrl(), owner: '', ownerEmail: `${jana}@example.com` };
    const preview = await visitor.send('/console/agents/from-card', typed);
    expect(preview.html).toContain(`<option value="${jana}@example.com" selected>`);
    expect((await visitor.send('/console/agents/from-card', { ...typed, ownerEmail: 'nobody@example.com' })).status).toBe(422);
  });

  test('whoever answers for the agent reads the same at /me, and nobody else', async () => {
    const url = freshUrl();
    const { agent } = await add(url, { owner: '' });
    const own = await registry.addPerson('Olga Owner');
    await registry.agents.update(agent.id, { changes: { owner: { kind: 'user', id: own } } }, administrator);
    expect(await registry.agents.cards.changedLately([agent.id])).toEqual(new Set());
    answer = card({ provider: { organization: 'Somebody else' } });
    registry.advance(76 * 60);
    await readAll();
    expect(await registry.agents.cards.changedLately([agent.id])).toEqual(new Set([agent.id]));
    door.account = { ...(door.account as Account), id: own, role: 'user' };
    expect((await visitor.open(`/me/agents/${agent.id}`)).html).toContain(`href="/me/agents/${agent.id}/card"`);
    const page = await visitor.open(`/me/agents/${agent.id}/card`);
    for (const words of ['What it says of itself', url, 'Example Geo', 'Somebody else', 'its provider']) expect(page.text).toContain(words);
    door.account = { ...door.account, id: jana };
    expect((await visitor.open(`/me/agents/${agent.id}/card`)).status).toBe(404);
    registry.advance(31 * 86_400);
    expect(await registry.agents.cards.changedLately([agent.id])).toEqual(new Set());
  });

  test('a fault stands beside its field; only administrators add', async () => {
    await visitor.open('/console/agents/from-card');
    const page = await visitor.send('/console/agents/from-card', { url: 'http://10.0.0.7/', owner: '' });
    expect([page.status, page.html.includes('href="#url"')]).toEqual([422, true]);
    expect((await visitor.send('/console/agents/from-card', { url: freshUrl(), owner: '', csrf: 'forged' })).status).toBe(403);
    door.account = { ...(door.account as Account), role: 'auditor' };
    expect((await visitor.open('/console/agents/from-card')).status).toBe(403);
  });
});

describe('behalf import agent-card', () => {
  const run = async (
    url: string,
    { json = false, dryRun = false, settings = {} }: { json?: boolean; dryRun?: boolean; settings?: Record<string, string> } = {},
  ) => {
    const lines: string[] = [];
    const command = registry.agents.capability.commands?.find(({ name }) => name === 'import agent-card');
    const code = await command?.run({ args: [url], json, dryRun, settings, out: (line) => void lines.push(line) });
    return { code, text: lines.join('\n') };
  };

  test('says what it did, or would do, for people and for scripts', async () => {
    const url = freshUrl();
    const dry = await run(url, { dryRun: true, json: true, settings: { owner: jana } });
    expect([dry.code, JSON.parse(dry.text)]).toMatchObject([0, { outcome: 'created', dryRun: true, card: { name: 'Route planner' } }]);
    expect(JSON.parse(dry.text)).not.toHaveProperty('agentId');
    const made = await run(url, { settings: { owner: jana } });
    expect(made).toMatchObject({ code: 0, text: expect.stringMatching(/^Added Route planner \(agt_\w+, proposed\) from http/) });
    expect((await run(url)).text).toMatch(/^Nothing new of Route planner/);
    answer = card({ version: '7' });
    expect((await run(url, { dryRun: true })).text).toMatch(/^Would note the change of Route planner .*: version\.$/);
    expect((await run(url, { json: true })).text).toContain('"changed":["version"]');
    expect(await run('nonsense')).toMatchObject({ code: 1, text: expect.stringContaining('address of the card') });
  });
});
