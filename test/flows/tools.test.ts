import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type DelegationStory, playDelegation, REDIRECT_URI } from '../support/delegation-story.ts';

let story: DelegationStory;
let path: string;
const TOOLS = [
  { name: 'read_invoice', title: 'Read an invoice', risk: 'low', scope: 'read' },
  { name: 'pay_invoice', title: 'Pay an invoice', description: 'Sends the money.', scope: 'pay' },
];
beforeAll(async () => {
  story = await playDelegation();
  const { items } = (await story.manage('GET', '/api/v1/resource-servers')).body as unknown as { items: { id: string }[] };
  path = `/resource-servers/${items[0]?.id}`;
  await story.manage('PATCH', `/api/v1${path}`, { tools: TOOLS });
}, 60_000);
afterAll(() => story.server.close());

const detail = (...tools: string[]) => [{ type: 'mcp_tool_call', tools, locations: [story.resource] }];
const consentPage = (tools: readonly string[]) => {
  const what = { resource: story.resource, scope: 'read', authorization_details: detail(...tools) };
  return story.mira.reachConsent(story.assistant.client.authorizationRequest(what, REDIRECT_URI).url);
};

test('tools are kept with their words, and must fit the scopes of their server', async () => {
  const { body } = await story.manage('GET', `/api/v1${path}`);
  const risk = (body as { sensitivity?: string }).sensitivity;
  expect(body).toMatchObject({
    tools: [
      { ...TOOLS[0], description: '' },
      { ...TOOLS[1], risk },
    ],
    tools_open: false,
  });
  expect(await story.manage('PATCH', `/api/v1${path}`, { tools: [{ name: 'a', scope: 'nothing' }] })).toMatchObject({
    status: 400,
    body: { member: '/tools/0/scope' },
  });
  expect(await story.manage('PATCH', `/api/v1${path}`, { scopes: [] })).toMatchObject({ status: 400, body: { member: '/tools/0/scope' } });
});

test('RFC 9396 §5: a tool that the server does not have is refused when it is asked for, with its place', async () => {
  const said = 'authorization_details/0/tools/1 is not a tool of this resource server';
  const asked = await story.assistant.client.askPerson(story.server.miraEmail, {
    ...{ resource: story.resource, scope: 'openid read', authorization_details: detail('read_invoice', 'drop_all') },
  });
  expect(asked).toMatchObject({ status: 400, body: { error: 'invalid_authorization_details', error_description: said } });
  const answer = (await consentPage(['read_invoice', 'drop_all'])).leftTo?.searchParams;
  expect([answer?.get('error'), answer?.get('error_description')]).toEqual(['invalid_authorization_details', said]);
  const exchange = { resource: story.resource, scope: 'read', authorization_details: detail('read_invoice', 'drop_all') };
  expect((await story.assistant.client.exchange(story.parent.token, exchange)).body).toMatchObject({
    error: 'invalid_authorization_details',
    error_description: said,
  });
});

test('people read the title, in consent and in an approval, with the name behind it', async () => {
  expect((await consentPage(['pay_invoice'])).words).toContain('Call Pay an invoice (pay_invoice) of Invoices');
  await story.assistant.client.askPerson(story.server.miraEmail, {
    resource: story.resource,
    scope: 'openid pay',
    authorization_details: detail('pay_invoice'),
  });
  const inbox = await story.mira.visit('/me/approvals');
  expect(inbox.words).toContain('Call Pay an invoice (pay_invoice) of Invoices');
});

test('in the console tools are taken from what the server tells, edited, removed, and opened', async () => {
  const { ada } = story;
  const told = JSON.stringify({
    tools: [
      { name: 'pay_invoice', title: 'Overwritten' },
      { name: 'drop_all', title: 'Drop all', annotations: { destructiveHint: true } },
    ],
  });
  const taken = await ada.send(await ada.visit(`/console${path}/tools/told`), 'csrf', { fields: { told } });
  expect(taken.words).toMatch(/One tool is new\..*Pay an invoice Sends the money\. pay_invoice needs pay.*Drop all drop_all high/);
  const edited = await ada.send(await ada.visit(`/console${path}/tools/drop_all/edit`), 'title', {
    fields: { title: 'Delete everything', risk: 'high', toolScope: 'pay' },
  });
  expect(edited.words).toContain('Delete everything drop_all needs pay high');
  expect((await consentPage(['drop_all'])).words).toContain('Call Delete everything (drop_all) of Invoices');
  const removed = await ada.send(await ada.visit(`/console${path}/tools/drop_all/edit`), 'title', { press: ['act', 'remove'] });
  expect(removed.words).not.toContain('drop_all');
  expect((await consentPage(['drop_all'])).leftTo?.searchParams.get('error')).toBe('invalid_authorization_details');
  await ada.send(removed, 'open', { press: ['open', 'yes'] });
  expect((await consentPage(['drop_all'])).words).toContain('Call drop_all of Invoices');
  const twice = await ada.send(await ada.visit(`/console${path}/tools/new`), 'title', {
    fields: { name: 'pay_invoice', risk: 'low', toolScope: '' },
  });
  expect([twice.status, twice.words.includes('The tool pay_invoice is there twice.')]).toEqual([400, true]);
});
