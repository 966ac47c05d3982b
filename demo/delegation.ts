import type { TokenAnswer } from '../test/support/agent-client.ts';
import { callTool } from './mcp-server.ts';
import { REDIRECT_URI } from './setting-up.ts';
import type { EnrolledAgent, People, Stage } from './stage.ts';

type Agents = Record<'assistant' | 'bookkeeper' | 'reader', EnrolledAgent>;

interface ActClaim {
  readonly sub?: string;
  readonly act?: ActClaim;
}

/** Who acts, newest first. */
function actorsIn({ claims }: Pick<TokenAnswer, 'claims'>): string[] {
  const actors: string[] = [];
  for (let act = claims['act'] as ActClaim | undefined; act !== undefined; act = act.act) actors.push(act.sub ?? '');
  return actors;
}

function isSame(left: readonly unknown[], right: readonly unknown[]): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

/** Mira signs in, reads what the assistant asks for, and lets it. */
export function consent(
  { narrator }: Stage,
  { mira, miraId }: People,
  { assistant, resource }: { assistant: EnrolledAgent; resource: string },
) {
  const about =
    'The assistant sends her to the authorization endpoint (OAuth 2.1, PKCE, RFC 8707). She sees who asks, who answers for it and what it ' +
    'may do, and allows it.';
  return narrator.step('Mira consents', about, async () => {
    const pending = assistant.client.authorizationRequest({ resource, scope: 'invoices:read invoices:pay' }, REDIRECT_URI);
    const page = await mira.reachConsent(pending.url);
    narrator.note(`Mira sees: “${page.words.slice(0, 420)} …”`);
    narrator.check(
      'the page names the agent and both scopes in words',
      /Assistant/.test(page.words) && /Pay invoices/.test(page.words),
      page.words,
    );
    const callback = await mira.authorize(pending.url);
    narrator.check('she is sent back to the assistant with a code', callback.searchParams.has('code'), callback.href);
    const answer = await assistant.client.redeem(pending, callback);
    narrator.token('the assistant acts for Mira', answer);
    narrator.check('the subject is Mira, a person', answer.claims.sub === miraId && answer.claims['sub_profile'] === 'user', answer.claims);
    narrator.check('the actor is the assistant', isSame(actorsIn(answer), [assistant.id]), answer.claims);
    narrator.check('it is for the MCP server alone', answer.claims.aud === resource, answer.claims);
    return answer;
  });
}

/** A token for exactly one kind of act (RFC 9396). */
export function askForDetails(
  { narrator }: Stage,
  { mira }: People,
  { assistant, resource }: { assistant: EnrolledAgent; resource: string },
) {
  const about =
    'Paying needs more than a scope. The assistant asks for one tool, with a limit on its amount, and Mira sees the limit in words.';
  return narrator.step('A token with authorization details', about, async () => {
    const details = [{ type: 'mcp_tool_call', tools: ['pay_invoice'], arguments: { amount: { max: 100 } }, locations: [resource] }];
    const what = { resource, scope: 'invoices:pay', authorization_details: details };
    const pending = assistant.client.authorizationRequest(what, REDIRECT_URI);
    const page = await mira.reachConsent(pending.url);
    narrator.check('the consent page shows the limit', page.words.includes('100'), page.words.slice(0, 600));
    const answer = await assistant.client.redeem(pending, await mira.authorize(pending.url));
    narrator.token('a token for payments up to 100', answer);
    narrator.check(
      'the details are in the token, as they were granted',
      isSame([answer.claims['authorization_details']], [details]),
      answer.claims,
    );
    return answer;
  });
}

/** The official MCP client against the official MCP server: who gets in, who does not. */
export function useTools({ narrator }: Stage, resource: string, tokens: { plain: string; detailed: string }) {
  const about =
    'The MCP server is the official SDK behind behalf/resource-server. It checks the token, its scopes, its details, and asks whether it is alive.';
  return narrator.step('The MCP server decides', about, async () => {
    const play = async (token: string, call: { name: string; arguments: Record<string, unknown> }) => {
      const outcome = await callTool(resource, token, call);
      narrator.note(`${call.name} ${JSON.stringify(call.arguments)} → ${outcome.isDone ? '' : 'refused: '}${outcome.words.slice(0, 300)}`);
      return outcome;
    };
    const reading = await play(tokens.plain, { name: 'read_invoices', arguments: {} });
    narrator.check('the right token reads', reading.isDone, reading);
    const paying = await play(tokens.detailed, { name: 'pay_invoice', arguments: { invoice: 'INV-7', amount: 80 } });
    narrator.check('80 is inside the limit: paid', paying.isDone, paying);
    const tooMuch = await play(tokens.detailed, { name: 'pay_invoice', arguments: { invoice: 'INV-8', amount: 180 } });
    narrator.check('180 is not: refused', !tooMuch.isDone, tooMuch);
    const withoutScope = await play(tokens.detailed, { name: 'read_invoices', arguments: {} });
    narrator.check('a token without the scope is refused with 403', withoutScope.status === 403, withoutScope);
    const foreign = await play(
      tokens.plain.replace(/[^.]*$/, (signature) => signature.split('').reverse().join('')),
      { name: 'read_invoices', arguments: {} },
    );
    narrator.check('a token whose signature is not ours is refused with 401', foreign.status === 401, foreign);
  });
}

/** Two hops: the assistant hands on to the bookkeeper, the bookkeeper to the reader; each token narrower than the last. */
export function handOn(stage: Stage, agents: Agents, { parent, resource }: { parent: TokenAnswer; resource: string }) {
  const { narrator, management } = stage;
  const { assistant, bookkeeper, reader } = agents;
  const about =
    'Token exchange (RFC 8693). Nobody may take over a token without a delegation record; with one, the chain of actors grows and the ' +
    'token can only get narrower.';
  return narrator.step('Two agents take over, one after the other', about, async () => {
    const early = await bookkeeper.client.exchange(parent.token, { resource, scope: 'invoices:read' });
    narrator.check(
      'without a delegation: actor_unauthorized',
      early.status === 400 && early.body['error'] === 'actor_unauthorized',
      early.body,
    );
    const until = new Date(Date.now() + 3_600_000).toISOString();
    for (const [from, to, scopes] of [
      [assistant, bookkeeper, ['invoices:read', 'invoices:pay']],
      [bookkeeper, reader, ['invoices:read']],
    ] as const) {
      const made = await management.api('POST', '/api/v1/delegations', { from: from.id, to: to.id, resources: [resource], scopes, until });
      narrator.check(`${from.name} may hand on to ${to.name}`, made.status === 201, made.body);
    }
    const first = await bookkeeper.client.exchange(parent.token, { resource, scope: 'invoices:read invoices:pay' });
    narrator.token('first hop: the bookkeeper', first);
    narrator.check('the bookkeeper acts, for the assistant, for Mira', isSame(actorsIn(first), [bookkeeper.id, assistant.id]), first.body);
    const second = await reader.client.exchange(first.token, { resource, scope: 'invoices:read' });
    narrator.token('second hop: the reader', second);
    narrator.check('the chain is three agents long', isSame(actorsIn(second), [reader.id, bookkeeper.id, assistant.id]), second.body);
    narrator.check('the subject is still Mira', second.claims.sub === parent.claims.sub, second.claims);
    narrator.check('it may only read', second.claims['scope'] === 'invoices:read', second.claims);
    narrator.check('it ends no later than its parent', Number(second.claims.exp) <= Number(parent.claims.exp), second.claims);
    const wider = await reader.client.exchange(first.token, { resource, scope: 'invoices:pay' });
    narrator.check('the reader cannot get more: refused', wider.status === 400, wider.body);
    const reading = await callTool(resource, second.token, { name: 'read_invoices', arguments: {} });
    narrator.note(`read_invoices {} → ${reading.words.slice(0, 300)}`);
    narrator.check(
      'the MCP server serves the reader and sees the whole chain',
      reading.isDone && reading.words.includes(assistant.id),
      reading,
    );
    return { first, second };
  });
}
