import type { TokenAnswer } from '../test/support/agent-client.ts';
import { createAgentClient } from '../test/support/agent-client.ts';
import { callTool } from './mcp-server.ts';
import type { RegisteredResource } from './setting-up.ts';
import type { EnrolledAgent, Stage } from './stage.ts';

/** The tokens that are out when the assistant is stopped. */
export interface TokensOut {
  readonly own: TokenAnswer;
  readonly firstHop: TokenAnswer;
  readonly secondHop: TokenAnswer;
}

const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

/** One PATCH over SCIM, and every door is closed: also for the agents it had handed on to. */
export function suspend(stage: Stage, assistant: EnrolledAgent, { resource, tokens }: { resource: RegisteredResource; tokens: TokensOut }) {
  const { narrator, management, send, server } = stage;
  const about = 'Something looks wrong, and the pipeline suspends the assistant in the registry. From here on it is refused everywhere.';
  return narrator.step('The assistant is suspended', about, async () => {
    const asResource = createAgentClient(server, resource.credentials, send);
    const before = await asResource.introspect(tokens.secondHop.token);
    narrator.check('a moment ago, the last token of the chain was alive', before.body['active'] === true, before.body);
    const patched = await management.scim('PATCH', `/scim/v2/Agents/${assistant.id}`, {
      schemas: [PATCH],
      Operations: [{ op: 'replace', path: 'active', value: false }],
    });
    narrator.check('the registry says so', patched.body['active'] === false, patched.body);
    for (const [name, { token }] of [
      ['the assistant’s own token', tokens.own],
      ['the bookkeeper’s token, made from it', tokens.firstHop],
      ['the reader’s token, made from that', tokens.secondHop],
    ] as const) {
      const asked = await asResource.introspect(token);
      narrator.check(`${name} is dead, and nothing else is said`, asked.text === '{"active":false}', asked.body);
      const used = await callTool(resource.identifier, token, { name: 'read_invoices', arguments: {} });
      narrator.check('the MCP server refuses it with 401', used.status === 401, used);
    }
    const next = await assistant.client.clientCredentials({ resource: resource.identifier, scope: 'invoices:read' });
    const decisionId = next.body['decision_id'];
    narrator.check('its next token request: 401 invalid_client', next.status === 401 && next.body['error'] === 'invalid_client', next.body);
    narrator.check('with the decision that explains it', typeof decisionId === 'string', next.body);
    const why = await management.api('GET', `/api/v1/decisions/${String(decisionId)}`);
    narrator.check('which an administrator can read', why.status === 200 && why.body['rule'] === 'agent-suspended', why.body);
    const refreshed = await assistant.client.refresh(String(tokens.own.body['refresh_token'] ?? 'none'));
    narrator.check('its refresh token does not help', refreshed.status === 401, refreshed.body);
  });
}
