import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { clock, hours, seconds } from '../support/clock.ts';
import { createInhabitedServer, type InhabitedServer } from '../support/inhabited-server.ts';
import { type ClientLibrary, createHost, type Host, restarted, sdkV1, sdkV2 } from '../support/mcp-host.ts';
import { type ProtectedMcpServer, startProtectedMcpServer } from '../support/mcp-server.ts';
import { startModernMcpServer } from '../support/modern-mcp-server.ts';
import { type SecureDocuments, startSecureDocuments } from '../support/secure-documents.ts';
import { freePort } from '../support/test-server.ts';

const SCOPES = ['invoices:read', 'invoices:pay'];

let server: InhabitedServer;
let stateful: ProtectedMcpServer;
let modern: ProtectedMcpServer;
let documents: SecureDocuments;
beforeAll(async () => {
  [server, documents] = await Promise.all([createInhabitedServer(), startSecureDocuments()]);
  const options = { issuer: server.issuer, scopesSupported: SCOPES };
  [stateful, modern] = await Promise.all([startProtectedMcpServer(options), startModernMcpServer(options)]);
  for (const { resource } of [stateful, modern]) await server.resource(resource, SCOPES);
}, 60_000);
// time only goes on in this file: the rate limits of a server do not outlive a clock that goes back by months
afterAll(async () => {
  clock.reset();
  await Promise.all([stateful.close(), modern.close(), documents.close()]);
  await server.close();
});

/** As a desktop program registers; the name makes it a product of its own. */
const metadataOf = (client_name: string) => ({
  client_name,
  redirect_uris: ['http://localhost:49152/callback'],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
});

const invoices = () => [{ type: 'text', text: `invoices of ${server.miraId}` }];
const accessTokenOf = ({ memory }: Host) => memory.tokens?.access_token ?? '';
const clientIdOf = ({ memory }: Host) => memory.information?.client_id ?? '';

interface Pair {
  readonly library: ClientLibrary;
  readonly kind: string;
  readonly mcp: () => ProtectedMcpServer;
}

const PAIRS: readonly Pair[] = [
  { library: sdkV1, kind: '@modelcontextprotocol/sdk', mcp: () => stateful },
  { library: sdkV2, kind: '@modelcontextprotocol/server', mcp: () => modern },
];

describe.each(PAIRS)('$library.title with a server of $kind', ({ library, mcp }) => {
  const begin = async (name: string) => {
    const options = { person: server.anotherBrowser(), metadata: metadataOf(`${name} of ${library.title}`) };
    const host = createHost(options);
    const connection = await library.connect(mcp().url, host);
    expect(await connection.call('read_invoices')).toEqual(invoices());
    return { options, host, connection };
  };

  test('registers by itself, a person signs in and consents once, and the tool answers', async () => {
    const { host, connection } = await begin('First try');
    await connection.close();
    expect([host.registrations.length, host.redirects.length]).toEqual([1, 1]);
    expect(host.redirects[0]?.searchParams.get('resource')).toBe(mcp().resource);
    expect(host.callback().searchParams.get('iss')).toBe(server.issuer);
    const agent = await server.app.parts.agents.findByClient(clientIdOf(host));
    expect(decodeJwt(accessTokenOf(host))).toMatchObject({ sub: server.miraId, aud: mcp().resource, act: { sub: agent?.id } });
  });

  test('is known by its metadata document, and registers nothing', async () => {
    const metadata = metadataOf(`Document of ${library.title}`);
    const clientMetadataUrl = documents.serve(metadata);
    const host = createHost({ person: server.anotherBrowser(), metadata, clientMetadataUrl });
    const connection = await library.connect(mcp().url, host);
    expect(await connection.call('read_invoices')).toEqual(invoices());
    clock.advance(seconds(Number(host.memory.tokens?.expires_in) + 60));
    expect(await connection.call('read_invoices')).toEqual(invoices());
    await connection.close();
    expect([clientIdOf(host), host.redirects.length]).toEqual([clientMetadataUrl, 1]);
    expect(decodeJwt(accessTokenOf(host))).toMatchObject({ sub: server.miraId, aud: mcp().resource, client_id: clientMetadataUrl });
  });

  test('an access token that ended is refreshed within the call', async () => {
    const { host, connection } = await begin('Long session');
    const before = { ...host.memory.tokens };
    clock.advance(seconds(Number(before.expires_in) + 60));
    expect(await connection.call('read_invoices')).toEqual(invoices());
    await connection.close();
    expect(host.memory.tokens?.access_token).not.toBe(before.access_token);
    expect(host.memory.tokens?.refresh_token).not.toBe(before.refresh_token);
    expect([host.registrations.length, host.redirects.length]).toEqual([1, 1]);
  });

  test('started again with what it kept, it goes on without the person', async () => {
    const { options, host, connection } = await begin('Restarted');
    await connection.close();
    const again = restarted(host, options);
    const second = await library.connect(mcp().url, again);
    expect(await second.call('read_invoices')).toEqual(invoices());
    await second.close();
    // a week later the access token is long gone
    clock.advance(hours(7 * 24));
    const later = restarted(again, options);
    const third = await library.connect(mcp().url, later);
    expect(await third.call('pay_invoice', { invoice: 'INV-7', amount: 5 })).toEqual([{ type: 'text', text: 'paid INV-7' }]);
    await third.close();
    expect([again, later].flatMap(({ registrations, redirects }) => [...registrations, ...redirects])).toEqual([]);
  });

  test('a registration that was cleared away is made again by itself, within the call', async () => {
    const { host, connection } = await begin('Reaped');
    const before = clientIdOf(host);
    clock.advance(hours(91 * 24));
    expect(await server.app.parts.clients.software.reap()).toBeGreaterThan(0);
    const said = jest.spyOn(console, 'warn').mockImplementation(() => undefined); // one of the SDKs tells of it
    expect(await connection.call('read_invoices')).toEqual(invoices());
    said.mockRestore();
    await connection.close();
    expect(clientIdOf(host)).not.toBe(before);
    expect([host.registrations.length, host.redirects.length]).toEqual([2, 2]);
  });

  test('a registration that an administrator deleted is made again by itself, after a restart', async () => {
    const { options, host, connection } = await begin('Deleted');
    await connection.close();
    await server.app.parts.clients.remove(clientIdOf(host), { kind: 'system', id: 'command-line' });
    clock.advance(hours(1));
    const again = restarted(host, options);
    const said = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    const second = await library.connect(mcp().url, again);
    said.mockRestore();
    expect(await second.call('read_invoices')).toEqual(invoices());
    await second.close();
    expect(clientIdOf(again)).not.toBe(clientIdOf(host));
    expect([again.registrations.length, again.redirects.length]).toEqual([1, 1]);
  });

  test('R14: what an administrator stopped does not come back by registering again', async () => {
    const { host, connection } = await begin('Stopped');
    const agent = await server.app.parts.agents.findByClient(clientIdOf(host));
    const by = { kind: 'system', id: 'command-line', party: 'system' } as const;
    await server.app.parts.agents.setStatus(agent?.id ?? '', 'suspended', { by, reason: 'a test' });
    clock.advance(hours(1));
    const said = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    await expect(connection.call('read_invoices')).rejects.toThrow('suspended');
    said.mockRestore();
    await connection.close();
    expect([host.registrations.length, host.redirects.length]).toEqual([1, 1]);
  });
});

describe('the official SDKs across versions', () => {
  test.each([
    { library: sdkV1, kind: '@modelcontextprotocol/server', mcp: () => modern },
    { library: sdkV2, kind: '@modelcontextprotocol/sdk', mcp: () => stateful },
  ])('$library.title connects to a server of $kind', async ({ library, mcp }) => {
    const host = createHost({ person: server.anotherBrowser(), metadata: metadataOf(`Across ${library.title}`) });
    const connection = await library.connect(mcp().url, host);
    expect(await connection.toolNames()).toEqual(['read_invoices', 'pay_invoice']);
    expect(await connection.call('read_invoices')).toEqual(invoices());
    await connection.close();
    expect([host.registrations.length, host.redirects.length]).toEqual([1, 1]);
  });
});

test('RFC 9207: a refusal carries iss, which the second SDK compares before it believes it', async () => {
  const mira = server.anotherBrowser();
  const person = { authorize: (url: string) => mira.authorize(url, { press: ['decision', 'deny'] }) };
  const host = createHost({ person, metadata: metadataOf('Refused') });
  await expect(sdkV2.connect(modern.url, host)).rejects.toMatchObject({ code: 'access_denied', message: 'the person did not allow it' });
  expect(host.callback().searchParams.get('iss')).toBe(server.issuer);
});

// RFC 8707 compares identifiers letter by letter, and parsers of URLs add a slash to a bare host
describe.each(['', '/', '/mcp/'])('an MCP server whose address ends in "%s"', (path) => {
  let own: ProtectedMcpServer;
  beforeAll(async () => {
    own = await startProtectedMcpServer({ issuer: server.issuer, scopesSupported: SCOPES, path });
    await server.resource(own.resource, SCOPES);
  });
  afterAll(() => own.close());

  test.each([sdkV1, sdkV2])('is connected by $title', async (library) => {
    const host = createHost({ person: server.anotherBrowser(), metadata: metadataOf(`At ${path} by ${library.title}`) });
    const connection = await library.connect(own.url, host);
    expect(await connection.call('read_invoices')).toEqual(invoices());
    clock.advance(hours(1));
    expect(await connection.call('read_invoices')).toEqual(invoices());
    await connection.close();
    expect(host.redirects).toHaveLength(1);
  });
});

describe('an issuer with a path', () => {
  let acme: InhabitedServer;
  let own: ProtectedMcpServer;
  beforeAll(async () => {
    acme = await createInhabitedServer({ issuer: new URL(`http://localhost:${await freePort()}/acme`) });
    own = await startProtectedMcpServer({ issuer: acme.issuer, scopesSupported: SCOPES });
    await acme.resource(own.resource, SCOPES);
  }, 60_000);
  afterAll(async () => {
    await own.close();
    await acme.close();
  });

  test.each([sdkV1, sdkV2])('is found by $title (RFC 8414 §3.1)', async (library) => {
    const host = createHost({ person: acme.anotherBrowser(), metadata: metadataOf(`Below a path by ${library.title}`) });
    const connection = await library.connect(own.url, host);
    expect(await connection.call('read_invoices')).toEqual([{ type: 'text', text: `invoices of ${acme.miraId}` }]);
    await connection.close();
    expect(decodeJwt(accessTokenOf(host)).iss).toBe(acme.issuer);
  });
});
