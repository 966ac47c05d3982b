import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type DocumentHost, startDocumentHost } from '../client-registration/metadata-documents/document-host.ts';
import { clock, hours, minutes } from '../support/clock.ts';
import { createAgentClient, discover } from '../support/agent-client.ts';
import { type DocumentClient, documentClient } from '../support/document-client.ts';
import { createInhabitedServer, type InhabitedServer } from '../support/inhabited-server.ts';
import { createPerson, type Person } from '../support/person.ts';
import { assertionOf, proofKey } from '../support/seeding.ts';

const RESOURCE = 'https://notes.acme.test/mcp';
const WHAT = { resource: RESOURCE, scope: 'read' };
const REDIRECT = 'http://127.0.0.1:49152/callback';
const ADMINISTRATOR = { email: 'ada@acme.test', password: 'seven tin soldiers march' };
const administrator = { kind: 'account', id: 'usr_administrator', party: 'administrator' } as const;
const DAY = hours(24);

let host: DocumentHost;
let server: InhabitedServer;
let ada: Person;
beforeAll(async () => {
  host = await startDocumentHost({ isTls: false });
  server = await createInhabitedServer({ firstAdministrator: ADMINISTRATOR });
  ada = createPerson(server.issuer, ADMINISTRATOR);
  await server.resource(RESOURCE);
}, 60_000);
afterAll(async () => {
  clock.reset();
  await server.close();
  await host.close();
});
let count = 0;
let path = '';
beforeEach(() => {
  count += 1;
  path = `/client-${count}.json`;
});
afterEach(() => {
  host.reachable(true);
  // forwards only: what bounds tries does not like a clock that goes back
  clock.advance(minutes(1));
});

const LOCAL = { redirect_uris: ['http://127.0.0.1/callback'] };
const serve = (change: object = {}, headers: Record<string, string> = {}) =>
  host.serve(path, { ...LOCAL, ...change }, { 'cache-control': 'max-age=600', ...headers });
const parts = () => server.app.parts;
const agentOf = (clientId: string) => parts().agents.findByClient(clientId);
const timesAsked = () => host.asked.filter((asked) => asked.path === path).length;
const eventsOf = async (clientId: string) =>
  (await parts().audit.list({ limit: 50 })).events.filter(({ event }) => event.clientId === clientId).map(({ event }) => event);

/** A client that Mira lets in: its token, and a way on. */
async function connected(change: object = {}, headers: Record<string, string> = {}) {
  const clientId = serve(change, headers);
  const client: DocumentClient = await documentClient(server.issuer, clientId, REDIRECT);
  const answer = await client.connect(server.anotherBrowser(), WHAT);
  return { clientId, client, answer };
}

describe('the first try works', () => {
  test('nobody registers anything: a person signs in, says yes, and it has a token and goes on', async () => {
    const { clientId, client, answer } = await connected({ client_name: 'Code Helper' });
    const agent = await agentOf(clientId);
    expect(agent).toMatchObject({ status: 'active', displayName: 'Code Helper', owner: { id: 'grp_self_service' } });
    expect(answer.claims).toMatchObject({ sub: server.miraId, aud: RESOURCE, client_id: clientId, act: { sub: agent?.id } });
    expect((await client.refresh(answer.body['refresh_token'])).status).toBe(200);
    expect(timesAsked()).toBe(1);
  });

  test('a document with keys is proven by them: a code and no assertion get nothing', async () => {
    const key = proofKey();
    const clientId = serve({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key.publicJwk] } });
    const client = createAgentClient(await discover(server.issuer), { clientId, clientSecret: '' });
    const pending = client.authorizationRequest(WHAT, REDIRECT);
    const callback = await server.anotherBrowser().authorize(pending.url);
    expect(await client.redeem(pending, callback)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    const proven = (other = key) => {
      const code = callback.searchParams.get('code') ?? '';
      const asked = { grant_type: 'authorization_code', code, code_verifier: pending.verifier, redirect_uri: REDIRECT, resource: RESOURCE };
      return client.token({ ...asked, ...assertionOf({ clientId, key: other }, server.issuer) });
    };
    expect(await proven(proofKey())).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    expect((await proven()).claims).toMatchObject({ sub: server.miraId, client_id: clientId });
  });

  test('the page of consent shows whose document it is, and warns of a name that any program here can use', async () => {
    const clientId = serve({ client_name: 'Notes Helper' });
    const page = await (await documentClient(server.issuer, clientId, REDIRECT)).reach(server.anotherBrowser(), WHAT);
    expect(page.words).toContain('Made by whoever holds localhost');
    expect(page.words).toContain('Any program here can call itself by this name');
    expect(page.words).toContain('Not verified');
    expect(page.html).not.toContain('<img');
  });

  test('and of an answer that goes to another host', async () => {
    const elsewhere = 'https://elsewhere.example/cb';
    const clientId = serve({ redirect_uris: [elsewhere], logo_uri: 'https://elsewhere.example/logo.png' });
    const page = await (await documentClient(server.issuer, clientId, elsewhere)).reach(server.anotherBrowser(), WHAT);
    expect(page.words).toContain('The answer goes to another host');
    expect(page.words).toContain('goes to elsewhere.example');
    expect(page.words).not.toContain('Any program here');
    expect(page.html).not.toContain('logo.png');
  });

  test('C48, C51: a document that lies is a page in words for whoever made it, and nothing goes to an address it names', async () => {
    const lying = host.serve(path, { client_id: 'https://inner.example/body', redirect_uris: ['https://evil.example/cb'] });
    const page = await (await documentClient(server.issuer, lying, 'https://evil.example/cb')).reach(server.anotherBrowser(), WHAT);
    expect([page.status, page.leftTo]).toEqual([400, undefined]);
    expect(page.words).toContain('Its client_id is not the address it was read from, letter by letter.');
    expect(page.html).not.toContain('inner.example');
  });
});

describe('what is kept, and for how long', () => {
  test('a fresh document is not asked for; a stale one by condition, and `not modified` makes it fresh again', async () => {
    const { client, answer } = await connected({}, { etag: '"one"', 'cache-control': 'max-age=600' });
    clock.advance(minutes(9));
    const second = await client.refresh(answer.body['refresh_token']);
    expect(timesAsked()).toBe(1);
    let condition: unknown;
    host.answer(path, (request, response) => {
      condition = request.headers['if-none-match'];
      response.writeHead(304, { 'cache-control': 'max-age=600' });
      response.end();
    });
    clock.advance(minutes(2));
    const third = await client.refresh(second.body['refresh_token']);
    expect([third.status, condition, timesAsked()]).toEqual([200, '"one"', 2]);
    clock.advance(minutes(9));
    expect((await client.refresh(third.body['refresh_token'])).status).toBe(200);
    expect(timesAsked()).toBe(2);
  });

  test('while its host does not answer, a document that was good stands in for seven days, asked for once a minute', async () => {
    const { client, answer } = await connected();
    let refreshToken = answer.body['refresh_token'];
    host.reachable(false);
    for (const time of [minutes(11), 0, DAY, 5 * DAY]) {
      clock.advance(time);
      const next = await client.refresh(refreshToken);
      expect(next.body).toMatchObject({ access_token: expect.any(String) });
      refreshToken = next.body['refresh_token'];
    }
    expect(timesAsked()).toBe(4);
    clock.advance(DAY + minutes(10));
    expect(await client.refresh(refreshToken)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    host.reachable(true);
    expect((await client.refresh(refreshToken)).status).toBe(200);
  });

  test('a host that answers with something else is no outage: the client is turned away at once, and back when it is mended', async () => {
    const { client, answer, clientId } = await connected();
    host.serve(path, { ...LOCAL, client_id: 'https://other.example/x' });
    clock.advance(minutes(11));
    const refused = await client.refresh(answer.body['refresh_token']);
    expect(refused).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    expect(refused.body['error_description']).toContain('letter by letter');
    serve();
    expect((await client.refresh(answer.body['refresh_token'])).body).toMatchObject({ access_token: expect.any(String) });
    expect((await agentOf(clientId))?.status).toBe('active');
  });

  test('the job reads what is in use, so that a change is noticed by those who wait for none', async () => {
    const { clientId } = await connected();
    serve({ client_name: 'Somebody Else' });
    await server.app.jobs.runNow('client-documents');
    expect(timesAsked()).toBe(1);
    clock.advance(minutes(11));
    await server.app.jobs.runNow('client-documents');
    expect((await agentOf(clientId))?.status).toBe('underReview');
  });

  test('strangers that nobody let in are forgotten after two hours; what somebody uses stays', async () => {
    const { clientId: used } = await connected();
    path = `/stranger-${count}.json`;
    const stranger = serve();
    await (await documentClient(server.issuer, stranger, REDIRECT)).reach(server.anotherBrowser(), WHAT);
    clock.advance(minutes(61));
    await server.app.jobs.runNow('unused-client-documents');
    expect(await parts().clients.find(stranger)).toBeDefined();
    clock.advance(minutes(60));
    await server.app.jobs.runNow('unused-client-documents');
    expect(await parts().clients.find(stranger)).toBeUndefined();
    expect(await parts().clients.find(used)).toBeDefined();
    // nothing was held against it: it comes again like the first time
    const page = await (await documentClient(server.issuer, stranger, REDIRECT)).reach(server.anotherBrowser(), WHAT);
    expect(page.words).toContain('act for you');
  });

  test('a client that nobody used for long comes back when its document is there, without what it was allowed', async () => {
    const { client, clientId, answer } = await connected();
    clock.advance(91 * DAY);
    await server.app.jobs.runNow('unused-registrations');
    expect((await parts().clients.list({ limit: 500 })).map(({ id }) => id)).not.toContain(clientId);
    host.reachable(false);
    expect((await client.refresh(answer.body['refresh_token'])).body['error']).toBe('invalid_client');
    host.reachable(true);
    expect((await client.refresh(answer.body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect((await client.connect(server.anotherBrowser(), WHAT)).status).toBe(200);
    expect((await eventsOf(clientId)).map(({ type }) => type)).toContain('client.revived');
  });
});

describe('§6.3 what it says changes', () => {
  test.each([
    ['name', { client_name: 'Somebody Else' }, 'Its name was Desk agent and is Somebody Else now.'],
    ['redirect_hosts', { redirect_uris: [...LOCAL.redirect_uris, 'https://evil.example/cb'] }, 'Its answers may go to evil.example now.'],
    ['keys', { jwks_uri: 'https://desk.example/jwks.json' }, 'It proves itself in another way, or by other keys.'],
  ])(
    '%s: its agent is under review, nothing it holds goes on, and after the review people are asked again',
    async (member, change, words) => {
      const { client, clientId, answer } = await connected();
      serve(change);
      clock.advance(minutes(11));
      expect((await client.refresh(answer.body['refresh_token'])).body['error']).toBe('invalid_grant');
      const agent = await agentOf(clientId);
      expect(agent).toMatchObject({ status: 'underReview', statusReason: expect.stringContaining(words) });
      expect((await eventsOf(clientId)).find(({ type }) => type === 'client.document_changed')).toMatchObject({
        action: member,
        cause: words,
      });
      expect((await client.reach(server.anotherBrowser(), WHAT)).words).not.toContain('What it may do');
      await parts().agents.setStatus(String(agent?.id), 'active', { by: administrator });
      expect((await client.refresh(answer.body['refresh_token'])).body['error']).toBe('invalid_grant');
      expect((await client.reach(server.anotherBrowser(), WHAT)).words).toContain('What it may do');
    },
  );

  test('a path on the same host, a logo, a host that is gone: these just apply', async () => {
    const both = ['http://127.0.0.1/callback', 'https://desk.example/cb', 'https://old.example/cb'];
    const { client, clientId, answer } = await connected({ redirect_uris: both });
    serve({ redirect_uris: ['http://127.0.0.1/callback', 'https://desk.example/other'], logo_uri: 'https://desk.example/new.png' });
    clock.advance(minutes(11));
    expect((await client.refresh(answer.body['refresh_token'])).status).toBe(200);
    expect((await agentOf(clientId))?.status).toBe('active');
    expect((await parts().clients.get(clientId)).metadata['redirect_uris']).toContain('https://desk.example/other');
    expect((await eventsOf(clientId)).map(({ type }) => type)).toContain('client.updated');
  });
});

describe('R14 what was stopped stays stopped', () => {
  test('a suspended agent’s client is turned away with a decision, while its document is fresh and when it is not', async () => {
    const { client, clientId, answer } = await connected();
    const agent = await agentOf(clientId);
    await parts().agents.setStatus(String(agent?.id), 'suspended', { by: administrator, reason: 'Test' });
    for (const time of [0, minutes(11)]) {
      clock.advance(time);
      expect(await client.refresh(answer.body['refresh_token'])).toMatchObject({
        status: 401,
        body: { error: 'invalid_client', decision_id: expect.stringMatching(/^dec_/) },
      });
    }
    expect(timesAsked()).toBe(1);
    const page = await client.reach(server.anotherBrowser(), WHAT);
    expect([page.status, page.words]).toEqual([400, expect.stringContaining('Decision dec_')]);
  });

  test('software that an administrator refused is refused by its address, too', async () => {
    const { client, clientId, answer } = await connected();
    const { software } = parts().clients;
    await software.refuse(String((await software.instanceOf(clientId))?.software.id), administrator);
    const refused = await client.refresh(answer.body['refresh_token']);
    expect([refused.status, refused.body['error_description']]).toEqual([401, expect.stringContaining('An administrator decided')]);
  });
});

describe('an administrator names an address before it came', () => {
  async function choose(change: object): Promise<void> {
    const { enrolment } = parts().policy;
    const { choice, version } = await enrolment.get();
    await enrolment.set({ choice: { ...choice, ...change }, version, accountId: administrator.id });
  }
  afterEach(() => choose({ documents: 'open', documentDomains: [] }));

  test('it works for the agent that was chosen, also where only listed hosts are taken', async () => {
    await choose({ documents: 'allow_list', documentDomains: ['claude.ai'] });
    const owner = { kind: 'user', id: server.miraId } as const;
    const agent = await parts().agents.create({ displayName: 'Research', owner, status: 'active', source: 'console' }, administrator);
    const clientId = serve({ client_name: 'Named Helper' });
    const form = await ada.visit('/console/clients/by-document');
    const unchosen = await ada.send(form, 'url', { fields: { url: clientId, agent: '' } });
    expect([unchosen.status, unchosen.words]).toEqual([400, expect.stringContaining('Choose the agent')]);
    const wrong = await ada.send(form, 'url', { fields: { url: 'https://client.example/a?b', agent: agent.id } });
    expect([wrong.status, wrong.words]).toEqual([400, expect.stringContaining('has a query')]);
    const added = await ada.send(form, 'url', { fields: { url: clientId, agent: agent.id } });
    expect(added.words).toContain('The client is added.');
    expect(added.words).toContain('by an administrator, who named this address');
    const client = await documentClient(server.issuer, clientId, REDIRECT);
    const page = await client.reach(server.anotherBrowser(), WHAT);
    expect(page.words).toContain('Mira Köhler answers for it');
    expect((await client.connect(server.anotherBrowser(), WHAT)).claims).toMatchObject({ act: { sub: agent.id } });
  });

  test('one that people let in works for another agent from then on, and what it held ends', async () => {
    const { client, clientId, answer } = await connected({ client_name: 'Moved Helper' });
    const owner = { kind: 'user', id: server.miraId } as const;
    const agent = await parts().agents.create({ displayName: 'Archive', owner, status: 'active', source: 'console' }, administrator);
    await ada.send(await ada.visit('/console/clients/by-document'), 'url', { fields: { url: clientId, agent: agent.id } });
    expect((await client.refresh(answer.body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect((await client.connect(server.anotherBrowser(), WHAT)).claims).toMatchObject({ act: { sub: agent.id } });
    expect((await parts().clients.software.instanceOf(clientId))?.software.agentIds.at(-1)).toBe(agent.id);
  });

  test('its page says when it was read, what is wrong with it, and reads it again on a word', async () => {
    const { clientId } = await connected({ client_name: 'Shown Helper' });
    const list = await ada.visit('/console/clients?q=Shown');
    expect(list.words).toContain('by its metadata document');
    host.serve(path, { ...LOCAL, client_id: 'https://other.example/x' });
    const here = `/console/clients/${encodeURIComponent(clientId)}`;
    const page = await ada.visit(here);
    expect(page.words).toContain('Fresh');
    const formOf = { ...page, forms: page.forms.filter(({ action }) => action.endsWith('/read')) };
    const again = await ada.send(formOf, 'csrf');
    expect(again.words).toContain('letter by letter');
    expect(again.words).toContain('Not valid');
    serve({ client_name: 'Shown Helper' });
    expect((await ada.send(formOf, 'csrf')).words).toContain('The document was read.');
  });

  test('one that was removed comes back, and is read anew', async () => {
    const { client, clientId } = await connected();
    await parts().clients.remove(clientId, administrator);
    expect((await client.reach(server.anotherBrowser(), WHAT)).words).toContain('An administrator removed this client.');
    await parts().clients.documents?.approve(clientId, administrator);
    expect((await client.reach(server.anotherBrowser(), WHAT)).words).toContain('What it may do');
    expect(timesAsked()).toBe(2);
  });
});
