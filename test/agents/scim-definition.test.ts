import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { agentDefinition, wso2Urn } from '../../src/agents/scim-extension.ts';
import { unboundAttributes } from '../../src/scim/index.ts';
import { extensionUrn, openScimRegistry, type ScimRegistry } from './scim-server.ts';

let registry: ScimRegistry;
let jana: string;

beforeAll(async () => {
  registry = await openScimRegistry();
  jana = await registry.addPerson('Jana Weber');
});

afterAll(() => registry.close());

describe("WSO2's attributes on input", () => {
  test('make an agent without schemas, its owner named by address', async () => {
    const [{ email }] = (await registry.sql<{ email: string }>('SELECT email FROM accounts WHERE id = $1', [jana])) as [{ email: string }];
    const { status, body } = await registry.send('POST /Agents', {
      [wso2Urn]: { DisplayName: 'Travel', Description: 'Books trips', Owner: email, LanguageModel: 'gpt-9', IsUserServingAgent: false },
    });
    expect([status, body]).toEqual([
      201,
      expect.objectContaining({
        displayName: 'Travel',
        description: 'Books trips',
        owners: [expect.objectContaining({ value: jana })],
        [extensionUrn]: expect.objectContaining({ model: { name: 'gpt-9' }, autonomy: 'background' }),
      }),
    ]);
    expect(body).not.toHaveProperty([wso2Urn]);
    const renamed = await registry.send(`PATCH /Agents/${body.id}`, {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [{ op: 'replace', path: `${wso2Urn}:agentDisplayName`, value: 'Trips' }],
    });
    expect(renamed.body).toMatchObject({ displayName: 'Trips', description: 'Books trips' });
  });

  test('obey the same rules: an owner takes the governance right and is somebody', async () => {
    const body = { [wso2Urn]: { DisplayName: 'Travel', Owner: jana } };
    expect((await registry.send('POST /Agents', body, { as: 'helper' })).status).toBe(403);
    const nobody = { [wso2Urn]: { DisplayName: 'Travel', Owner: 'nobody@example.com' } };
    expect((await registry.send('POST /Agents', nobody)).body).toMatchObject({ status: '400', scimType: 'invalidValue' });
    expect((await registry.send('POST /Agents', { displayName: 'x' })).body).toMatchObject({ status: '400', scimType: 'invalidSyntax' });
  });
});

describe('what other parts of the registry keep', () => {
  const schemas = ['urn:ietf:params:scim:schemas:core:2.0:Agent', extensionUrn];
  const replace = (id: string, path: string, value: unknown, as: 'provisioner' | 'helper' = 'provisioner') =>
    registry.send(
      `PATCH /Agents/${id}`,
      {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
        Operations: [{ op: 'replace', path: `${extensionUrn}:${path}`, value }],
      },
      { as },
    );

  test('a time to live is said once, and keeps the end that follows from it', async () => {
    const made = await registry.send('POST /Agents', { schemas, displayName: 'For an hour', [extensionUrn]: { ttlMinutes: 60 } });
    const { ttlMinutes, validUntil } = made.body[extensionUrn] as { ttlMinutes: number; validUntil: string };
    expect([ttlMinutes, validUntil]).toEqual([60, new Date(registry.clock.now().getTime() + 3_600_000).toISOString()]);
    const put = await registry.send(`PUT /Agents/${made.body.id}`, { schemas, displayName: 'Renamed', [extensionUrn]: { ttlMinutes: 60 } });
    expect(put.body).toMatchObject({ displayName: 'Renamed', [extensionUrn]: { ttlMinutes: 60, validUntil } });
    expect((await replace(made.body.id, 'ttlMinutes', 120)).body).toMatchObject({ status: '400', scimType: 'mutability' });
    const lasting = await registry.send('POST /Agents', { schemas, displayName: 'Lasting' });
    expect((await replace(lasting.body.id, 'ttlMinutes', 5)).body).toMatchObject({ status: '400', scimType: 'mutability' });
  });

  test('how many may stand below an agent takes the governance right (R7)', async () => {
    const { body } = await registry.send('POST /Agents', { schemas, displayName: 'Parent' });
    expect((await replace(body.id, 'maxChildren', 3, 'helper')).status).toBe(403);
    expect((await replace(body.id, 'maxChildren', 3)).body).toMatchObject({ [extensionUrn]: { maxChildren: 3 } });
    expect((await replace(body.id, 'maxChildDepth', 9)).body).toMatchObject({ status: '400', scimType: 'invalidValue' });
  });
});

test('one definition says everything: no attribute is taken that nothing keeps, none is returned that nothing shows', () => {
  expect(unboundAttributes(agentDefinition)).toEqual([]);
});
