import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { startForeignIssuer } from '../support/foreign-issuer.ts';
import { dpopProof, proofKey } from '../support/seeding.ts';
import { type Company, decisionOf, makeClient, makeResource, openCompany, present, RESOURCE, trust } from './company.ts';

const OTHER = 'https://mcp.tool.test/wiki';
const now = () => Math.floor(Date.now() / 1000);

let company: Company;
beforeAll(async () => {
  company = await openCompany();
  await makeResource(company.server, OTHER);
}, 60_000);
afterAll(() => company.close());

const ask = async (claims = {}, form: Record<string, string> = {}) =>
  present(company.server, await company.idJag(claims), { client: company.agent, form });

describe('an ID-JAG that is in order (draft-ietf-oauth-identity-assertion-authz-grant §5)', () => {
  test('§6 the metadata names the profile and the grant, and nobody who is trusted', async () => {
    const response = await fetch(`${company.server.issuer}/.well-known/oauth-authorization-server`);
    const metadata = (await response.json()) as Record<string, unknown>;
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

  test('R13 the token stands in the ledger, its decision and its audit events beside it', async () => {
    const { claims } = await ask();
    const { tokens, audit, policy } = company.server.app.parts;
    const known = await tokens.find(String(claims.jti));
    expect(known).toMatchObject({ isLive: true, accountId: company.accountId, agentId: company.agent.agentId });
    expect((await policy.get(String(known?.decisionId))).effect).toBe('permit');
    const { events } = await audit.list({ mentions: String(claims.jti), limit: 10 });
    expect(events.map(({ event }) => [event.type, event.resource])).toEqual(
      expect.arrayContaining([
        ['assertion.accepted', company.provider.id],
        ['token.issued', RESOURCE],
      ]),
    );
  });

  test('narrows to the scopes that are asked for, and to those the resource offers', async () => {
    expect((await ask({}, { scope: 'read' })).body['scope']).toBe('read');
    expect((await ask({ scope: 'read delete' })).body['scope']).toBe('read');
    expect((await ask({ scope: undefined })).body).toMatchObject({ token_type: 'Bearer' });
    expect((await ask({ scope: 'read' }, { scope: 'read write' })).body['error']).toBe('invalid_scope');
    expect((await ask({ scope: 'delete' })).body['error']).toBe('invalid_scope');
  });

  test('EMA: of several resources the request names one; of those it may not name it gets none', async () => {
    const several = { resource: [RESOURCE, OTHER, 'https://elsewhere.test'] };
    expect((await ask(several)).body['error']).toBe('invalid_target');
    expect((await ask(several, { resource: OTHER })).claims.aud).toBe(OTHER);
    expect((await ask(several, { resource: 'https://elsewhere.test' })).body['error']).toBe('invalid_target');
    expect((await ask({}, { resource: OTHER })).body['error']).toBe('invalid_target');
    expect((await ask({ resource: undefined }, { resource: RESOURCE })).body['error']).toBe('invalid_target');
    expect((await ask({ resource: `${company.server.issuer}/api/v1` })).body['error']).toBe('invalid_target');
  });

  test('keeps the one actor that the identity provider names inside its own, and takes none of somebody else', async () => {
    const act = { iss: company.idp.issuer, sub: 'agent-42', sub_profile: 'ai_agent' };
    const { claims } = await ask({ act });
    expect(claims['act']).toEqual({ iss: company.server.issuer, sub: company.agent.agentId, sub_profile: 'ai_agent', act });
    expect((await ask({ act: { ...act, iss: company.server.issuer } })).body['error']).toBe('invalid_grant');
    expect((await ask({ act: { ...act, act } })).body['error']).toBe('invalid_grant');
  });

  test('authorization details lie inside those of the assertion (RFC 9396 §7.1)', async () => {
    const tool = (tools: string[]) => [{ type: 'mcp_tool_call', locations: [RESOURCE], tools }];
    const names = company.server.app.parts.details.types.names;
    expect(names).toContain('mcp_tool_call');
    const held = tool(['search', 'close']);
    const all = await ask({ authorization_details: held });
    expect(all.claims['authorization_details']).toMatchObject(held);
    const fewer = await ask(
      { authorization_details: held },
      { resource: RESOURCE, authorization_details: JSON.stringify(tool(['search'])) },
    );
    expect(fewer.claims['authorization_details']).toMatchObject(tool(['search']));
    for (const [claims, asked] of [
      [{ authorization_details: tool(['search']) }, tool(['close'])],
      [{}, tool(['search'])],
      [{ authorization_details: [{ type: 'nobody_knows' }] }, undefined],
    ] as const) {
      const answer = await ask(claims, asked === undefined ? {} : { resource: RESOURCE, authorization_details: JSON.stringify(asked) });
      expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_authorization_details']);
    }
  });
});

describe('binding to a key (draft ID-JAG §5, RFC 9449)', () => {
  const key = proofKey();
  const send = async (cnf: object | undefined, proof: ReturnType<typeof proofKey> | undefined) => {
    const headers = proof === undefined ? {} : { dpop: dpopProof(`${company.server.issuer}/token`, proof) };
    return present(company.server, await company.idJag({ cnf }), { client: company.agent, headers });
  };

  test('cnf and a proof of that key: a token bound to it, whether it is named by jkt or jwk', async () => {
    const jkt = await calculateJwkThumbprint(key.publicJwk as JWK);
    for (const cnf of [{ jkt }, { jwk: key.publicJwk }]) {
      const { body, claims } = await send(cnf, key);
      expect([body['token_type'], claims['cnf']]).toEqual(['DPoP', { jkt }]);
    }
  });

  test('cnf without a proof, or with a proof of another key: invalid_grant', async () => {
    const jkt = await calculateJwkThumbprint(key.publicJwk as JWK);
    expect((await send({ jkt }, undefined)).body['error']).toBe('invalid_grant');
    expect((await send({ jkt }, proofKey())).body['error']).toBe('invalid_grant');
    expect((await send({ 'x5t#S256': 'x' }, key)).body['error']).toBe('invalid_grant');
  });

  test('a proof without cnf binds, neither gives a bearer token', async () => {
    expect((await send(undefined, key)).body['token_type']).toBe('DPoP');
    expect((await send(undefined, undefined)).body['token_type']).toBe('Bearer');
  });
});

describe('an ID-JAG that is not in order is invalid_grant, with a decision an administrator can read', () => {
  const faults: [what: string, fault: string, claims: object, header?: object][] = [
    ['it has expired', 'expired', { iat: now() - 600, exp: now() - 60 }],
    ['it ends in a year', 'lifetime', { exp: now() + 31_536_000 }],
    ['it is from the future', 'not_yet_valid', { iat: now() + 600, exp: now() + 900 }],
    ['its audience is the token endpoint', 'audience', { aud: 'TOKEN' }],
    ['its audience is another server', 'audience', { aud: 'https://other.test' }],
    ['it has two audiences', 'audience', { aud: ['SELF', 'https://other.test'] }],
    ['it does not say when it was made', 'malformed', { iat: 'soon' }],
    ['it has no name of its own', 'malformed', { jti: '' }],
    ['it is about nobody', 'malformed', { sub: undefined }],
    ['an extension is critical', 'wrong_type', {}, { crit: ['exp'] }],
    ['its key is not there', 'unknown_key', {}, { kid: 'k9' }],
  ];
  test.each(faults)('%s', async (_what, fault, claims, header = {}) => {
    const self = company.server.issuer;
    const text = JSON.stringify(claims).replaceAll('"TOKEN"', `"${self}/token"`).replaceAll('"SELF"', `"${self}"`);
    const given = { ...claims, ...(JSON.parse(text) as object) };
    const made = company.idJag(given, header as Record<string, unknown>).catch(() => undefined);
    const jwt =
      (await made) ?? (await company.idJag(given)).replace(/^[^.]+/, encoded({ alg: 'ES256', typ: 'oauth-id-jag+jwt', ...header }));
    const answer = await present(company.server, jwt, { client: company.agent });
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_grant']);
    const { rule, input } = await decisionOf(company, answer);
    expect([rule.startsWith('assertion-'), input['fault']]).toEqual([true, fault]);
  });

  test('R25 only the type itself opens the door: no other spelling, none at all, no ID token', async () => {
    for (const typ of ['JWT', 'OAUTH-ID-JAG+JWT', 'application/oauth-id-jag+jwt', 'oauth-id-jag', 'at+jwt', undefined]) {
      const answer = await present(company.server, await company.idJag({}, { typ }), { client: company.agent });
      expect([typ, answer.status, answer.body['error']]).toEqual([typ, 400, 'invalid_grant']);
    }
  });

  test('alg none, a symmetric algorithm and the key of somebody else sign nothing', async () => {
    const jwt = await company.idJag();
    const [, payload = '', signature = ''] = jwt.split('.');
    const header = (alg: string) => encoded({ alg, typ: 'oauth-id-jag+jwt', kid: 'k1' });
    const other = await startForeignIssuer();
    const forged = await other.sign(
      { ...(JSON.parse(Buffer.from(payload, 'base64url').toString()) as object) },
      { typ: 'oauth-id-jag+jwt' },
    );
    await other.close();
    for (const bad of [
      `${header('none')}.${payload}.`,
      `${header('HS256')}.${payload}.${signature}`,
      `${header('RS256')}.${payload}.${signature}`,
      forged,
    ]) {
      const answer = await present(company.server, bad, { client: company.agent });
      expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_grant']);
    }
    expect((await present(company.server, jwt, { client: company.agent })).status).toBe(200);
  });

  test('client_id names another client', async () => {
    const other = await makeClient(company.server, { name: 'Other', owner: company.accountId });
    const answer = await present(company.server, await company.idJag(), { client: other });
    expect([answer.body['error'], (await decisionOf(company, answer)).rule]).toEqual(['invalid_grant', 'assertion-other-client']);
  });

  test('an issuer nobody trusts, one that is switched off, and one whose keys are away answer alike', async () => {
    const [stranger, disabled, gone] = await Promise.all([startForeignIssuer(), startForeignIssuer(), startForeignIssuer()]);
    const kind = 'identity_provider';
    await trust(company.server, { name: 'Off', kind, issuer: disabled.issuer, jwks_uri: disabled.jwksUri, status: 'disabled' });
    await trust(company.server, { name: 'Gone', kind, issuer: gone.issuer, jwks_uri: gone.jwksUri });
    gone.answerWith((_request, response) => void response.writeHead(500).end());
    const claims = { sub: 'u-1', aud: company.server.issuer, client_id: company.agent.clientId, resource: RESOURCE };
    const answers = [];
    for (const issuer of [stranger, disabled, gone]) {
      const answer = await present(company.server, await issuer.sign(claims, { typ: 'oauth-id-jag+jwt' }), { client: company.agent });
      answers.push([answer.status, answer.body['error'], answer.body['error_description']]);
      await issuer.close();
    }
    expect(answers[0]?.slice(0, 2)).toEqual([400, 'invalid_grant']);
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  });
});

describe('who may present one', () => {
  test('R4 a client that does not authenticate may not', async () => {
    const open = await makeClient(company.server, {
      name: 'Public',
      owner: company.accountId,
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code'],
      redirect_uris: ['https://client.test/cb'],
    });
    const jwt = await company.idJag({ client_id: open.clientId });
    const answer = await present(company.server, jwt, { form: { client_id: open.clientId } });
    expect(answer.status).toBe(400);
    expect((await present(company.server, await company.idJag())).status).toBe(400);
  });

  test('R5 a suspended agent may not, and its assertion is not used up by trying', async () => {
    const { agents } = company.server.app.parts;
    const agent = await makeClient(company.server, { name: 'Paused', owner: company.accountId });
    const jwt = await company.idJag({ client_id: agent.clientId });
    const by = { kind: 'account', id: 'usr_administrator', party: 'administrator' } as const;
    await agents.setStatus(agent.agentId, 'underReview', { by, reason: 'a test' });
    const refused = await present(company.server, jwt, { client: agent });
    expect([refused.status, refused.body['error']]).toEqual([400, 'unauthorized_client']);
    await agents.setStatus(agent.agentId, 'active', { by, reason: 'a test' });
    expect((await present(company.server, jwt, { client: agent })).status).toBe(200);
  });

  test('R6 a client for management gets no token for this server, whoever the person is', async () => {
    const manager = await makeClient(company.server, { name: 'Manager', purpose: 'management', is_management: true });
    const jwt = await company.idJag({ client_id: manager.clientId, resource: `${company.server.issuer}/api/v1`, scope: 'admin:read' });
    const answer = await present(company.server, jwt, { client: manager });
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_target']);
  });

  test('R5 software that people let in by themselves acts under their grants alone', async () => {
    const about = {
      displayName: 'Self-service',
      owner: { kind: 'group', id: 'grp_self_service' },
      status: 'active',
      source: 'console',
    } as const;
    const by = { kind: 'account', id: 'usr_administrator', party: 'administrator' } as const;
    const client = await makeClient(company.server, { name: 'Let in', purpose: 'agent' });
    const { id } = await company.server.app.parts.agents.create(about, by);
    await company.server.app.parts.agents.linkClient(id, client.clientId, by);
    const answer = await present(company.server, await company.idJag({ client_id: client.clientId }), { client });
    expect([answer.body['error'], (await decisionOf(company, answer)).rule]).toEqual(['unauthorized_client', 'self-service-grant']);
  });
});

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
