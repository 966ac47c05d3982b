import http from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTestServer, type TestServer } from '../support/test-server.ts';

const bootstrapClient = { clientId: 'pipeline', secret: 'a-secret-of-at-least-32-characters' };
const agentUrn = 'urn:ietf:params:scim:schemas:core:2.0:Agent';
let server: TestServer;
let authorization: string;

beforeAll(async () => {
  server = await createTestServer({ bootstrapClient });
  const form = { grant_type: 'client_credentials', resource: `${server.issuer}/scim/v2`, scope: 'scim:read scim:write' };
  const basic = Buffer.from(`${bootstrapClient.clientId}:${bootstrapClient.secret}`).toString('base64');
  const headers = { authorization: `Basic ${basic}` };
  const answer = await fetch(`${server.issuer}/token`, { method: 'POST', headers, body: new URLSearchParams(form) });
  authorization = `Bearer ${((await answer.json()) as { access_token: string }).access_token}`;
}, 60_000);
afterAll(() => server.close());

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

async function send(target: string, body?: string): Promise<Answer> {
  const [method = 'GET', path = ''] = target.split(' ');
  const headers = { authorization, 'content-type': 'application/scim+json' };
  const response = await fetch(`${server.issuer}/scim/v2${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
  return { status: response.status, body: (await response.json()) as Answer['body'] };
}

/** Sends a body piece by piece without saying how long it is, and stops once there is an answer. */
function sendChunked(path: string, megabytes: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { authorization, 'content-type': 'application/scim+json' };
    const request = http.request(`${server.issuer}/scim/v2${path}`, { method: 'POST', headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Answer['body'] }));
    });
    request.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EPIPE' || error.code === 'ECONNRESET' ? undefined : reject(error),
    );
    for (let sent = 0; sent < megabytes; sent += 1) request.write(' '.repeat(1024 * 1024));
    request.end();
  });
}

const operations = (count: number, rest: object = {}) =>
  JSON.stringify({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
    Operations: Array.from({ length: count }, (_, at) => ({
      method: 'POST',
      path: '/Agents',
      bulkId: `b${at}`,
      data: { schemas: [agentUrn], name: `bot ${at}`, ...rest },
    })),
  });

describe('RFC 7644 §3.7.4 the size of a bulk request', () => {
  test('is advertised, and a thousand operations of 1.9 MB are taken', async () => {
    expect((await send('GET /ServiceProviderConfig')).body).toMatchObject({
      bulk: { supported: true, maxOperations: 1000, maxPayloadSize: 2_097_152 },
    });
    const body = operations(1000, { description: 'x'.repeat(1780) });
    expect(Buffer.byteLength(body)).toBeGreaterThan(1_900_000);
    const answer = await send('POST /Bulk', body);
    expect(answer.status).toBe(200);
    expect(new Set((answer.body['Operations'] as { status: string }[]).map(({ status }) => status))).toEqual(new Set(['201']));
  });

  test('10 MB are 413 in the words of SCIM, naming the limit, before anything is parsed', async () => {
    const refusal = {
      status: 413,
      body: { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: '413', detail: 'The body is larger than 2097152 bytes.' },
    };
    expect(await send('POST /Bulk', ' '.repeat(10 * 1024 * 1024))).toEqual(refusal);
    expect(await sendChunked('/Bulk', 10)).toEqual(refusal);
    expect(await send('POST /Agents', ' '.repeat(1024 * 1024 + 1))).toMatchObject({ status: 413 });
  });
});

describe('RFC 7644 §3.7.2 over several resource types', () => {
  test('a group has members that the same request creates after it', async () => {
    const answer = await send(
      'POST /Bulk',
      JSON.stringify({
        schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
        Operations: [
          {
            method: 'POST',
            path: '/Groups',
            bulkId: 'team',
            data: {
              schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
              displayName: 'Planners',
              members: [{ value: 'bulkId:planner' }],
            },
          },
          { method: 'POST', path: '/Agents', bulkId: 'planner', data: { schemas: [agentUrn], name: 'planner' } },
        ],
      }),
    );
    const [team, planner] = answer.body['Operations'] as { status: string; location: string }[];
    expect([team?.status, planner?.status]).toEqual(['201', '201']);
    const group = await send(`GET ${team?.location.slice(`${server.issuer}/scim/v2`.length)}`);
    expect(group.body).toMatchObject({ displayName: 'Planners', members: [{ value: planner?.location.split('/').at(-1) }] });
  });
});

describe('RFC 7644 §3.11 /Me', () => {
  test('of a client is 404 with the reason', async () => {
    expect(await send('GET /Me')).toMatchObject({
      status: 404,
      body: { status: '404', detail: expect.stringContaining('speaks for nobody') },
    });
  });
});
