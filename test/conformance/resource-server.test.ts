import { createServer, type RequestListener, type Server } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import * as oauth from 'openid-client';
import { type Authorization, createResourceServer, protect, protectMcp, requireAssurance } from '../../src/sdk/resource-server.ts';
import { createInhabitedServer, type InhabitedServer, type RegisteredSoftware } from '../support/inhabited-server.ts';
import { freePort } from '../support/test-server.ts';

const REDIRECT_URI = 'http://127.0.0.1:49152/callback';

let server: InhabitedServer;
let software: RegisteredSoftware;
let config: oauth.Configuration;
let resource: string;
let http: Server | undefined;
beforeAll(async () => {
  server = await createInhabitedServer();
  resource = await server.resource(`http://127.0.0.1:${await freePort()}/mcp`, ['read', 'pay']);
  software = await server.register({ client_name: 'Assistant', redirect_uris: [REDIRECT_URI], grant_types: ['authorization_code'] });
  const authentication = oauth.ClientSecretBasic(software.clientSecret);
  const insecure = { execute: [oauth.allowInsecureRequests] };
  config = await oauth.discovery(new URL(server.issuer), software.clientId, {}, authentication, insecure);
}, 60_000);
afterEach(() => {
  http?.closeAllConnections();
  http?.close();
});
afterAll(() => server.close());

async function listen(listener: RequestListener): Promise<void> {
  http = createServer(listener);
  await new Promise<void>((resolve) => http?.listen(Number(new URL(resource).port), '127.0.0.1', resolve));
}

/** The token that Mira gives the assistant for the resource. */
async function token(parameters: Record<string, string>, dpop?: oauth.DPoPHandle): Promise<string> {
  const pkceCodeVerifier = oauth.randomPKCECodeVerifier();
  const address = oauth.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT_URI,
    resource,
    code_challenge: await oauth.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    ...parameters,
  });
  const callback = await server.anotherBrowser().authorize(address.href);
  const options = dpop === undefined ? {} : { DPoP: dpop };
  return (await oauth.authorizationCodeGrant(config, callback, { pkceCodeVerifier }, { resource }, options)).access_token;
}

describe('a token of Behalf at a server that behalf/resource-server protects', () => {
  test('RFC 9449 §9 openid-client answers a demand for a nonce by itself; the bound token is no bearer token', async () => {
    const seen: Authorization[] = [];
    const protection = createResourceServer({ issuer: server.issuer, resource, dpop: 'required', dpopNonce: {} });
    await listen(protect(protection, (_, response, authorization) => void response.end(String(seen.push(authorization)))));
    const dpop = oauth.getDPoPHandle(config, await oauth.randomDPoPKeyPair());
    const bound = await token({ scope: 'read' }, dpop);
    const ask = () => oauth.fetchProtectedResource(config, bound, new URL(resource), 'GET', undefined, undefined, { DPoP: dpop });
    for (const count of ['1', '2']) expect(await (await ask()).text()).toBe(count);
    expect(seen[0]).toMatchObject({ subject: server.miraId, agent: { subject: software.agentId }, scopes: ['read'] });
    const stolen = await fetch(resource, { headers: { authorization: `Bearer ${bound}` } });
    expect([stolen.status, stolen.headers.get('www-authenticate')]).toEqual([401, expect.stringMatching(/^DPoP .*invalid_token/)]);
  });

  test('RFC 9396 a limit that Mira granted holds at the tool', async () => {
    const protection = createResourceServer({ issuer: server.issuer, resource });
    const rules = { scopesForTool: { pay_invoice: ['pay'], refund: ['pay'] } };
    await listen(protectMcp(protection, rules, (_, response) => void response.end('done')));
    const details = [
      { type: 'mcp_tool_call', tools: ['pay_invoice'], arguments: { amount: { max: 100 } }, max_calls: 2, locations: [resource] },
    ];
    const given = await token({ scope: 'pay', authorization_details: JSON.stringify(details) });
    const call = async (name: string, amount: unknown) => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: { amount } } });
      return (await fetch(resource, { method: 'POST', headers: { authorization: `Bearer ${given}` }, body })).status;
    };
    expect([await call('pay_invoice', 100.01), await call('pay_invoice', '100.01'), await call('refund', 1)]).toEqual([403, 403, 403]);
    expect([await call('pay_invoice', 100), await call('pay_invoice', '100.00'), await call('pay_invoice', 1)]).toEqual([200, 200, 403]);
  });

  test('RFC 9470 the token tells how and when Mira signed in', async () => {
    const protection = createResourceServer({ issuer: server.issuer, resource });
    const at: (Date | undefined)[] = [];
    await listen(
      protect(protection, (request, response, authorization) => {
        at.push(authorization.authentication.at);
        requireAssurance(authorization, {
          maxAgeSeconds: 300,
          acrValues: request.url?.endsWith('strong') ? ['phr'] : ['urn:behalf:acr:pwd'],
        });
        response.end('done');
      }),
    );
    const headers = { authorization: `Bearer ${await token({ scope: 'read' })}` };
    expect((await fetch(resource, { headers })).status).toBe(200);
    const refused = await fetch(`${resource}/strong`, { headers });
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, expect.stringContaining('acr_values="phr"')]);
    expect(Math.abs(Date.now() - Number(at[0]))).toBeLessThan(60_000);
  });
});
