import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readExchangeRequest } from '../../src/token-exchange/request.ts';

const accessToken = 'urn:ietf:params:oauth:token-type:access_token';
const jwt = 'urn:ietf:params:oauth:token-type:jwt';
const idToken = 'urn:ietf:params:oauth:token-type:id_token';
const minimal = { subject_token: 'eyJ.a.b', subject_token_type: accessToken, resource: 'https://api.example' };

describe('RFC 8693 §2.1: the request', () => {
  test('the least request', () => {
    expect(readExchangeRequest(minimal)).toEqual({
      ok: true,
      value: {
        subjectToken: { token: 'eyJ.a.b', type: accessToken },
        actorToken: undefined,
        requestedTokenType: accessToken,
        target: { kind: 'resource', resource: 'https://api.example' },
        scopes: undefined,
        authorizationDetails: undefined,
        delegationReason: undefined,
      },
    });
  });

  test('everything at once; the resource becomes canonical, a scope counts once', () => {
    const full = {
      ...minimal,
      resource: ['HTTPS://API.example:443/'],
      actor_token: 'x',
      actor_token_type: jwt,
      requested_token_type: jwt,
      scope: 'a b a',
      authorization_details: '[]',
    };
    expect(readExchangeRequest(full)).toMatchObject({
      ok: true,
      value: {
        actorToken: { token: 'x', type: jwt },
        requestedTokenType: jwt,
        target: { kind: 'resource', resource: 'https://api.example' },
        scopes: ['a', 'b'],
        authorizationDetails: '[]',
      },
    });
  });

  test('a target that is named twice, in two spellings or as an audience too, is still one', () => {
    const [resource, audience] = [['https://api.example', 'HTTPS://API.example/'], 'https://api.example:443'];
    expect(readExchangeRequest({ ...minimal, resource, audience })).toMatchObject({
      ok: true,
      value: { target: { kind: 'resource', resource: 'https://api.example' } },
    });
    expect(readExchangeRequest({ ...minimal, resource: undefined, audience: ['invoices', 'invoices'] })).toMatchObject({
      ok: true,
      value: { target: { kind: 'audience', audience: 'invoices' } },
    });
  });

  test('an audience instead of a resource', () => {
    expect(readExchangeRequest({ ...minimal, resource: undefined, audience: 'invoices' })).toMatchObject({
      ok: true,
      value: { target: { kind: 'audience', audience: 'invoices' } },
    });
  });

  test.each<[string, object, string]>([
    ['no subject_token', { subject_token: undefined }, 'invalid_request'],
    ['an empty subject_token', { subject_token: '' }, 'invalid_request'],
    ['a subject_token twice', { subject_token: ['a', 'b'] }, 'invalid_request'],
    ['a subject_token beyond 8 KB', { subject_token: 'x'.repeat(8193) }, 'invalid_request'],
    ['no subject_token_type', { subject_token_type: undefined }, 'invalid_request'],
    ['an unknown subject_token_type', { subject_token_type: 'urn:example:x' }, 'invalid_request'],
    ['a refresh token as subject', { subject_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }, 'invalid_request'],
    ['an actor_token without its type', { actor_token: 'x' }, 'invalid_request'],
    ['an actor_token_type without its token', { actor_token_type: jwt }, 'invalid_request'],
    ['an unknown actor_token_type', { actor_token: 'x', actor_token_type: 'urn:ietf:params:oauth:token-type:saml2' }, 'invalid_request'],
    ['an unknown requested_token_type', { requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }, 'invalid_request'],
    ['no target', { resource: undefined }, 'invalid_target'],
    ['two resources', { resource: ['https://a.example', 'https://b.example'] }, 'invalid_target'],
    ['a resource and an audience', { audience: 'invoices' }, 'invalid_target'],
    ['a resource with a fragment', { resource: 'https://a.example#x' }, 'invalid_target'],
    ['a relative resource', { resource: '/a' }, 'invalid_target'],
    ['a resource that is no text', { resource: { a: 1 } }, 'invalid_target'],
    ['an audience with a space', { resource: undefined, audience: 'in voices' }, 'invalid_target'],
    ['an id_token as actor', { actor_token: 'x', actor_token_type: idToken }, 'invalid_request'],
    ['an id_token that is asked for', { requested_token_type: idToken }, 'invalid_request'],
    ['endless targets', { resource: Array.from({ length: 21 }, () => 'https://api.example') }, 'invalid_target'],
    ['a reason that reads otherwise than it is written', { delegation_request: 'pay \u202e gnihton' }, 'invalid_request'],
    ['a scope with a quote', { scope: 'a"b' }, 'invalid_scope'],
    ['a scope with two spaces', { scope: 'a  b' }, 'invalid_scope'],
    ['an endless scope', { scope: 'a '.repeat(3000) }, 'invalid_request'],
    ['details twice', { authorization_details: ['[]', '[]'] }, 'invalid_request'],
    ['endless details', { authorization_details: 'x'.repeat(8193) }, 'invalid_request'],
  ])('refuses %s', (_, change, error) => {
    expect(readExchangeRequest({ ...minimal, ...change })).toEqual({
      ok: false,
      refusal: { error, description: expect.stringMatching(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/) },
    });
  });

  test('never throws', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...Object.keys(minimal), 'scope', 'actor_token', 'audience'), fc.anything()), (input) =>
        expect(readExchangeRequest(input)).toHaveProperty('ok'),
      ),
    );
  });
});
