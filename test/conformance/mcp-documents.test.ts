import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { auth as authOfVersion2, type OAuthClientProvider as ProviderOfVersion2 } from '@modelcontextprotocol/client';
import { auth, type OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import type { OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import { decodeJwt } from 'jose';
import { type DocumentHost, startDocumentHost } from '../client-registration/metadata-documents/document-host.ts';
import { localhostCertificate } from '../client-registration/metadata-documents/localhost-certificate.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { type ProtectedMcpServer, startProtectedMcpServer } from '../support/mcp-server.ts';
import { createPerson } from '../support/person.ts';
import { openSeeding, type Seeding } from '../support/seeding.ts';
import { databaseEnvironment, type ServerProcess, startServerProcess } from '../support/server-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { freePort } from '../support/test-server.ts';

// the clients of the SDKs take no document but one on https: the server runs apart, trusting the certificate of these tests
const REDIRECT = 'http://127.0.0.1:49152/callback';
const ADMINISTRATOR = { email: 'ada@acme.test', password: 'seven tin soldiers march' };

let host: DocumentHost;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let database: TestDatabase;
let server: ServerProcess;
let seeding: Seeding;
let mcp: ProtectedMcpServer;
let issuer: string;
beforeAll(async () => {
  host = await startDocumentHost({ isTls: true, as: 'localhost' });
  [folder, database] = await Promise.all([temporaryFolder(), freshDatabase()]);
  const trusted = join(folder.path, 'trusted.pem');
  await writeFile(trusted, localhostCertificate);
  const port = await freePort();
  issuer = `http://localhost:${port}`;
  const masterKey = randomBytes(32);
  server = await startServerProcess(port, {
    ...databaseEnvironment(database.connection, masterKey),
    BEHALF_ISSUER: issuer,
    BEHALF_ADMIN_EMAIL: ADMINISTRATOR.email,
    BEHALF_ADMIN_PASSWORD: ADMINISTRATOR.password,
    NODE_EXTRA_CA_CERTS: trusted,
  });
  mcp = await startProtectedMcpServer({ issuer, scopesSupported: ['read', 'write'] });
  seeding = await openSeeding(database.connection, { issuer, masterKey });
  await seeding.resource(mcp.resource);
}, 60_000);
afterAll(async () => {
  await mcp?.close();
  await seeding?.close();
  await server?.end('SIGKILL');
  await database?.drop();
  await folder?.remove();
  await host?.close();
});

/** What an MCP client keeps: it has a document, and nothing was registered for it. */
function createHost(clientMetadataUrl: string) {
  const person = createPerson(issuer, ADMINISTRATOR);
  const kept: { verifier: string; code: string; iss: string; tokens?: OAuthTokens; client?: { client_id: string }; found?: unknown } = {
    verifier: '',
    code: '',
    iss: '',
  };
  const provider: OAuthClientProvider = {
    clientMetadataUrl,
    redirectUrl: REDIRECT,
    clientMetadata: { client_name: 'Desktop', redirect_uris: [REDIRECT] },
    clientInformation: () => kept.client,
    saveClientInformation: (client) => {
      kept.client = client;
    },
    tokens: () => kept.tokens,
    saveTokens: (tokens) => {
      kept.tokens = tokens;
    },
    saveCodeVerifier: (verifier) => {
      kept.verifier = verifier;
    },
    codeVerifier: () => kept.verifier,
    saveDiscoveryState: (found) => {
      kept.found = found;
    },
    discoveryState: () => kept.found as never,
    async redirectToAuthorization(address) {
      const { searchParams } = await person.authorize(address.href);
      kept.code = searchParams.get('code') ?? '';
      kept.iss = searchParams.get('iss') ?? '';
    },
  };
  return { provider, kept };
}

const SDKS = [
  ['1', auth],
  [
    '2',
    (provider: OAuthClientProvider, options: { serverUrl: URL; authorizationCode?: string; iss?: string }) =>
      authOfVersion2(provider as unknown as ProviderOfVersion2, options),
  ],
] as const;

test.each(SDKS)(
  'version %s of the SDK picks the document by itself, a person says yes, and it has a token and refreshes it',
  async (version, authorize) => {
    const clientId = host.serve(`/oauth/client-${version}.json`, {
      client_name: `Desktop ${version}`,
      redirect_uris: ['http://127.0.0.1/callback'],
    });
    const { provider, kept } = createHost(clientId);
    expect(await authorize(provider, { serverUrl: mcp.url })).toBe('REDIRECT');
    expect(kept.client?.client_id).toBe(clientId);
    expect(await authorize(provider, { serverUrl: mcp.url, authorizationCode: kept.code, iss: kept.iss })).toBe('AUTHORIZED');
    const first = kept.tokens?.access_token ?? '';
    expect(decodeJwt(first)).toMatchObject({ aud: mcp.resource, client_id: clientId, sub_profile: 'user' });
    expect(await authorize(provider, { serverUrl: mcp.url })).toBe('AUTHORIZED');
    expect(kept.tokens?.access_token).not.toBe(first);
    expect((await seeding.app.parts.agents.findByClient(clientId))?.displayName).toBe(`Desktop ${version}`);
  },
);
