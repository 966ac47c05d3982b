import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import * as oauth from 'openid-client';
import { clock, seconds } from '../support/clock.ts';
import { createInhabitedServer, DEVICE_GRANT, type InhabitedServer, type RegisteredSoftware } from '../support/inhabited-server.ts';

const RESOURCE = 'https://invoices.acme.test/mcp';
const REDIRECT_URI = 'http://127.0.0.1:49152/callback';
const CIBA = 'urn:openid:params:grant-type:ciba';

let server: InhabitedServer;
let confidential: RegisteredSoftware;
let publicClient: RegisteredSoftware;
beforeAll(async () => {
  server = await createInhabitedServer();
  await server.resource(RESOURCE, ['read', 'pay']);
  const code = { redirect_uris: [REDIRECT_URI], scope: 'openid profile email offline_access read pay' };
  confidential = await server.register({
    ...code,
    client_name: 'Assistant',
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials', CIBA, DEVICE_GRANT],
    post_logout_redirect_uris: ['http://127.0.0.1:49152/goodbye'],
  });
  publicClient = await server.register({
    ...code,
    client_name: 'Desktop',
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'none',
  });
}, 60_000);
afterEach(() => clock.reset());
afterAll(() => server.close());

function configure({ clientId, clientSecret }: RegisteredSoftware): Promise<oauth.Configuration> {
  const authentication = clientSecret === '' ? oauth.None() : oauth.ClientSecretBasic(clientSecret);
  return oauth.discovery(new URL(server.issuer), clientId, {}, authentication, { execute: [oauth.allowInsecureRequests] });
}

interface Flow {
  readonly parameters: Record<string, string>;
  readonly pushed?: true;
  readonly dpop?: oauth.DPoPHandle;
}

/** Code and PKCE (RFC 7636) with Mira at the browser. */
async function authorize(config: oauth.Configuration, { parameters, pushed, dpop }: Flow) {
  const pkceCodeVerifier = oauth.randomPKCECodeVerifier();
  const [expectedState, expectedNonce] = [oauth.randomState(), oauth.randomNonce()];
  const isOpenId = parameters['scope']?.split(' ').includes('openid') === true;
  const request = {
    redirect_uri: REDIRECT_URI,
    code_challenge: await oauth.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    ...(isOpenId ? { nonce: expectedNonce } : {}),
    ...parameters,
  };
  const options = dpop === undefined ? {} : { DPoP: dpop };
  const address = pushed
    ? await oauth.buildAuthorizationUrlWithPAR(config, request, options)
    : oauth.buildAuthorizationUrl(config, request);
  const callback = await server.anotherBrowser().authorize(address.href);
  const checks = { pkceCodeVerifier, expectedState, ...(isOpenId ? { expectedNonce, idTokenExpected: true } : {}) };
  const resource = parameters['resource'] === undefined ? {} : { resource: parameters['resource'] };
  return { address, callback, tokens: await oauth.authorizationCodeGrant(config, callback, checks, resource, options) };
}

const plain = { parameters: { scope: 'read', resource: RESOURCE } } as const;

describe('openid-client', () => {
  test('OpenID Connect Core §3.1: code and PKCE, id_token and userinfo', async () => {
    const config = await configure(confidential);
    const { tokens } = await authorize(config, { parameters: { scope: 'openid profile email' } });
    const claims = tokens.claims();
    expect(claims).toMatchObject({ sub: server.miraId, iss: server.issuer, aud: confidential.clientId });
    const info = await oauth.fetchUserInfo(config, tokens.access_token, server.miraId);
    expect(info).toMatchObject({ sub: server.miraId, name: 'Mira Köhler', email: server.miraEmail });
  });

  test('RFC 9068, RFC 8707: the token of a resource is a JWT for it alone, and names the agent', async () => {
    const { tokens } = await authorize(await configure(confidential), plain);
    expect(decodeProtectedHeader(tokens.access_token)).toMatchObject({ typ: 'at+jwt', alg: 'ES256' });
    expect(decodeJwt(tokens.access_token)).toMatchObject({
      aud: RESOURCE,
      sub: server.miraId,
      sub_profile: 'user',
      scope: 'read',
      client_id: confidential.clientId,
      act: { sub: confidential.agentId, sub_profile: 'ai_agent' },
    });
  });

  test('RFC 9126: a pushed request, used once', async () => {
    const config = await configure(confidential);
    const { address, tokens } = await authorize(config, { ...plain, pushed: true });
    expect([...address.searchParams.keys()].sort()).toEqual(['client_id', 'request_uri']);
    expect(decodeJwt(tokens.access_token)['scope']).toBe('read');
    const again = await server.anotherBrowser().authorize(address.href);
    expect([again.searchParams.get('code'), again.searchParams.get('error')]).toEqual([null, 'invalid_request_uri']);
  });

  test('RFC 9449: a token bound to a DPoP key', async () => {
    const config = await configure(confidential);
    const dpop = oauth.getDPoPHandle(config, await oauth.randomDPoPKeyPair());
    const { tokens } = await authorize(config, { ...plain, dpop });
    expect(tokens.token_type.toLowerCase()).toBe('dpop');
    const thumbprint = await dpop.calculateThumbprint();
    expect(decodeJwt(tokens.access_token)['cnf']).toEqual({ jkt: thumbprint });
    const answer = await oauth.tokenIntrospection(config, tokens.access_token);
    expect(answer).toMatchObject({ active: true, token_type: 'DPoP', cnf: { jkt: thumbprint } });
  });

  test('RFC 9449 §5: a bound refresh token of a public client needs its key', async () => {
    const config = await configure(publicClient);
    const dpop = oauth.getDPoPHandle(config, await oauth.randomDPoPKeyPair());
    const { tokens } = await authorize(config, { ...plain, dpop });
    const refreshToken = tokens.refresh_token ?? '';
    const parameters = { resource: RESOURCE };
    await expect(oauth.refreshTokenGrant(config, refreshToken, parameters)).rejects.toMatchObject({ error: 'invalid_grant' });
    const refreshed = await oauth.refreshTokenGrant(config, refreshToken, parameters, { DPoP: dpop });
    expect(decodeJwt(refreshed.access_token)['cnf']).toEqual({ jkt: await dpop.calculateThumbprint() });
  });

  test('RFC 9700 §4.14.2: a public client’s refresh token is replaced; the old one leads to the new one for a minute, then it ends the family', async () => {
    const config = await configure(publicClient);
    const { tokens } = await authorize(config, plain);
    const first = tokens.refresh_token ?? '';
    const refreshed = await oauth.refreshTokenGrant(config, first, { resource: RESOURCE });
    const second = refreshed.refresh_token ?? '';
    expect(decodeJwt(refreshed.access_token)).toMatchObject({ sub: server.miraId, aud: RESOURCE });
    expect([second === '', second === first]).toEqual([false, false]);
    expect((await oauth.refreshTokenGrant(config, first)).refresh_token).toBe(second);
    clock.advance(seconds(60));
    await expect(oauth.refreshTokenGrant(config, first)).rejects.toMatchObject({ error: 'invalid_grant' });
    await expect(oauth.refreshTokenGrant(config, second)).rejects.toMatchObject({ error: 'invalid_grant' });
  });

  test('RFC 6749 §4.4: an agent for itself', async () => {
    const config = await configure(confidential);
    const tokens = await oauth.clientCredentialsGrant(config, { resource: RESOURCE, scope: 'read' });
    const claims = decodeJwt(tokens.access_token);
    expect(claims).toMatchObject({ sub: confidential.agentId, sub_profile: 'ai_agent', aud: RESOURCE });
    expect(claims).not.toHaveProperty('act');
  });

  test('CIBA Core §7, §10 and §11: asks, waits while nobody decides, gets the token', async () => {
    const config = await configure(confidential);
    const details = [{ type: 'mcp_tool_call', tools: ['pay_invoice'], locations: [RESOURCE] }];
    const asked = await oauth.initiateBackchannelAuthentication(config, {
      scope: 'openid pay',
      resource: RESOURCE,
      login_hint: server.miraEmail,
      binding_message: 'INV-9',
      authorization_details: JSON.stringify(details),
    });
    expect(asked.interval).toBe(5);
    const mira = server.anotherBrowser();
    const answering = new Promise((resolve) => setTimeout(resolve, 6_000)).then(() => mira.decide('approve'));
    const tokens = await oauth.pollBackchannelAuthenticationGrant(config, asked);
    await answering;
    expect(decodeJwt(tokens.access_token)).toMatchObject({
      sub: server.miraId,
      act: { sub: confidential.agentId },
      authorization_details: details,
      approval: { by: 'subject', details_hash: expect.stringMatching(/^sha-256:/) },
    });
    expect(tokens.claims()).toMatchObject({ sub: server.miraId, aud: confidential.clientId });
    expect(tokens.refresh_token).toBeUndefined();
  }, 40_000);

  test('CIBA Core §11: a person who denies is an answer', async () => {
    const config = await configure(confidential);
    const asked = await oauth.initiateBackchannelAuthentication(config, {
      scope: 'openid pay',
      resource: RESOURCE,
      login_hint: server.miraEmail,
    });
    await server.anotherBrowser().decide('deny');
    await expect(oauth.pollBackchannelAuthenticationGrant(config, asked)).rejects.toMatchObject({ error: 'access_denied' });
  }, 40_000);

  test('RFC 8628: a device, and a person who types nothing', async () => {
    const config = await configure(confidential);
    const device = await oauth.initiateDeviceAuthorization(config, { scope: 'read', resource: RESOURCE });
    const left = await server.anotherBrowser().connectDevice(device.verification_uri_complete ?? '');
    expect(left.status).toBe(200);
    const tokens = await oauth.pollDeviceAuthorizationGrant(config, device, { resource: RESOURCE });
    expect(decodeJwt(tokens.access_token)).toMatchObject({ sub: server.miraId, act: { sub: confidential.agentId }, aud: RESOURCE });
  }, 40_000);

  test('RFC 8628 §3.1: no device flow for a client that did not register it', async () => {
    const config = await configure(publicClient);
    await expect(oauth.initiateDeviceAuthorization(config, { scope: 'read' })).rejects.toMatchObject({ error: 'invalid_request' });
  });

  test('RFC 7009, RFC 7662: a revoked access token is dead, and so is the next from a revoked refresh token', async () => {
    const config = await configure(confidential);
    const { tokens } = await authorize(config, plain);
    expect(await oauth.tokenIntrospection(config, tokens.access_token)).toMatchObject({
      active: true,
      sub: server.miraId,
      aud: RESOURCE,
      act: { sub: confidential.agentId },
    });
    await oauth.tokenRevocation(config, tokens.access_token);
    expect(await oauth.tokenIntrospection(config, tokens.access_token)).toEqual({ active: false });
    const refreshToken = tokens.refresh_token ?? '';
    const again = await oauth.refreshTokenGrant(config, refreshToken, { resource: RESOURCE });
    await oauth.tokenRevocation(config, refreshToken);
    await expect(oauth.refreshTokenGrant(config, refreshToken)).rejects.toMatchObject({ error: 'invalid_grant' });
    expect(await oauth.tokenIntrospection(config, again.access_token)).toEqual({ active: false });
  });

  test('OpenID Connect RP-Initiated Logout §2: the person is asked, signed out, and sent back', async () => {
    const config = await configure(confidential);
    const mira = server.anotherBrowser();
    await mira.visit('/me/approvals');
    const address = oauth.buildEndSessionUrl(config, {
      client_id: confidential.clientId,
      post_logout_redirect_uri: 'http://127.0.0.1:49152/goodbye',
      state: 'until-later',
    });
    const asked = await mira.open(address.href);
    expect(asked.status).toBe(200);
    const gone = await mira.send(asked, 'logout', { press: ['logout', 'yes'] });
    expect(gone.leftTo?.href).toBe('http://127.0.0.1:49152/goodbye?state=until-later');
    const page = await mira.open(`${server.issuer}/me/approvals`);
    expect(page.forms.some(({ names }) => names.has('password'))).toBe(true);
  });
});
