import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { type House, furnish, logIn, openHouse, REDIRECT, redeemCode, requestOf, RESOURCE, visit } from './house.ts';

let house: House;
let clientId: string;
const EMAIL = 'mira@acme.test';

beforeAll(async () => {
  house = await openHouse();
  clientId = await furnish(house);
  await house.person(EMAIL);
});
afterAll(() => house.close());

describe('one code flow without script', () => {
  test('RFC 6749 §4.1: a person signs in, unticks a scope, and the token has the rest', async () => {
    const { visitor, page } = await visit(house, requestOf(house, clientId));
    expect(page.text).toContain('Invoice bot');
    const consent = await logIn(visitor, page, EMAIL);
    expect(consent.text).toContain(`Signed in as <strong>${EMAIL}</strong>`);
    expect(consent.text).toContain('Pay invoices for you');
    const answer = await visitor.follow(await visitor.submit(consent, '/consent', { decision: 'allow', scope: ['openid', 'email', 'invoices:read'] }));
    expect(answer.location?.href.split('?')[0]).toBe(REDIRECT);
    expect(answer.location?.searchParams.get('state')).toBe('the-state');
    expect(answer.location?.searchParams.get('iss')).toBe(house.issuer);
    const tokens = await redeemCode(house, clientId, answer.location?.searchParams.get('code') ?? '');
    expect(tokens).toMatchObject({ status: 200, scope: 'invoices:read', refresh_token: expect.any(String), id_token: expect.any(String) });
    expect(decodeJwt(String(tokens['access_token']))).toMatchObject({ aud: RESOURCE, scope: 'invoices:read', client_id: clientId });
  });
});
