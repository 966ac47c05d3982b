import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createInhabitedServer, type InhabitedServer } from '../support/inhabited-server.ts';
import { createPerson, type Person } from '../support/person.ts';
import { LOOPBACK_CLIENT, registerOpenly, selfRegistered } from '../support/self-registered.ts';

const RESOURCE = 'https://notes.acme.test/mcp';
const OTHER = 'https://mail.acme.test/mcp';
const READ = { resource: RESOURCE, scope: 'read' };
const ADMINISTRATOR = { email: 'ada@acme.test', password: 'seven tin soldiers march' };

let server: InhabitedServer;
let ada: Person;
beforeAll(async () => {
  server = await createInhabitedServer({ firstAdministrator: ADMINISTRATOR });
  ada = createPerson(server.issuer, ADMINISTRATOR);
  await server.resource(RESOURCE, ['read']);
  await server.resource(OTHER, ['read']);
}, 60_000);
afterAll(() => server.close());

const parts = () => server.app.parts;
const named = (client_name: string, more: object = {}) => ({ ...LOOPBACK_CLIENT, client_name, ...more });
const connected = async (metadata: object) => {
  const software = await selfRegistered(server, metadata);
  const answer = await software.connect(server.anotherBrowser(), READ);
  const instance = await parts().clients.software.instanceOf(software.clientId);
  const agent = await parts().agents.findByClient(software.clientId);
  return { ...software, answer, id: instance?.software.id ?? '', agentId: agent?.id ?? '' };
};
const agentNow = (id: string) => parts().agents.get(id);

describe('what an administrator sees and decides about software that came by itself', () => {
  test('it stands in the list at once, one line a product', async () => {
    const one = await connected(named('Line Helper'));
    await connected(named('Line Helper', { redirect_uris: ['http://127.0.0.1:8912/other'] }));
    const page = await ada.visit('/console/software?q=line');
    expect(page.words).toContain('2 connections');
    expect(page.words).toContain('Let in by people');
    expect(page.html.match(/console\/software\/sft_/g)).toHaveLength(1);
    expect((await ada.visit(`/console/software/${one.id}`)).words).toContain('Nothing proves who it is');
  });

  test('adopting gives it an owner and a risk; without an owner the form says what is missing', async () => {
    const { id, agentId } = await connected(named('Adopt Helper'));
    const page = await ada.visit(`/console/software/${id}`);
    const without = await ada.send(page, 'adopt', { fields: { owner: '' } });
    expect([without.status, without.words]).toEqual([400, expect.stringContaining('Choose who answers for it.')]);
    const done = await ada.send(page, 'adopt', { fields: { owner: `user:${server.miraId}`, riskLevel: 'high' } });
    expect(done.words).toContain('Adopted');
    expect(await agentNow(agentId)).toMatchObject({ owner: { kind: 'user', id: server.miraId }, riskLevel: 'high', status: 'active' });
    expect(done.words).toContain('Mira Köhler answers for it');
  });

  test('a bound host is kept with the adoption, and only a host can be bound', async () => {
    const hosted = named('Hosted Helper', { redirect_uris: ['https://hosted.example/cb'] });
    const { id } = await connected(hosted);
    const page = await ada.visit(`/console/software/${id}`);
    await ada.send(page, 'adopt', { fields: { owner: `user:${server.miraId}`, isBound: 'yes' } });
    expect((await parts().clients.software.get(id)).isBound).toBe(true);
    const claimed = await connected(named('Claiming Helper'));
    const by = { kind: 'account', id: 'usr_1' } as const;
    await expect(parts().clients.software.change(claimed.id, { isBound: true }, by)).rejects.toMatchObject({ code: 'invalid_input' });
  });

  test('limited to resources: those it has and those that register later ask for nothing else', async () => {
    const { id, clientId } = await connected(named('Limited Helper'));
    const page = await ada.visit(`/console/software/${id}`);
    await ada.send(page, 'limit', { fields: { resources: OTHER.replace('https://mail', 'HTTPS://MAIL') } });
    expect((await parts().clients.get(clientId)).bounds.resources).toEqual([OTHER]);
    const later = await selfRegistered(server, named('Limited Helper'));
    await expect(later.connect(server.anotherBrowser(), READ)).rejects.toThrow('invalid_target');
    await ada.send(await ada.visit(`/console/software/${id}`), 'limit', { fields: { resources: '' } });
    expect((await later.connect(server.anotherBrowser(), READ)).claims.aud).toBe(RESOURCE);
  });

  test('refusing stops the agent, ends what it holds, and keeps it out; letting it come again begins anew', async () => {
    const { id, agentId, answer, clientId } = await connected(named('Refuse Helper'));
    const confirm = await ada.visit(`/console/software/${id}/refuse`);
    expect((await ada.send(confirm, 'reason', { fields: { reason: 'Nobody needs it.' } })).words).toContain('Refused');
    expect(await agentNow(agentId)).toMatchObject({ status: 'suspended', statusReason: 'Nobody needs it.' });
    const token = String(answer.body['refresh_token']);
    const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token, client_id: clientId });
    const refreshed = await fetch(`${server.issuer}/token`, { method: 'POST', body: form });
    expect([refreshed.status, ((await refreshed.json()) as { error: string }).error]).toEqual([401, 'invalid_client']);
    expect((await registerOpenly(server.issuer, named('Refuse Helper'))).status).toBe(403);
    await ada.send(await ada.visit(`/console/software/${id}`), 'allow');
    const again = await connected(named('Refuse Helper'));
    expect(again.agentId).not.toBe(agentId);
    expect((await agentNow(agentId)).status).toBe('suspended');
  });

  test('what waits is let in by a button', async () => {
    const { enrolment } = parts().policy;
    const { choice, version } = await enrolment.get();
    await enrolment.set({ choice: { ...choice, newSoftware: 'administrator' }, version, accountId: 'usr_1' });
    const software = await selfRegistered(server, named('Waiting Helper'));
    const mira = server.anotherBrowser();
    await mira.send(await software.reach(mira, READ), 'decision', { press: ['decision', 'ask'] });
    const id = (await parts().clients.software.instanceOf(software.clientId))?.software.id ?? '';
    const page = await ada.visit(`/console/software/${id}`);
    expect(page.words).toContain('Waits for you');
    const agent = await parts().agents.findByClient(software.clientId);
    await ada.send(page, 'let-in');
    expect((await agentNow(agent?.id ?? '')).status).toBe('active');
    expect((await software.connect(mira, READ)).claims['act']).toMatchObject({ sub: agent?.id });
  });
});
