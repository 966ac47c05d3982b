import { setTimeout as pause } from 'node:timers/promises';
import type { EnrolledAgent, People, Stage } from './stage.ts';
import { textIn } from './stage.ts';
import { callTool } from './mcp-server.ts';

/** The assistant asks Mira about one payment while she is elsewhere; she approves (OpenID CIBA, poll). */
export function approve(
  { narrator }: Stage,
  { mira, miraEmail, miraId }: People,
  { assistant, resource }: { assistant: EnrolledAgent; resource: string },
) {
  const about = 'A payment of 1240 is beyond what she allowed. The assistant asks her through the back channel (CIBA) and waits.';
  return narrator.step('Mira approves a payment', about, async () => {
    const details = [{ type: 'mcp_tool_call', tools: ['pay_invoice'], arguments: { amount: { max: 1240 } }, locations: [resource] }];
    const bindingMessage = 'INV-9 Q7';
    const asked = await assistant.client.askPerson(miraEmail, {
      resource,
      scope: 'openid invoices:pay',
      authorization_details: details,
      bindingMessage,
    });
    narrator.check('the question is open', asked.status === 200, asked.body);
    const authReqId = textIn(asked, 'auth_req_id');
    const early = await assistant.client.poll(authReqId);
    narrator.check('nobody has decided: authorization_pending', early.body['error'] === 'authorization_pending', early.body);
    const question = await mira.visit('/me/approvals');
    narrator.note(`Mira’s inbox: “${question.words.slice(0, 300)} …”`);
    const decided = await mira.decide('approve');
    narrator.check('Mira approves', decided.status === 200 && /approved/i.test(decided.words), decided.words.slice(0, 400));
    const interval = Number(asked.body['interval'] ?? 5);
    narrator.note(`The assistant waits ${interval} seconds between two polls, as it was told.`);
    await pause((interval + 0.2) * 1000);
    const answer = await assistant.client.poll(authReqId);
    narrator.token('what Mira approved', answer);
    const approval = answer.claims['approval'] as Record<string, unknown> | undefined;
    narrator.check(
      'the token carries the approval and the hash of what she saw',
      String(approval?.['details_hash']).startsWith('sha-256:'),
      answer.body,
    );
    narrator.check(
      'the subject is Mira, the actor the assistant',
      answer.claims.sub === miraId && JSON.stringify(answer.claims['act']).includes(assistant.id),
      answer.claims,
    );
    const again = await assistant.client.poll(authReqId);
    narrator.check('it is given out once', again.status === 400, again.body);
    const paid = await callTool(resource, answer.token, { name: 'pay_invoice', arguments: { invoice: 'INV-9', amount: 1240 } });
    narrator.note(`pay_invoice → ${paid.words.slice(0, 300)}`);
    narrator.check('the MCP server pays', paid.isDone, paid);
    return answer;
  });
}
