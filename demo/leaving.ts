import { createAgentClient } from '../test/support/agent-client.ts';
import { callTool } from './mcp-server.ts';
import type { RegisteredResource } from './setting-up.ts';
import { enrol, type People, type Stage, textIn } from './stage.ts';

const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

/** An identity system says that a person has left: what acted in their responsibility stops in the same moment. */
export function leave(stage: Stage, { mira, miraId }: People, resource: RegisteredResource) {
  const { narrator, management, send, server } = stage;
  const about = 'Mira leaves the company. Her identity system deactivates her over SCIM, as Okta and Entra ID do. Nobody takes over.';
  return narrator.step('Mira leaves', about, async () => {
    const owner = { kind: 'user', id: miraId };
    const made = await management.api('POST', '/api/v1/initial-access-tokens', { name: 'A clerk', owner, agent_state: 'active' });
    const clerk = await enrol(stage, textIn(made, 'token'), { client_name: 'Clerk', grant_types: ['client_credentials'] });
    const asked = { resource: resource.identifier, scope: 'invoices:read' };
    const { token } = await clerk.client.clientCredentials(asked);
    const before = await callTool(resource.identifier, token, { name: 'read_invoices', arguments: {} });
    narrator.check('the clerk, whom Mira answers for, reads invoices', before.isDone, before);
    const patched = await management.scim('PATCH', `/scim/v2/Users/${miraId}`, {
      schemas: [PATCH],
      Operations: [{ op: 'Replace', path: 'active', value: 'False' }],
    });
    narrator.check('Mira is deactivated', patched.body['active'] === false, patched.body);
    const introspected = await createAgentClient(server, resource.credentials, send).introspect(token);
    narrator.check('the clerk’s token is dead', introspected.text === '{"active":false}', introspected.body);
    const used = await callTool(resource.identifier, token, { name: 'read_invoices', arguments: {} });
    narrator.check('the MCP server refuses it with 401', used.status === 401, used);
    const next = await clerk.client.clientCredentials(asked);
    narrator.check('the clerk gets no other: it is under review', next.body['error'] === 'unauthorized_client', next.body);
    const page = await mira.open(`${stage.issuer}/me`);
    narrator.check(
      'and Mira is signed out',
      page.forms.some(({ names }) => names.has('password')),
      page.words.slice(0, 200),
    );
  });
}
