import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { clock, hours, minutes } from '../support/clock.ts';
import { type House, furnish, logIn, openHouse, REDIRECT, redeemCode, requestOf, RESOURCE, visit } from './house.ts';
import type { Page, Visitor } from './visitor.ts';

let house: House;
let clientId: string;
let people = 0;

beforeAll(async () => {
  house = await openHouse();
  clientId = await furnish(house);
});
afterAll(async () => {
  clock.reset();
  await house.close();
});

async function newPerson(): Promise<string> {
  people += 1;
  return (await house.person(`person${people}@acme.test`)).email;
}

/** Somebody new at the consent page of a request. */
async function atConsent(
  more: Record<string, string | undefined> = {},
  client = clientId,
): Promise<{ visitor: Visitor; consent: Page; email: string }> {
  const email = await newPerson();
  const { visitor, page } = await visit(house, requestOf(house, client, more));
  return { visitor, email, consent: await logIn(visitor, page, email) };
}

async function allow(visitor: Visitor, consent: Page, fields: Record<string, string | readonly string[]> = {}): Promise<URL> {
  const answer = await visitor.follow(await visitor.submit(consent, '/consent', { decision: 'allow', ...fields }));
  if (answer.location === undefined) throw new Error(`no answer: ${answer.status} ${answer.text.slice(0, 500)}`);
  return answer.location;
}

const codeOf = (answer: URL) => answer.searchParams.get('code') ?? '';

describe('one code flow without script', () => {
  test('RFC 6749 §4.1: a person signs in, unticks a scope, and the token has the rest', async () => {
    const { visitor, consent, email } = await atConsent();
    expect(consent.text).toContain(`Signed in as <strong>${email}</strong>`);
    expect(consent.text).toContain('Let Invoice bot act for you?');
    expect(consent.text.indexOf('Pay invoices for you')).toBeLessThan(consent.text.indexOf('Read your invoices'));
    const answer = await allow(visitor, consent, { scope: ['openid', 'email', 'invoices:read'] });
    expect(answer.href.split('?')[0]).toBe(REDIRECT);
    expect(Object.fromEntries(answer.searchParams)).toMatchObject({ state: 'the-state', iss: house.issuer });
    const tokens = await redeemCode(house, clientId, codeOf(answer));
    expect(tokens).toMatchObject({ status: 200, scope: 'invoices:read', refresh_token: expect.any(String), id_token: expect.any(String) });
    expect(decodeJwt(String(tokens['access_token']))).toMatchObject({ aud: RESOURCE, scope: 'invoices:read', client_id: clientId });
    const { accountId, scopes, details } = house.consents.at(-1) ?? {};
    expect({ accountId, scopes, details }).toMatchObject({
      accountId: expect.stringMatching(/^usr_/),
      scopes: ['openid', 'email', 'invoices:read'],
      details: [],
    });
    const granted = (await house.events()).filter(({ type }) => type === 'consent.granted').at(-1);
    expect(granted).toMatchObject({ subjectId: accountId, clientId, resource: RESOURCE, action: 'openid email invoices:read' });
  });

  test('RFC 6749 §4.1.2.1, RFC 9207: a refusal answers access_denied with iss, and is recorded', async () => {
    const { visitor, consent } = await atConsent();
    const answer = await visitor.follow(await visitor.submit(consent, '/consent', { decision: 'deny' }));
    expect(Object.fromEntries(answer.location?.searchParams ?? [])).toMatchObject({
      error: 'access_denied',
      iss: house.issuer,
      state: 'the-state',
    });
    expect((await house.events()).at(-1)).toMatchObject({ type: 'consent.denied', clientId });
  });

  test('allowing nothing is a refusal', async () => {
    const { visitor, consent } = await atConsent();
    const answer = await allow(visitor, consent, { scope: [] });
    expect(answer.searchParams.get('error')).toBe('access_denied');
  });

  test('a value that was not asked for is not granted', async () => {
    const { visitor, consent } = await atConsent({ scope: 'openid invoices:read' });
    const answer = await allow(visitor, consent, { scope: ['invoices:read', 'invoices:pay', 'profile'] });
    expect((await redeemCode(house, clientId, codeOf(answer)))['scope']).toBe('invoices:read');
  });

  test('going back before signing in tells the client', async () => {
    const { visitor, page } = await visit(house, requestOf(house, clientId));
    const answer = await visitor.follow(await visitor.submit(page, '/abort'));
    expect(answer.location?.searchParams.get('error')).toBe('access_denied');
  });
});

describe('a consent that was given', () => {
  test('holds for the same client in every browser, in one grant', async () => {
    const { visitor, consent, email } = await atConsent();
    await allow(visitor, consent);
    const again = await visitor.follow(await visitor.get(requestOf(house, clientId)));
    expect(codeOf(again.location ?? new URL('http://none'))).not.toBe('');
    const elsewhere = await visit(house, requestOf(house, clientId));
    const answer = await logIn(elsewhere.visitor, elsewhere.page, email);
    expect(answer.location?.searchParams.get('code')).toEqual(expect.any(String));
    const account = await house.accounts.findByEmail(email);
    const grants = await house.db.rows({
      name: 'grants-of',
      text: `SELECT 1 AS one FROM oidc_artifacts WHERE model = 'Grant' AND account_id = $1`,
      values: [account?.id],
    });
    expect(grants).toHaveLength(1);
    expect(await house.signIn.consentsOf(account?.id ?? '')).toEqual([expect.objectContaining({ clientId })]);
  });

  test('never covers more: what is new is asked, and what was refused is asked again', async () => {
    const { visitor, consent } = await atConsent({ scope: 'invoices:read invoices:pay' });
    await allow(visitor, consent, { scope: 'invoices:read' });
    const silent = await visitor.get(requestOf(house, clientId, { scope: 'invoices:read invoices:pay', prompt: 'none' }));
    expect(silent.location?.searchParams.get('error')).toBe('consent_required');
    const second = await visitor.follow(await visitor.get(requestOf(house, clientId, { scope: 'invoices:read invoices:pay' })));
    expect(second.text).not.toContain('first time');
    const tokens = await redeemCode(house, clientId, codeOf(await allow(visitor, second)));
    expect(String(tokens['scope']).split(' ').sort()).toEqual(['invoices:pay', 'invoices:read']);
  });

  test('is narrowed by unticking later, for the tokens of before too', async () => {
    const { visitor, consent } = await atConsent({ scope: 'invoices:read invoices:pay' });
    const first = await redeemCode(house, clientId, codeOf(await allow(visitor, consent)));
    const again = await visitor.follow(
      await visitor.get(requestOf(house, clientId, { scope: 'invoices:read invoices:pay', prompt: 'consent' })),
    );
    await allow(visitor, again, { scope: 'invoices:read' });
    const body = new URLSearchParams({ grant_type: 'refresh_token', client_id: clientId, refresh_token: String(first['refresh_token']) });
    const renewed = (await (await fetch(`${house.issuer}/token`, { method: 'POST', body })).json()) as Record<string, unknown>;
    expect(renewed['scope']).toBe('invoices:read');
    expect(renewed['refresh_token']).not.toBe(first['refresh_token']);
    const silent = await visitor.get(requestOf(house, clientId, { scope: 'invoices:pay', prompt: 'none' }));
    expect(silent.location?.searchParams.get('error')).toBe('consent_required');
  });

  test('outlives the visit: signing out leaves the refresh token alive', async () => {
    const { visitor, consent } = await atConsent();
    const { refresh_token: token } = await redeemCode(house, clientId, codeOf(await allow(visitor, consent)));
    await visitor.submit(await visitor.get('/sign-out'), '/sign-out', { logout: 'yes' });
    const body = new URLSearchParams({ grant_type: 'refresh_token', client_id: clientId, refresh_token: String(token) });
    expect((await fetch(`${house.issuer}/token`, { method: 'POST', body })).status).toBe(200);
  });
});

describe('authorization details', () => {
  const pay = { type: 'mcp_tool_call', locations: [RESOURCE], tools: ['pay_invoice'] };
  const read = { type: 'mcp_tool_call', locations: [RESOURCE], tools: ['list_invoices'] };

  test('RFC 9396 §7: each stands in words, and one that is unticked is not granted', async () => {
    const { visitor, consent } = await atConsent({ scope: 'invoices:read', authorization_details: JSON.stringify([pay, read]) });
    expect(consent.text).toContain('pay_invoice');
    expect(consent.text).toContain('name="detail" value="1"');
    const tokens = await redeemCode(house, clientId, codeOf(await allow(visitor, consent, { detail: '1' })));
    expect(tokens['authorization_details']).toEqual([read]);
    expect(house.consents.at(-1)?.details).toEqual([read]);
    expect((await house.events()).at(-1)).toMatchObject({ type: 'consent.granted', detailsHash: expect.stringMatching(/^sha-256:/) });
  });
});

describe('what a request may demand of the sign-in', () => {
  test('OpenID Connect Core §3.1.2.6: prompt=none never shows a page', async () => {
    const stranger = await visit(house, requestOf(house, clientId, { prompt: 'none' }));
    expect(Object.fromEntries(stranger.page.location?.searchParams ?? [])).toMatchObject({ error: 'login_required', iss: house.issuer });
  });

  test('OpenID Connect Core §3.1.2.1: max_age asks again when the sign-in is too old, and auth_time moves', async () => {
    const { visitor, consent, email } = await atConsent({ max_age: '3600' });
    const first = await redeemCode(house, clientId, codeOf(await allow(visitor, consent)));
    clock.advance(hours(2));
    const page = await visitor.follow(await visitor.get(requestOf(house, clientId, { max_age: '3600' })));
    expect(page.text).toContain('name="password"');
    const answer = await logIn(visitor, page, email);
    const second = await redeemCode(house, clientId, answer.location?.searchParams.get('code') ?? '');
    const [before, after] = [first, second].map(({ id_token: token }) => Number(decodeJwt(String(token))['auth_time']));
    expect((after ?? 0) - (before ?? 0)).toBeGreaterThanOrEqual(7_200);
  });

  test('OpenID Connect Core §5.5.1.1: an essential class that the person cannot reach is an error', async () => {
    const claims = JSON.stringify({ id_token: { acr: { essential: true, value: 'phr' } } });
    const email = await newPerson();
    const { visitor, page } = await visit(house, requestOf(house, clientId, { claims }));
    const answer = await logIn(visitor, page, email);
    expect(answer.location?.searchParams.get('error')).toBe('unmet_authentication_requirements');
    expect((await visitor.get('/me')).location?.pathname).toBe('/sign-in');
  });

  test('a voluntary class is asked for once', async () => {
    const { consent } = await atConsent({ acr_values: 'phr' });
    expect(consent.text).toContain('decision');
  });
});

describe('whose answer counts', () => {
  test('not you: another person signs in, in a session of their own, and is asked anew', async () => {
    const { visitor, consent } = await atConsent();
    const before = visitor.cookie('behalf_session')?.value;
    const other = await newPerson();
    const address = /href="([^"]*as=other)"/.exec(consent.text)?.[1] ?? '';
    const page = await logIn(visitor, await visitor.get(address), other);
    expect(page.text).toContain(`Signed in as <strong>${other}</strong>`);
    expect(visitor.cookie('behalf_session')?.value).not.toBe(before);
    await allow(visitor, page);
    expect(house.consents.at(-1)?.accountId).toBe((await house.accounts.findByEmail(other))?.id);
  });

  test('a request that is over, of another browser or with another id shows one page and answers nothing', async () => {
    const { visitor, consent } = await atConsent();
    const address = consent.url.pathname;
    await visitor.submit(consent, '/consent', { decision: 'deny' });
    clock.advance(minutes(61));
    const [late, stranger] = [await visitor.get(address), (await visit(house, `${house.issuer}${address}`)).page];
    for (const page of [late, stranger]) {
      expect(page.status).toBe(400);
      expect(page.text).toContain('This request is over');
    }
  });

  test('somebody who was shut out is asked to sign in, and cannot', async () => {
    const { visitor, consent, email } = await atConsent();
    await allow(visitor, consent);
    const account = await house.accounts.findByEmail(email);
    await house.accounts.disable(account?.id ?? '', { by: { kind: 'system', id: 'command-line' }, reason: 'left' });
    const page = await visitor.follow(await visitor.get(requestOf(house, clientId)));
    const refused = await logIn(visitor, page, email);
    expect(refused.status).toBe(400);
    expect(refused.text).toContain('Email and password do not belong together.');
  });
});

describe('what the pages say to browsers', () => {
  test('forms may end at the client and nowhere else, and a popup keeps its opener', async () => {
    const { page } = await visit(house, requestOf(house, clientId));
    expect(page.headers.get('content-security-policy')).toContain(`form-action 'self' https://client.test;`);
    expect(page.headers.get('cross-origin-opener-policy')).toBeNull();
  });

  test('RFC 6749 §4.1.2.1: a redirect that is not registered and an unknown client get a page, not a redirect', async () => {
    const foreign = (await visit(house, requestOf(house, clientId, { redirect_uri: 'https://evil.test/cb' }))).page;
    const unknown = (await visit(house, requestOf(house, 'nobody'))).page;
    expect([foreign.status, foreign.location, unknown.location]).toEqual([400, undefined, undefined]);
    expect(foreign.text).toContain('The answer may not go there');
    expect(unknown.text).toContain('This application is not known here');
  });

  test('an unverified program on this computer is marked, a verified one is named with its owner', async () => {
    const local = await furnish(house, { client_name: 'Terminal\u202eevil', redirect_uris: ['http://127.0.0.1/cb'] }).catch(
      (error: Error) => error.message,
    );
    expect(local).toContain('client_name');
    const client = await furnish(house, { client_name: 'Terminal', redirect_uris: ['http://127.0.0.1/cb'] });
    const { consent } = await atConsent({ redirect_uri: 'http://127.0.0.1:49152/cb' }, client);
    for (const words of [
      'Not verified',
      'Nobody here answers for it',
      '127.0.0.1',
      'Only go on if you started this yourself',
      'first time',
    ]) {
      expect(consent.text).toContain(words);
    }
    house.software.set(clientId, {
      name: 'Invoice client',
      agentId: 'agt_1',
      agentName: 'Invoice bot',
      ownerName: 'Jana Weber',
      isVerified: true,
    });
    const verified = (await atConsent()).consent;
    for (const words of ['Verified software', 'Jana Weber answers for it', 'client.test', 'Invoice bot (Invoice client)'])
      expect(verified.text).toContain(words);
    house.software.clear();
  });
});
