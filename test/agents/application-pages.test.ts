import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { applicationUrn } from '../../src/agents/applications/definition.ts';
import type { Account } from '../../src/accounts/index.ts';
import { type Door, startPages, type Visitor } from '../accounts/visitor.ts';
import { closeEdges } from '../platform/http/edge-client.ts';
import { signedIn } from './console-person.ts';
import { administrator } from './registry.ts';
import { openScimRegistry, type ScimRegistry } from './scim-server.ts';

const home = new URL('https://issuer.test');
const door: Door = { account: undefined, needs: [] };
let registry: ScimRegistry;
let visitor: Visitor;
let agentId: string;
let applicationId: string;

const person = (role: Account['role']) => signedIn(role, { id: administrator.id, at: registry.clock.now() });
const post = (members: object) => registry.send('POST /AgenticApplications', { schemas: [applicationUrn], ...members });

beforeAll(async () => {
  registry = await openScimRegistry(home);
  const jana = await registry.addPerson('Jana Weber');
  const agent = { displayName: 'Invoice <bot>', owner: { kind: 'user', id: jana }, status: 'active', source: 'console' } as const;
  agentId = (await registry.agents.create(agent, administrator)).id;
  const made = await post({
    name: 'Desk <b>',
    agents: [{ value: agentId, type: 'authorized' }],
    applicationUrls: [
      { value: 'https://desk.example/', type: 'homepage' },
      { value: 'javascript:alert(1)', type: 'api' },
    ],
    oAuthConfiguration: [{ clientId: 'desk', redirectUri: ['https://desk.example/callback'] }],
  });
  applicationId = made.body.id;
  visitor = (await startPages(registry.agents, door, home)).visitor();
  door.account = person('auditor');
});

afterAll(async () => {
  await closeEdges();
  await registry.close();
});

describe('the pages of applications', () => {
  test('one shows its agents with their state, and follows https only', async () => {
    const { html, status } = await visitor.open(`/console/applications/${applicationId}`);
    expect(status).toBe(200);
    for (const words of [
      'Desk &lt;b&gt;',
      'Invoice &lt;bot&gt;',
      'may use it',
      'Active',
      'https://desk.example/callback',
      'javascript:alert(1)',
    ])
      expect(html).toContain(words);
    expect(html).toContain(`/console/agents/${agentId}"`);
    expect(html).toContain('<a href="https://desk.example/" rel="external noopener noreferrer">');
    expect(html).not.toMatch(/href="(?!https?:|\/)[a-z]+:/);
    expect((await visitor.open('/console/applications/aap_nothing')).status).toBe(404);
  });

  test('the page of an agent leads to it', async () => {
    const { html } = await visitor.open(`/console/agents/${agentId}`);
    expect(html).toContain(`<dt>Belongs to</dt><dd><a href="/console/applications/${applicationId}">Desk &lt;b&gt;</a>`);
  });

  test('the list goes on page by page, newest first', async () => {
    for (let index = 0; index < 30; index += 1) await post({ name: `Application ${index}` });
    const first = await visitor.open('/console/applications');
    expect(first.html).toContain('25 of 31 applications');
    expect(first.html.indexOf('Application 29')).toBeLessThan(first.html.indexOf('Application 28'));
    const next = /href="[^"]*(\/console\/applications\?cursor=aap_[0-9a-f]+)"/.exec(first.html)?.[1] ?? '';
    const second = await visitor.open(next);
    expect(second.html).toContain('6 of 31 applications');
    expect(second.html).toContain('Desk &lt;b&gt;');
    expect((await visitor.open('/console/applications?cursor=%00')).html).toContain('25 of 31 applications');
  });

  test('are for those who have a role here', async () => {
    door.account = person('user');
    expect((await visitor.open('/console/applications')).status).toBe(403);
    expect((await visitor.open(`/console/applications/${applicationId}`)).status).toBe(403);
    door.account = person('auditor');
  });
});
