import { createAgentClient, discover } from '../test/support/agent-client.ts';
import { createSend } from '../test/support/http-exchange.ts';
import { createPerson } from '../test/support/person.ts';
import { SCOPES } from './mcp-server.ts';
import type { Narrator } from './narrator.ts';
import type { ThrowawayServer } from './server.ts';
import { createManagement, type EnrolledAgent, enrol, type People, type Stage, textIn } from './stage.ts';

/** A resource server that is registered, with credentials of its own. */
export interface RegisteredResource {
  readonly identifier: string;
  readonly credentials: { readonly clientId: string; readonly clientSecret: string };
}

export const REDIRECT_URI = 'http://127.0.0.1:49152/callback';
const EVERY_GRANT = [
  'authorization_code',
  'refresh_token',
  'client_credentials',
  'urn:openid:params:grant-type:ciba',
  'urn:ietf:params:oauth:grant-type:token-exchange',
];
const EXCHANGE_ONLY = ['urn:ietf:params:oauth:grant-type:token-exchange'];

/** The pipeline finds the server's addresses and gets its tokens for management. */
export function openStage({ issuer, bootstrapClient }: ThrowawayServer, narrator: Narrator): Promise<Stage> {
  const about =
    'The server was started with a bootstrap client in its environment. It finds every address in the metadata and gets two ' +
    'tokens, each for one of the server’s own interfaces.';
  return narrator.step('A pipeline signs in', about, async () => {
    const send = createSend(narrator.exchange);
    const server = await discover(issuer, send);
    narrator.check('the metadata names this issuer', server.issuer === issuer, server.issuer);
    const pipeline = createAgentClient(server, bootstrapClient, send);
    const api = await pipeline.clientCredentials({ resource: `${issuer}/api/v1`, scope: 'admin:read admin:write' });
    narrator.token('a token for the management interface', api);
    narrator.check('it is for that interface alone', api.claims.aud === `${issuer}/api/v1`, api.body);
    const scim = await pipeline.clientCredentials({ resource: `${issuer}/scim/v2`, scope: 'scim:read scim:write' });
    narrator.check('and another for the registry', scim.claims.aud === `${issuer}/scim/v2`, scim.body);
    return { issuer, server, narrator, send, management: createManagement(issuer, { api: api.token, scim: scim.token }, send) };
  });
}

/** An MCP server becomes known: its address, its scopes in words, its credentials. */
export function registerResource({ narrator, management }: Stage, identifier: string): Promise<RegisteredResource> {
  const about = 'Tokens are made for one resource at a time, so the server has to know it: what it is called and what one can do there.';
  return narrator.step('An MCP server is registered', about, async () => {
    const made = await management.api('POST', '/api/v1/resource-servers', {
      identifier,
      name: 'Invoices',
      kind: 'mcp',
      scopes: SCOPES,
    });
    narrator.check('the resource is registered under its own address', made.body['identifier'] === identifier, made.body);
    const issued = await management.api('POST', `/api/v1/resource-servers/${textIn(made, 'id')}/clients`);
    narrator.check('it has credentials to ask whether a token is alive', issued.status === 201, issued.body);
    return { identifier, credentials: { clientId: textIn(issued, 'client_id'), clientSecret: textIn(issued, 'client_secret') } };
  });
}

/** The administrator invites Mira, who chooses her password; all of it in a browser without script. */
export function inviteMira({ issuer, narrator }: Stage, administrator: ThrowawayServer['administrator']): Promise<People> {
  const about = 'Ada, the administrator, signs in to the console and makes a one-time link; Mira opens it and chooses a password.';
  return narrator.step('A person is invited', about, async () => {
    const ada = createPerson(issuer, administrator);
    const form = await ada.visit('/console/people/invite');
    const fields = { name: 'Mira Köhler', email: 'mira@acme.example' };
    const invited = await ada.send(form, 'email', { fields });
    const address = /<code>(http:[^<]+)<\/code>/.exec(invited.html)?.[1] ?? '';
    narrator.check('the console shows the link once', address.startsWith(issuer), invited.words.slice(0, 300));
    narrator.note(`Ada hands over ${address.replace(/[^/]+$/, (secret) => `${secret.slice(0, 8)}…`)}`);
    const people = await ada.open(`${issuer}/console/people?q=mira`);
    const miraId = /usr_[0-9a-f]{32}/.exec(people.html.slice(people.html.indexOf('<main')))?.[0] ?? '';
    const mira = createPerson(issuer, { email: fields.email, password: 'paper boats on the canal' });
    const home = await mira.acceptInvitation(address);
    narrator.check('Mira is signed in and sees her own page', home.status === 200 && home.url.pathname === '/me', home.words.slice(0, 300));
    return { mira, miraId, miraEmail: fields.email };
  });
}

/** Software registers itself: an initial access token, and three agents that come with it. */
export async function enrolAgents(stage: Stage, { miraId }: People): Promise<Record<'assistant' | 'bookkeeper' | 'reader', EnrolledAgent>> {
  const { narrator, management } = stage;
  const aboutToken = 'Whoever holds this token may register software. Every agent that comes with it belongs to Mira and starts active.';
  const initialAccessToken = await narrator.step('An enrolment token is made', aboutToken, async () => {
    const made = await management.api('POST', '/api/v1/initial-access-tokens', {
      name: 'Mira’s agents',
      owner: { kind: 'user', id: miraId },
      agent_state: 'active',
      uses: 3,
      ttl_seconds: 3_600,
    });
    narrator.check('three agents may come with it', made.status === 201, made.body);
    return textIn(made, 'token');
  });
  const about =
    'Dynamic Client Registration (RFC 7591) makes the client and its agent in one transaction; the registry shows it over SCIM.';
  return narrator.step('Three agents enrol', about, async () => {
    const assistant = await enrol(stage, initialAccessToken, {
      client_name: 'Assistant',
      grant_types: EVERY_GRANT,
      redirect_uris: [REDIRECT_URI],
      authorization_details_types: ['mcp_tool_call'],
    });
    const bookkeeper = await enrol(stage, initialAccessToken, { client_name: 'Bookkeeper', grant_types: EXCHANGE_ONLY });
    const reader = await enrol(stage, initialAccessToken, { client_name: 'Reader', grant_types: EXCHANGE_ONLY });
    const again = await stage.send({
      url: stage.server.registration_endpoint,
      headers: { authorization: `Bearer ${initialAccessToken}` },
      json: { client_name: 'A fourth', grant_types: EXCHANGE_ONLY },
    });
    narrator.check('a fourth is turned away: the token is used up', again.status === 401, again.body);
    return { assistant, bookkeeper, reader };
  });
}
