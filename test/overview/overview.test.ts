import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type AgentCounts, createOverview, type LiveCounts } from '../../src/overview/index.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { agent, ask, createTestIssuer, people, type TestIssuer } from '../approvals/issuer.ts';

let issuer: TestIssuer;
const none: AgentCounts = { proposed: 0, active: 0, underReview: 0, suspended: 0, retired: 0, unowned: 0, owners: 0 };
const some: AgentCounts = { proposed: 1, active: 128, underReview: 2, suspended: 1, retired: 4, unowned: 2, owners: 41 };
const dead: LiveCounts = { tokens: 0, agents: 0, people: 0, resources: 0 };
const alive: LiveCounts = { tokens: 1_240, agents: 60, people: 31, resources: 7 };
const day = 86_400_000;
const asked = [
  { id: 'crt_1', name: 'Winter review', dueAt: new Date(Date.now() + 3 * day), open: 12 },
  { id: 'crt_2', name: 'Spring review', dueAt: new Date(Date.now() + 30 * day), open: 4 },
  { id: 'crt_3', name: 'Answered review', dueAt: new Date(Date.now() + day), open: 0 },
];
let isBusy = false;

beforeAll(async () => {
  issuer = await createTestIssuer({
    more: ({ audit, approvals, issuer: url }) => [
      createOverview({
        issuer: url,
        clock: systemClock,
        audit,
        nameOf: async (id) => Object.values(people).find((one) => one.id === id)?.name,
        counts: {
          agents: async () => (isBusy ? some : none),
          newSoftware: async () => (isBusy ? 2 : 0),
          live: async () => (isBusy ? alive : dead),
          scopes: async () => (isBusy ? [{ scope: 'invoices:pay', resourceName: 'Billing MCP', tokens: 12 }] : []),
          grants: async () => (isBusy ? 31 : 0),
          certifications: async () => (isBusy ? asked : []),
          waiting: (limit) => approvals.waiting(limit),
          waitingCount: async () => (await approvals.countByStatus()).get('pending') ?? 0,
        },
      }).capability,
    ],
  });
  issuer.signIn('adam', { accountId: people.adam.id });
  issuer.signIn('mira', { accountId: people.mira.id });
});
afterAll(() => issuer.close());

async function overview(who = 'adam') {
  const response = await fetch(`${issuer.issuer}/console`, { headers: { cookie: `who=${who}`, accept: 'text/html' }, redirect: 'manual' });
  return { status: response.status, text: await response.text() };
}

describe('the six questions', () => {
  test('a new server says what would be here', async () => {
    const { text } = await overview();
    expect(text).toContain('Everything is under control');
    for (const words of ['0 active', 'An agent appears here when', 'No token is alive', 'Nobody waits', 'Nothing was refused today'])
      expect(text).toContain(words);
    expect([...text.matchAll(/class="question"/g)]).toHaveLength(6);
    expect(text).not.toContain('Stop an agent');
  });

  test('a busy one answers with numbers, what waits and what was refused', async () => {
    isBusy = true;
    const actor = { kind: 'account', id: people.mira.id } as const;
    await issuer.audit.record({ type: 'token.refused', actor, clientId: 'bot', cause: 'agent_suspended' });
    for (const tokenId of ['t1', 't2', 't3'])
      await issuer.audit.record({
        type: 'token.issued',
        actor: { kind: 'agent', id: agent.id },
        clientId: 'bot',
        subjectId: people.mira.id,
        resource: 'r',
        tokenId,
      });
    await ask(issuer);
    const { text } = await overview();
    for (const words of [
      '2 products came by themselves this week',
      'See what is new',
      '6 things need you',
      '128 active',
      '41 owners',
      '2 agents have no living owner',
      '7 resources open',
      'invoices:pay on Billing MCP (12)',
    ])
      expect(text).toContain(words);
    for (const words of [
      '31 consents',
      '3 tokens today',
      '1,240 tokens of 60 agents for 31 people',
      'Mira Köhler was refused a token',
      'agent_suspended',
    ])
      expect(text).toContain(words);
    expect(text).toContain('Mira Köhler → Invoice bot → Billing MCP');
    expect(text).toMatch(/href="[^"]*\/console\/certifications\/crt_1">Winter review<\/a>: 12 agents are not confirmed/);
    expect(text).not.toMatch(/Spring review|Answered review/);
    expect(text).toContain('Stop an agent');
  });

  test('is for those with a role', async () => {
    expect((await overview('mira')).status).toBe(403);
    expect((await overview('nobody')).status).toBe(303);
  });
});
