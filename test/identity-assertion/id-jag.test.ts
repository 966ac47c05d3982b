import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Company, decisionOf, makeClient, makeResource, openCompany, present, RESOURCE } from './company.ts';

let company: Company;
beforeAll(async () => {
  company = await openCompany();
}, 60_000);
afterAll(() => company.close());

const ask = async (claims = {}, form: Record<string, string> = {}) =>
  present(company.server, await company.idJag(claims), { client: company.agent, form });

describe('ID-JAG (draft-ietf-oauth-identity-assertion-authz-grant, MCP Enterprise-Managed Authorization)', () => {
  test('metadata names the profile and the grant', async () => {
    const metadata = (await (await fetch(`${company.server.issuer}/.well-known/oauth-authorization-server`)).json()) as Record<
      string,
      unknown
    >;
    expect(metadata['authorization_grant_profiles_supported']).toContain('urn:ietf:params:oauth:grant-profile:id-jag');
    expect(metadata['grant_types_supported']).toContain('urn:ietf:params:oauth:grant-type:jwt-bearer');
    expect(JSON.stringify(metadata)).not.toContain(company.idp.issuer);
  });

  test('gives a token for the person, with the agent as the one who acts, and no refresh token', async () => {
    const { status, body, claims } = await ask();
    expect([status, body['error_description']]).toEqual([200, undefined]);
    expect(claims).toMatchObject({
      sub: company.accountId,
      sub_profile: 'user',
      aud: RESOURCE,
      scope: 'read write',
      client_id: company.agent.clientId,
      act: { iss: company.server.issuer, sub: company.agent.agentId, sub_profile: 'ai_agent' },
    });
    expect(body).toMatchObject({ token_type: 'Bearer', scope: 'read write' });
    expect(body['refresh_token']).toBeUndefined();
    expect(Number(claims.exp) - Number(claims.iat)).toBeLessThanOrEqual(300);
  });
});
void decisionOf;
void makeClient;
void makeResource;
