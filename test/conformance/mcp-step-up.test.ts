import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as second from '@modelcontextprotocol/client';
import { type OAuthClientProvider, UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { OAuthClientInformationMixed, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import { decodeJwt } from 'jose';
import { createInhabitedServer, type InhabitedServer, type RegisteredSoftware } from '../support/inhabited-server.ts';
import { type ProtectedMcpServer, startProtectedMcpServer } from '../support/mcp-server.ts';
import type { Filling, Page, Person } from '../support/person.ts';

const REDIRECT_URI = 'http://127.0.0.1:49152/callback';
const PAYMENT = { name: 'pay_invoice', arguments: { invoice: 'INV-1', amount: 5 } };

let server: InhabitedServer;
let mcp: ProtectedMcpServer;

beforeAll(async () => {
  server = await createInhabitedServer();
  // the metadata tells of reading alone: paying is asked for when it is needed
  mcp = await startProtectedMcpServer({ issuer: server.issuer, scopesSupported: ['invoices:read'] });
  const scopes = [
    { name: 'invoices:read', description: 'Read invoices', risk: 'low' },
    { name: 'invoices:pay', description: 'Pay invoices', risk: 'high' },
  ] as const;
  const kind = { name: 'Invoices', kind: 'mcp', sensitivity: 'low', token_ttl_seconds: null, algorithm: 'ES256' } as const;
  await server.app.parts.resourceServers.create(
    { identifier: mcp.resource, ...kind, scopes: [...scopes] },
    { kind: 'system', id: 'command-line' },
  );
}, 60_000);
afterAll(async () => {
  await mcp.close();
  await server.close();
});

/** What an MCP host keeps, a person who follows its redirects, and the pages they saw. */
interface Host extends OAuthClientProvider {
  readonly pages: Page[];
  readonly answers: URL[];
  readonly saved: OAuthTokens[];
}

function createHost(person: Person, software: RegisteredSoftware, filling: () => Filling = () => ({})): Host {
  const saved: OAuthTokens[] = [];
  const [pages, answers]: [Page[], URL[]] = [[], []];
  let verifier = '';
  let discovered: unknown;
  return {
    ...{ saved, pages, answers },
    redirectUrl: REDIRECT_URI,
    clientMetadata: { client_name: 'Desktop', redirect_uris: [REDIRECT_URI], grant_types: ['authorization_code', 'refresh_token'] },
    clientInformation: () => ({ ...software.information, client_id: software.clientId }) as unknown as OAuthClientInformationMixed,
    tokens: () => saved.at(-1),
    saveTokens: (tokens) => void saved.push(tokens),
    saveCodeVerifier: (next) => {
      verifier = next;
    },
    codeVerifier: () => verifier,
    saveDiscoveryState: (state) => {
      discovered = state;
    },
    discoveryState: () => discovered as never,
    async redirectToAuthorization(address) {
      const page = await person.reachConsent(address.href);
      pages.push(page);
      const answered =
        page.leftTo === undefined ? await person.send(page, 'decision', { press: ['decision', 'allow'], ...filling() }) : page;
      if (answered.leftTo === undefined) throw new Error(answered.words);
      answers.push(answered.leftTo);
    },
  };
}

/** The two official clients: what of them the tests use is the same. */
interface Sdk {
  readonly Client: typeof Client;
  readonly Transport: typeof StreamableHTTPClientTransport;
  readonly Unauthorized: new (message?: string) => Error;
  /** What is registered; version 1 refreshes before it asks for more, so it comes back to the person only without a refresh token. */
  readonly grantTypes: readonly string[];
}

const SDKS: readonly [string, Sdk][] = [
  ['version 1', { Client, Transport: StreamableHTTPClientTransport, Unauthorized: UnauthorizedError, grantTypes: ['authorization_code'] }],
  [
    'version 2',
    {
      Client: second.Client as never,
      Transport: second.StreamableHTTPClientTransport as never,
      Unauthorized: second.UnauthorizedError,
      grantTypes: ['authorization_code', 'refresh_token'],
    },
  ],
];

const answerOf = (host: Host) => host.answers.at(-1)?.searchParams ?? new URLSearchParams();
/** Both take the code; version 2 wants the issuer of the answer beside it (RFC 9207). */
const finish = (transport: StreamableHTTPClientTransport, host: Host) =>
  (transport.finishAuth as (code: string, iss?: string) => Promise<void>).call(
    transport,
    answerOf(host).get('code') ?? '',
    answerOf(host).get('iss') ?? '',
  );

async function connect(sdk: Sdk, host: Host): Promise<{ client: Client; transport: StreamableHTTPClientTransport }> {
  const first = new sdk.Transport(mcp.url, { authProvider: host });
  await expect(new sdk.Client({ name: 'test', version: '1.0.0' }).connect(first as never)).rejects.toThrow(sdk.Unauthorized);
  await finish(first, host);
  const transport = new sdk.Transport(mcp.url, { authProvider: host });
  const client = new sdk.Client({ name: 'test', version: '1.0.0' });
  await client.connect(transport as never);
  return { client, transport };
}

async function hostOf(name: string, { grantTypes }: Sdk, filling?: () => Filling): Promise<Host> {
  const about = { client_name: name, redirect_uris: [REDIRECT_URI], grant_types: grantTypes };
  const software = await server.register({ ...about, token_endpoint_auth_method: 'none' });
  return createHost(server.anotherBrowser(), software, filling);
}

describe.each(SDKS)(
  'step-up by scope with the official server and client, %s (MCP authorization, "Scope Challenge Handling")',
  (_name, sdk) => {
    test('a tool that needs more: the page says what is new, and the call goes through with the new token', async () => {
      const desktop = await hostOf('Stepping up', sdk);
      const { client, transport } = await connect(sdk, desktop);
      expect(desktop.saved.at(-1)?.scope).toBe('invoices:read');
      const before = desktop.saved.at(-1) as OAuthTokens;
      await expect(client.callTool(PAYMENT)).rejects.toThrow(sdk.Unauthorized);
      expect(desktop.pages.at(-1)?.words).toMatch(/Pay invoices/);
      await finish(transport, desktop);
      const result = await client.callTool(PAYMENT);
      expect(result.content).toEqual([{ type: 'text', text: 'paid INV-1' }]);
      expect(String(decodeJwt(desktop.saved.at(-1)?.access_token ?? '')['scope'])).toContain('invoices:pay');
      // what was there goes on
      expect(await server.app.parts.tokens.verify(before.access_token)).toBeDefined();
      await client.close();
    });

    test('a person who says no keeps what they allowed: the client goes on with it', async () => {
      const presses: [string, string][] = [];
      const desktop = await hostOf('Refused more', sdk, () => ({ press: presses.shift() ?? ['decision', 'allow'] }));
      const { client } = await connect(sdk, desktop);
      presses.push(['decision', 'deny']);
      await expect(client.callTool(PAYMENT)).rejects.toThrow(sdk.Unauthorized);
      expect(answerOf(desktop).get('error')).toBe('access_denied');
      expect((await client.callTool({ name: 'read_invoices', arguments: {} })).content).toHaveLength(1);
      await client.close();
    });
  },
);

test('version 2 asks for what it has and what it needs, and the page marks what is new', async () => {
  const sdk = SDKS[1]?.[1] as Sdk;
  const desktop = await hostOf('Adding up', sdk);
  const { client, transport } = await connect(sdk, desktop);
  await expect(client.callTool(PAYMENT)).rejects.toThrow(sdk.Unauthorized);
  expect(desktop.pages.at(-1)?.words).toMatch(/Let Adding up do more for you.*Pay invoices New.*Read invoices You allowed this before/);
  const before = desktop.saved.at(-1)?.refresh_token;
  await finish(transport, desktop);
  expect(desktop.saved.at(-1)?.scope?.split(' ').sort()).toEqual(['invoices:pay', 'invoices:read']);
  expect(desktop.saved.at(-1)?.refresh_token).not.toBe(before);
  for (const call of [PAYMENT, { name: 'read_invoices', arguments: {} }]) expect((await client.callTool(call)).content).toHaveLength(1);
  await client.close();
});

describe('the page of a request for more (A, then A and B)', () => {
  test('shows what is new first, marks it, and leaves out what was not asked', async () => {
    const desktop = await hostOf('In steps', { ...(SDKS[0]?.[1] as Sdk) });
    const information = (await desktop.clientInformation()) as { client_id: string };
    const person = server.anotherBrowser();
    const query = (scope: string) => {
      const challenge = { code_challenge: 'c'.repeat(43), code_challenge_method: 'S256', state: 'x' };
      const about = { client_id: information.client_id, response_type: 'code', redirect_uri: REDIRECT_URI, resource: mcp.resource };
      return `${server.issuer}/authorize?${new URLSearchParams({ ...about, ...challenge, scope })}`;
    };
    await person.authorize(query('invoices:read openid'));
    const page = await person.reachConsent(query('invoices:read invoices:pay'));
    expect(page.words).toMatch(/do more for you.*Pay invoices New.*Read invoices You allowed this before/);
    expect(page.words).not.toContain('Know that it is you');
    const again = await person.reachConsent(query('invoices:read'));
    expect(again.words).not.toContain('New');
  });
});
