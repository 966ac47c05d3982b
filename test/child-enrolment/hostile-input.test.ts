import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { basic } from '../support/agent-client.ts';
import { CHILD_GRANT } from '../support/inhabited-server.ts';
import { type FamilyStory, openFamily } from './family-story.ts';

let story: FamilyStory;
beforeAll(async () => {
  story = await openFamily();
}, 60_000);
afterAll(() => story.server.close());

const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    '\u0000',
    '-1',
    '60.0',
    '1e3',
    '999999999',
    'https://a.example/#',
    'https://[',
    'sha-256:',
    '{"name":"\\ud800"}',
    '[[[[',
    'x'.repeat(5_000),
  ),
  fc.json(),
);
const names = fc.constantFrom('scope', 'resource', 'agent_valid_for', 'agent_manifest_digest', 'agent_model', 'client_id', 'audience');
const grants = fc.constantFrom(CHILD_GRANT, 'client_credentials');

test('what an agent says of its child and its software is taken or refused, whatever it is', () =>
  fc.assert(
    fc.asyncProperty(grants, fc.array(fc.tuple(names, texts), { maxLength: 4 }), async (grant, pairs) => {
      const { clientId, clientSecret } = story.parent;
      const body = new URLSearchParams([['grant_type', grant], ...pairs]);
      const headers = basic(clientId, String(clientSecret));
      const { status } = await fetch(`${story.server.issuer}/token`, { method: 'POST', headers, body });
      expect([status < 500, pairs]).toEqual([true, pairs]);
    }),
    { numRuns: 80 },
  ));

test('what a child registers as is taken or refused, whatever it is', () =>
  fc.assert(
    fc.asyncProperty(
      fc.constantFrom('client_name', 'scope', 'grant_types', 'authorization_details_types', 'jwks'),
      fc.jsonValue(),
      async (name, value) => {
        const { token } = await story.ask(story.parent);
        const { status, body } = await story.enrol(token, { [name]: value });
        expect([status < 500, name, value]).toEqual([true, name, value]);
        const agent = status === 201 ? await story.server.app.parts.agents.findByClient(String(body['client_id'])) : undefined;
        if (agent !== undefined) await story.stop(agent.id, 'retired');
      },
    ),
    { numRuns: 25 },
  ));
