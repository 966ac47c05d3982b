import { beforeEach, describe, expect, test } from '@jest/globals';
import { AccessUnavailable, createAccessClient } from '../../src/sdk/resource-server.ts';

const ISSUER = 'https://auth.example.com/t1';
const question = { subject: { type: 'user', id: 'a' }, action: { name: 'read' }, resource: { type: 'r', id: '1' } };
const json = (body: unknown, status = 200) =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });

let requests: { readonly url: string; readonly init: RequestInit }[];
let answers: Record<string, () => Response>;
let now: number;

beforeEach(() => {
  requests = [];
  now = Date.parse('2026-12-01T00:00:00Z');
  let issued = 0;
  answers = {
    'https://auth.example.com/.well-known/oauth-authorization-server/t1': () =>
      json({ issuer: ISSUER, token_endpoint: `${ISSUER}/token`, jwks_uri: `${ISSUER}/jwks` }),
    'https://auth.example.com/.well-known/authzen-configuration/t1': () =>
      json({ policy_decision_point: ISSUER, access_evaluation_endpoint: `${ISSUER}/ask` }),
    [`${ISSUER}/token`]: () => json({ access_token: `token-${++issued}`, expires_in: 300 }),
    [`${ISSUER}/ask`]: () => json({ decision: true }),
    [`${ISSUER}/access/v1/evaluations`]: () => json({ evaluations: [{ decision: true }, { decision: false }] }),
  };
});

const client = () =>
  createAccessClient({
    issuer: ISSUER,
    credentials: { method: 'client_secret_basic', clientId: 'own', clientSecret: 's:1' },
    fetch: async (url, init) => {
      requests.push({ url, init });
      return answers[url]?.() ?? json({}, 404);
    },
    clock: { now: () => new Date(now) },
  });
const asked = (path: string) => requests.filter(({ url }) => url === `${ISSUER}${path}`);
const authorization = ({ init }: { init: RequestInit }) => (init.headers as Record<string, string>)['authorization'];

describe('asking', () => {
  test('finds the endpoints and gets a token for them, once; what is not in the metadata lies at its usual path', async () => {
    const one = client();
    expect(await Promise.all([one.evaluate(question), one.evaluate(question)])).toEqual([{ decision: true }, { decision: true }]);
    const many = { subject: question.subject, evaluations: [question, question] };
    expect(await one.evaluateAll(many)).toEqual([{ decision: true }, { decision: false }]);
    expect([requests.length, asked('/token').length]).toEqual([6, 1]);
    const form = new URLSearchParams(String(asked('/token')[0]?.init.body));
    expect(Object.fromEntries(form)).toEqual({
      grant_type: 'client_credentials',
      scope: 'access:evaluate',
      resource: `${ISSUER}/access/v1`,
    });
    expect(authorization(asked('/token')[0] as never)).toBe(`Basic ${Buffer.from('own:s%3A1').toString('base64')}`);
    expect(asked('/ask').map(authorization)).toEqual(['Bearer token-1', 'Bearer token-1']);
    expect(JSON.parse(String(asked('/access/v1/evaluations')[0]?.init.body))).toEqual(many);
    expect(requests.every(({ init }) => init.redirect === 'error')).toBe(true);
  });

  test('renews its token before it expires, and once when it is refused', async () => {
    const one = client();
    await one.evaluate(question);
    now += 271_000;
    await one.evaluate(question);
    expect(asked('/ask').map(authorization)).toEqual(['Bearer token-1', 'Bearer token-2']);
    let refusals = 1;
    answers[`${ISSUER}/ask`] = () => (refusals-- > 0 ? json({}, 401) : json({ decision: false }));
    expect(await one.evaluate(question)).toEqual({ decision: false });
    expect(asked('/ask').map(authorization).at(-1)).toBe('Bearer token-3');
    answers[`${ISSUER}/ask`] = () => json({}, 401);
    await expect(one.evaluate(question)).rejects.toThrow(AccessUnavailable);
  });

  test('asks for the metadata again after a failure, two seconds later at the earliest', async () => {
    const path = 'https://auth.example.com/.well-known/authzen-configuration/t1';
    const [good, one] = [answers[path], client()];
    answers[path] = () => json({}, 503);
    for (let turn = 0; turn < 3; turn += 1) await expect(one.evaluate(question)).rejects.toThrow('answered 503');
    expect(requests.filter(({ url }) => url === path)).toHaveLength(1);
    answers[path] = good as () => Response;
    now += 2_001;
    expect(await one.evaluate(question)).toEqual({ decision: true });
  });
});

describe('what is no answer', () => {
  test.each<[string, unknown]>([
    ['no object', [true]],
    ['no decision', {}],
    ['a decision that is a text', { decision: 'true' }],
    ['a context that is a list', { decision: true, context: [] }],
  ])('%s', async (_name, body) => {
    answers[`${ISSUER}/ask`] = () => json(body);
    await expect(client().evaluate(question)).rejects.toThrow(AccessUnavailable);
  });

  test.each<[string, unknown]>([
    ['a single decision', { decision: true }],
    ['fewer decisions than questions', { evaluations: [{ decision: true }] }],
    ['more', { evaluations: [{ decision: true }, { decision: true }, { decision: true }] }],
    ['one that is none', { evaluations: [{ decision: true }, {}] }],
  ])('to many: %s', async (_name, body) => {
    answers[`${ISSUER}/access/v1/evaluations`] = () => json(body);
    await expect(client().evaluateAll({ evaluations: [question, question] })).rejects.toThrow(AccessUnavailable);
  });

  test('metadata of another decision point, or one that leads away from https', async () => {
    const path = 'https://auth.example.com/.well-known/authzen-configuration/t1';
    for (const [policy_decision_point, access_evaluation_endpoint] of [
      ['https://elsewhere.example.com', `${ISSUER}/ask`],
      [ISSUER, 'http://localhost/ask'],
      [ISSUER, 'http://elsewhere.example.com/ask'],
    ]) {
      answers[path] = () => json({ policy_decision_point, access_evaluation_endpoint });
      await expect(client().evaluate(question)).rejects.toThrow(AccessUnavailable);
    }
    expect(asked('/ask')).toEqual([]);
  });

  test('an address without https is refused at once', () => {
    const credentials = { method: 'client_secret_basic', clientId: 'a', clientSecret: 'b' } as const;
    expect(() => createAccessClient({ issuer: ISSUER, policyDecisionPoint: 'http://pdp.example.com', credentials })).toThrow(TypeError);
  });
});
