import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { CIBA_GRANT, EXCHANGE_GRANT, ACCESS_TOKEN_TYPE, type TokenAnswer } from '../support/agent-client.ts';
import { type DelegationStory, playDelegation, REDIRECT_URI, type SpeakingAgent } from '../support/delegation-story.ts';

const digestOf = (text: string) => `sha-256:${createHash('sha256').update(text).digest('base64url')}`;
const hexOf = (text: string) => `sha-256:${createHash('sha256').update(text).digest('hex')}`;
const AGREED = digestOf('agreed');
const OTHER = { agent_manifest_digest: digestOf('other') };
const administrator = { kind: 'account', id: 'usr_administrator', party: 'administrator' } as const;

let story: DelegationStory;
beforeAll(async () => {
  story = await playDelegation();
}, 60_000);
afterAll(() => story?.server.close());

const parts = () => story.server.app.parts;
const agentOf = ({ agentId }: SpeakingAgent) => parts().agents.get(agentId);
const driftsOf = async (agent: SpeakingAgent) => (await parts().agents.drift.standingOf(await agentOf(agent))).open;
const eventsOf = async ({ agentId }: SpeakingAgent, type: 'agent.drifted' | 'agent.reviewed' | 'agent.drift_accepted') =>
  (await parts().audit.list({ agentId, type, limit: 50 })).events.map(({ event }) => event);
const own = (agent: SpeakingAgent, more: Record<string, string> = {}) =>
  agent.client.token({ grant_type: 'client_credentials', resource: story.resource, scope: 'read', ...more });

/** An administrator lets it act again, and its record says what it said before. */
async function agree(agent: SpeakingAgent, record: object = { manifestDigest: AGREED, model: undefined, riskLevel: 'medium' }) {
  const { status } = await agentOf(agent);
  if (status !== 'active') await parts().agents.setStatus(agent.agentId, 'active', { by: administrator });
  await parts().agents.update(agent.agentId, { changes: record }, administrator);
}

async function set(choice: 'never' | 'low' | 'medium'): Promise<number> {
  const { driftSetting } = parts().policy;
  return driftSetting.set({ choice, version: (await driftSetting.get()).version, accountId: administrator.id });
}

beforeEach(() => Promise.all([agree(story.assistant), agree(story.bookkeeper)]));

async function refreshTokenOf(agent: SpeakingAgent): Promise<string> {
  const pending = agent.client.authorizationRequest({ resource: story.resource, scope: 'offline_access read' }, REDIRECT_URI);
  const url = `${pending.url}&prompt=consent`;
  const answer = await agent.client.redeem(pending, await story.mira.authorize(url));
  return String(answer.body['refresh_token']);
}

const refused = { status: 400, body: { error: 'unauthorized_client', decision_id: expect.any(String) as unknown } };

describe('a difference is noticed with every grant, and burns nothing', () => {
  type Request = (more: Record<string, string>) => Promise<TokenAnswer>;
  const grants: readonly (readonly [string, () => Promise<readonly [SpeakingAgent, Request]>])[] = [
    ['client_credentials', async () => [story.assistant, (more) => own(story.assistant, more)]],
    [
      'authorization code',
      async () => {
        const pending = story.assistant.client.authorizationRequest({ resource: story.resource, scope: 'read' }, REDIRECT_URI);
        const code = String((await story.mira.authorize(pending.url)).searchParams.get('code'));
        const form = { grant_type: 'authorization_code', code, code_verifier: pending.verifier, redirect_uri: REDIRECT_URI };
        return [story.assistant, (more) => story.assistant.client.token({ ...form, ...more })];
      },
    ],
    [
      'refresh token',
      async () => {
        const refresh = await refreshTokenOf(story.assistant);
        return [story.assistant, (more) => story.assistant.client.token({ grant_type: 'refresh_token', refresh_token: refresh, ...more })];
      },
    ],
    [
      'token exchange',
      async () => {
        const subject = (await own(story.assistant)).token;
        const about = { subject_token: subject, subject_token_type: ACCESS_TOKEN_TYPE, resource: story.resource, scope: 'read' };
        return [story.bookkeeper, (more) => story.bookkeeper.client.token({ grant_type: EXCHANGE_GRANT, ...about, ...more })];
      },
    ],
    [
      'CIBA',
      async () => {
        const asked = await story.assistant.client.askPerson(story.server.miraEmail, { resource: story.resource, scope: 'openid read' });
        await story.mira.decide('approve');
        const form = { grant_type: CIBA_GRANT, auth_req_id: String(asked.body['auth_req_id']) };
        return [story.assistant, (more) => story.assistant.client.token({ ...form, ...more })];
      },
    ],
  ];

  test.each(grants)(
    '%s',
    async (_, prepare) => {
      const [agent, request] = await prepare();
      for (const malformed of [{ agent_manifest_digest: 'sha-256:x' }, { agent_model: '{"maker":"x"}' }]) {
        const answer = await request(malformed);
        expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
        expect(answer.body['error_description']).toContain(Object.keys(malformed)[0]);
      }
      expect((await agentOf(agent)).status).toBe('active');

      expect(await request(OTHER)).toMatchObject(refused);
      expect(await agentOf(agent)).toMatchObject({ status: 'underReview', actsUnderReview: false });
      expect(await driftsOf(agent)).toMatchObject([
        { clientId: agent.clientId, times: 1, presented: { digest: OTHER.agent_manifest_digest } },
      ]);

      await agree(agent);
      const answer = await request({ agent_manifest_digest: hexOf('agreed') });
      expect([answer.status, answer.body['error_description']]).toEqual([200, undefined]);
      expect((await agentOf(agent)).status).toBe('active');
    },
    30_000,
  );
});

describe('an agent whose software differs', () => {
  test('goes under review once: the same again only counts, something else is another event', async () => {
    const [drifted, reviewed] = [await eventsOf(story.assistant, 'agent.drifted'), await eventsOf(story.assistant, 'agent.reviewed')];
    for (let time = 0; time < 3; time += 1) expect(await own(story.assistant, OTHER)).toMatchObject(refused);
    expect(await own(story.assistant, { agent_manifest_digest: digestOf('third') })).toMatchObject(refused);
    expect((await driftsOf(story.assistant)).map(({ times }) => times).sort()).toEqual([1, 3]);
    const since = (await eventsOf(story.assistant, 'agent.drifted')).slice(0, -drifted.length || undefined);
    expect(since).toHaveLength(2);
    expect(since[1]).toMatchObject({
      actor: { kind: 'client', id: story.assistant.clientId },
      action: 'manifestDigest',
      cause: `agreed manifestDigest ${AGREED}; runs manifestDigest ${OTHER.agent_manifest_digest}`,
    });
    expect(await eventsOf(story.assistant, 'agent.reviewed')).toHaveLength(reviewed.length + 1);
    expect(await agentOf(story.assistant)).toMatchObject({
      statusReason: 'Something else runs than was agreed.',
      statusChangedBy: undefined,
    });
  });

  test('loses its tokens and questions, keeps what people allowed, and does not come back by itself', async () => {
    const [before, refresh] = [(await own(story.assistant)).token, await refreshTokenOf(story.assistant)];
    await story.assistant.client.askPerson(story.server.miraEmail, { resource: story.resource, scope: 'openid read' });
    expect(await story.isAlive(before)).toBe(true);
    const answer = await own(story.assistant, { agent_model: '{"name":"m2"}', ...OTHER });
    expect(answer).toMatchObject(refused);
    const decision = await parts().policy.get(String(answer.body['decision_id']));
    expect(decision).toMatchObject({ rule: 'agent-drift', agentId: story.assistant.agentId });
    expect(await story.isAlive(before)).toBe(false);
    expect(await parts().approvals.countOpen([story.assistant.agentId])).toBe(0);
    for (const more of [{}, { agent_manifest_digest: AGREED }]) expect(await own(story.assistant, more)).toMatchObject(refused);
    expect((await agentOf(story.assistant)).status).toBe('underReview');
    await agree(story.assistant);
    expect(await story.isAlive(before)).toBe(false);
    expect((await story.assistant.client.refresh(refresh)).status).toBe(200);
  });

  test('ten things it said are kept, whatever it says', async () => {
    for (let turn = 0; turn < 13; turn += 1) await own(story.assistant, { agent_manifest_digest: digestOf(`random ${turn}`) });
    const kept = await driftsOf(story.assistant);
    expect(kept).toHaveLength(10);
    expect(kept[0]?.presented.digest).toBe(digestOf('random 12'));
  });

  test('is settled by a record that says what runs, and still waits for an administrator', async () => {
    await own(story.assistant, OTHER);
    const read = await story.manage('GET', `/scim/v2/Agents/${story.assistant.agentId}`);
    const extension = 'urn:ietf:params:scim:schemas:extension:behalf:2.0:Agent';
    const changed = { ...(read.body[extension] as object), manifestDigest: hexOf('other') };
    const put = await story.manage('PUT', `/scim/v2/Agents/${story.assistant.agentId}`, { ...read.body, [extension]: changed });
    expect(put.status).toBe(200);
    expect(await driftsOf(story.assistant)).toEqual([]);
    expect(await own(story.assistant, OTHER)).toMatchObject(refused);
    await parts().agents.setStatus(story.assistant.agentId, 'active', { by: administrator });
    expect((await own(story.assistant, OTHER)).status).toBe(200);
  });

  test('a parameter sent twice is refused, an empty one says nothing', async () => {
    const [id, secret] = [story.assistant.clientId, story.assistant.clientSecret];
    const headers = { authorization: `Basic ${btoa(`${id}:${encodeURIComponent(secret)}`)}` };
    const form = { grant_type: 'client_credentials', resource: story.resource, scope: 'read', agent_manifest_digest: AGREED };
    const body = new URLSearchParams(form);
    body.append('agent_manifest_digest', OTHER.agent_manifest_digest);
    const answer = await fetch(`${story.server.issuer}/token`, { method: 'POST', headers, body });
    expect([answer.status, await answer.json()]).toEqual([400, expect.objectContaining({ error: 'invalid_request' })]);
    expect((await own(story.assistant, { agent_manifest_digest: '' })).status).toBe(200);
  });
});

describe('what nobody recorded', () => {
  test('is noted without a stop, once a minute, and becomes the record only when somebody agrees', async () => {
    await agree(story.assistant, { manifestDigest: undefined, model: { name: 'm1' }, riskLevel: 'low' });
    const model = JSON.stringify({ provider: 'acme', name: 'm1' });
    for (let time = 0; time < 3; time += 1) expect((await own(story.assistant, { ...OTHER, agent_model: model })).status).toBe(200);
    const [drift, ...others] = await driftsOf(story.assistant);
    expect([drift?.times, others]).toEqual([1, []]);
    const agent = await agentOf(story.assistant);
    expect(agent).toMatchObject({ status: 'active', manifestDigest: undefined });
    const by = { kind: 'account', id: story.server.miraId, party: 'owner' } as const;
    await parts().agents.drift.accept(agent.id, { driftId: drift?.id ?? '', version: agent.version, by, effect: 'record' });
    expect(await agentOf(story.assistant)).toMatchObject({
      status: 'active',
      manifestDigest: OTHER.agent_manifest_digest,
      model: { provider: 'acme', name: 'm1' },
    });
    expect(await own(story.assistant, { agent_manifest_digest: AGREED })).toMatchObject(refused);
  });
});

describe('the setting lets some go on', () => {
  beforeEach(() => set('low'));

  test('an agent of low risk acts under review, and its decision says so', async () => {
    await agree(story.assistant, { manifestDigest: AGREED, riskLevel: 'low' });
    const before = await own(story.assistant);
    const during = await own(story.assistant, OTHER);
    expect([before.status, during.status]).toEqual([200, 200]);
    expect(await agentOf(story.assistant)).toMatchObject({ status: 'underReview', actsUnderReview: true });
    expect(await Promise.all([before, during].map(({ token }) => story.isAlive(token)))).toEqual([true, true]);
    const record = await parts().tokens.find(String(during.claims.jti));
    const decision = await parts().policy.get(String(record?.decisionId));
    expect(decision.reason).toContain('under review for drift');
    expect(decision.input).toMatchObject({ under_review: true });
    for (const more of [OTHER, {}, { agent_manifest_digest: AGREED }]) expect((await own(story.assistant, more)).status).toBe(200);
    expect(await driftsOf(story.assistant)).toMatchObject([{ times: 2 }]);
    const asked = await story.assistant.client.askPerson(story.server.miraEmail, { resource: story.resource, scope: 'openid read' });
    expect(asked.status).toBe(200);
    const exchanged = await story.bookkeeper.client.exchange(during.token, { resource: story.resource, scope: 'read' });
    expect(exchanged.status).toBe(200);
  });

  test('one of medium risk does not', async () => {
    expect(await own(story.assistant, OTHER)).toMatchObject(refused);
    expect((await agentOf(story.assistant)).actsUnderReview).toBe(false);
  });

  const acting = async () => {
    await agree(story.assistant, { manifestDigest: AGREED, riskLevel: 'low' });
    const { token } = await own(story.assistant, OTHER);
    expect(await story.isAlive(token)).toBe(true);
    return token;
  };
  const stops: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['a stricter setting', async () => expect(await set('never')).toBe(1)],
    ['a higher risk', () => parts().agents.update(story.assistant.agentId, { changes: { riskLevel: 'medium' } }, administrator)],
    [
      'a review for another reason',
      () => parts().agents.setStatus(story.assistant.agentId, 'underReview', { by: administrator, reason: 'a look' }),
    ],
    ['a suspension', () => parts().agents.setStatus(story.assistant.agentId, 'suspended', { by: administrator, reason: 'enough' })],
  ];
  test.each(stops)('%s ends it', async (_, stop) => {
    const token = await acting();
    await stop();
    expect((await agentOf(story.assistant)).actsUnderReview).toBe(false);
    expect(await story.isAlive(token)).toBe(false);
    expect([400, 401]).toContain((await own(story.assistant)).status);
  });

  test('a wider setting starts nothing that was stopped', async () => {
    await own(story.assistant, OTHER);
    await set('medium');
    expect(await own(story.assistant, OTHER)).toMatchObject(refused);
    const events = (await parts().audit.list({ type: 'policy.updated', limit: 1 })).events;
    expect(events[0]?.event).toMatchObject({
      resource: 'drift',
      action: 'tokens low to medium',
      actor: { kind: 'account', id: administrator.id },
    });
  });

  test('of two who set it at once the second is told', async () => {
    const { driftSetting } = parts().policy;
    const { version } = await driftSetting.get();
    await driftSetting.set({ choice: 'never', version, accountId: administrator.id });
    await expect(driftSetting.set({ choice: 'medium', version, accountId: administrator.id })).rejects.toMatchObject({ code: 'conflict' });
  });
});
