import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { addAgent, addClient, ask, basic, introspect, obtain, post } from './asking.ts';
import { createTokenServer, PAYMENTS, type TokenServer } from './token-server.ts';

let server: TokenServer;

beforeAll(async () => {
  server = await createTokenServer();
  await server.parties.add('resource', PAYMENTS);
});

afterAll(() => server.close());

beforeEach(() => {
  server.beforeInsert = undefined;
});

describe('claims of an access token', () => {
  test('an agent acting for itself is the subject, without an actor; the client is never the subject (R5)', async () => {
    const { agentId, clientId } = await addAgent(server, 'alone');
    const { body } = await post(server, '/token', { form: { grant_type: 'client_credentials', scope: 'pay' }, headers: basic(clientId) });
    const claims = JSON.parse(Buffer.from(String(body['access_token']).split('.')[1] ?? '', 'base64url').toString());
    expect(claims).toMatchObject({ sub: agentId, sub_profile: 'ai_agent', client_id: clientId, aud: PAYMENTS, iss: server.issuer, scope: 'pay' });
    expect(claims).not.toHaveProperty('act');
    expect(await server.tokens.find(claims.jti)).toMatchObject({ kind: 'ClientCredentials', agentId, agentIds: [agentId], depth: 0, rootJti: claims.jti, isLive: true });
  });
});
