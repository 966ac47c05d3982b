import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { answer, type RegistrationServer, SERVICE_METADATA, startRegistrationServer } from './harness.ts';

let server: RegistrationServer;
let cookies: string[] = [];
beforeAll(async () => {
  server = await startRegistrationServer();
});
afterAll(() => server.close());
beforeEach(() => {
  server.role = 'admin';
  cookies = [];
});

async function visit(path: string, form?: Record<string, string | string[]>) {
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(form ?? {})) for (const each of [value].flat()) body.append(name, each);
  const response = await fetch(new URL(path, server.issuer), {
    redirect: 'manual',
    headers: { accept: 'text/html', cookie: cookies.join('; '), origin: server.issuer },
    ...(form === undefined ? {} : { method: 'POST', body }),
  });
  cookies.push(...response.headers.getSetCookie().map((cookie) => String(cookie.split(';')[0])));
  return { status: response.status, html: await response.text(), location: response.headers.get('location') };
}

/** Opens a page, and sends its form with what it was filled in with. */
async function fillIn(page: string, form: Record<string, string | string[]>, action = page) {
  const { html } = await visit(page);
  const csrf = /name="csrf" value="([^"]+)"/.exec(html)?.[1] ?? '';
  return visit(action, { csrf, ...form });
}

test('a client is added, its secret shown once, rotated and removed', async () => {
  const form = {
    client_name: 'Night shift',
    agent: '',
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['client_credentials'],
    redirect_uris: '',
    jwks_uri: '',
  };
  const made = await fillIn('/console/clients/new', form);
  expect(made.status).toBe(200);
  const [clientId, secret] = [...made.html.matchAll(/data-copy="([^"]+)"/g)].map(([, value]) => String(value));
  expect(await server.clients.get(String(clientId))).toMatchObject({ name: 'Night shift', purpose: 'service', isManagement: false });
  const page = `/console/clients/${clientId}`;
  const shown = await visit(page);
  expect(shown.html).toContain('Night shift');
  expect(shown.html).not.toContain(String(secret));
  const rotated = await fillIn(page, {}, `${page}/secret`);
  expect(rotated.html).toContain('The secret of Night shift');
  expect((await fillIn(`${page}/remove`, { name: 'Something else' })).status).toBe(400);
  expect((await fillIn(`${page}/remove`, { name: 'Night shift' })).location).toBe('/console/clients');
  expect(await server.clients.find(String(clientId))).toBeUndefined();
});

test('a form with a fault comes back with what was typed and what to mend', async () => {
  const form = {
    client_name: 'Desk',
    agent: '',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code'],
    redirect_uris: 'http://desk.example/cb',
    jwks_uri: '',
  };
  const { status, html } = await fillIn('/console/clients/new', form);
  expect(status).toBe(400);
  expect(html).toContain('value="Desk"');
  expect(html).toContain('href="#redirect_uris"');
});

test('an enrolment token is made, shown once, works and is ended', async () => {
  const form = { name: 'CI of billing', owner: 'user:usr_owner', state: 'proposed', uses: '2', lifetime: '86400' };
  const made = await fillIn('/console/initial-access-tokens/new', form);
  const token = /data-copy="(behalf_iat_[^"]+)"/.exec(made.html)?.[1];
  expect((await answer(server.register(token, SERVICE_METADATA))).status).toBe(201);
  const list = await visit('/console/initial-access-tokens');
  expect(list.html).toContain('1 of 2');
  expect(list.html).not.toContain(String(token));
  const end = /href="([^"]+\/end)"/.exec(list.html)?.[1] ?? '';
  expect((await fillIn(end, {})).location).toBe('/console/initial-access-tokens');
  expect((await answer(server.register(token, SERVICE_METADATA))).status).toBe(401);
});

test('an identity provider is connected, its token shown once; a second one works beside it until the first is ended', async () => {
  const form = {
    client: '',
    name: 'Okta',
    governance: 'yes',
    access: 'write',
    addresses: '203.0.113.9/24\r\n2001:db8::/32',
    lifetime: '7776000',
  };
  const made = await fillIn('/console/provisioning/new', form);
  expect(made.status).toBe(200);
  const [url, first] = [...made.html.matchAll(/data-copy="([^"]+)"/g)].map(([, value]) => String(value));
  expect([url, first]).toEqual([`${server.issuer}/scim/v2`, expect.stringMatching(/^behalf_scim_/)]);
  for (const text of ['In Okta', 'In Microsoft Entra ID', '203.0.113.0/24, 2001:db8::/32']) expect(made.html).toContain(text);
  const [choice] = await server.clients.provisioningTokens.choices();
  expect(choice).toMatchObject({ name: 'Okta', hasGovernance: true });
  expect(await server.clients.get(choice?.id ?? '')).toMatchObject({ scopes: ['scim:read', 'scim:write'], bounds: { resources: [url] } });

  const list = await visit('/console/provisioning');
  for (const text of ['Okta', `…${first?.slice(-4)}`, 'Another token', 'never']) expect(list.html).toContain(text);
  expect(list.html).not.toContain(String(first));
  const another = /href="([^"]+new\?client=[^"]+)"/.exec(list.html)?.[1] ?? '';
  expect((await visit(another)).html).toContain(`value="${choice?.id}" selected`);
  const again = { ...form, client: choice?.id ?? '', governance: '' };
  expect((await fillIn('/console/provisioning/new', again)).status).toBe(200);
  const third = await fillIn('/console/provisioning/new', again);
  expect([third.status, third.html.includes('href="#client"')]).toEqual([400, true]);
  const full = await visit('/console/provisioning');
  expect(full.html).not.toContain('Another token');
  const end = [...full.html.matchAll(/href="([^"]+\/end)"/g)].at(-1)?.[1] ?? '';
  expect((await visit(end)).html).toContain(`ends in ${first?.slice(-4)}`);
  expect((await fillIn(end, {})).location).toBe('/console/provisioning');
  expect(await server.clients.provisioningTokens.accept(String(first), '203.0.113.7')).toBeUndefined();
});

test('what is wrong in the form of an identity provider is said beside it', async () => {
  const form = { client: '', name: '', access: 'write', addresses: 'okta.com', lifetime: '7776000' };
  const wrong = await fillIn('/console/provisioning/new', form);
  expect(wrong.html).toContain('href="#addresses">Entry 1 is neither an address');
  expect((await fillIn('/console/provisioning/new', { ...form, addresses: '' })).html).toContain('href="#name"');
  expect((await fillIn('/console/provisioning/new', { ...form, addresses: '', name: 'x', lifetime: '1' })).html).toContain(
    'href="#lifetime"',
  );
});

test('a resource server is added, edited, given credentials and removed', async () => {
  const form = {
    name: 'Invoices',
    uri: 'https://Invoices.example/',
    kind: 'mcp',
    scopes: 'invoices:read Read your invoices\r\ninvoices:pay',
    sensitivity: 'high',
    lifetimeSeconds: '120',
    algorithm: 'ES256',
  };
  const made = await fillIn('/console/resource-servers/new', form);
  expect(made.status).toBe(303);
  const path = String(made.location);
  const page = await visit(path);
  for (const text of ['https://invoices.example', 'Read your invoices', '2 min']) expect(page.html).toContain(text);
  expect((await fillIn(`${path}/edit`, { ...form, name: 'Bills', lifetimeSeconds: '' })).location).toBe(path);
  expect(await server.resourceServers.findByIdentifier('https://invoices.example')).toMatchObject({
    name: 'Bills',
    tokenTtlSeconds: undefined,
  });
  const issued = await fillIn(path, {}, `${path}/clients`);
  expect(issued.html).toContain('Credentials of Bills');
  expect((await visit('/console/resource-servers')).html).toContain('1 API accepts our tokens');
  expect((await fillIn(`${path}/remove`, { name: 'Bills' })).location).toBe('/console/resource-servers');
  expect((await fillIn('/console/resource-servers/new', { ...form, uri: 'http://plain.example' })).html).toContain('href="#uri"');
});

test('an auditor reads and changes nothing; a post without its token is refused', async () => {
  server.role = 'auditor';
  for (const path of ['/console/clients', '/console/initial-access-tokens', '/console/provisioning', '/console/resource-servers']) {
    expect((await visit(path)).status).toBe(200);
    expect((await visit(`${path}/new`)).status).toBe(403);
  }
  server.role = 'admin';
  expect((await visit('/console/clients/new', { client_name: 'x' })).status).toBe(403);
});
