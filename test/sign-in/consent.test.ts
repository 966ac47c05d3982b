import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createDetailTypes } from '../../src/authorization-details/index.ts';
import {
  allowedBefore,
  applyConsent,
  type ConsentRequest,
  consentRequestOf,
  type GrantContent,
  grantedOf,
  isRefused,
} from '../../src/sign-in/consent.ts';

const types = createDetailTypes();
const R = 'https://billing.test/mcp';
const call = (...tools: string[]) => ({ type: 'mcp_tool_call', locations: [R], tools });

function request(more: Partial<ConsentRequest> = {}): ConsentRequest {
  return { identityScopes: [], claims: [], resources: new Map(), details: [], isOffline: false, bare: [], ...more };
}

/** Applies a choice of scopes and details to a grant; returns the grant. */
function decide(grant: GrantContent, asked: ConsentRequest, choice: { scopes?: string[]; details?: number[] }): GrantContent {
  const granted = grantedOf(asked, { scopes: new Set(choice.scopes), details: new Set(choice.details) });
  applyConsent(grant, { request: asked, granted, types });
  return grant;
}

const wordsOf = (text: string | undefined) => new Set((text ?? '').split(' ').filter((word) => word !== ''));

describe('what is asked', () => {
  test('is what the grant lacks and what of the request it holds, not what else it holds', () => {
    const interaction = {
      params: { scope: 'openid offline_access a b', resource: R },
      prompt: { details: { missingOIDCScope: ['openid', 'offline_access'], missingResourceScopes: { [R]: ['b'] } } },
    };
    const asked = consentRequestOf(interaction, { resources: { [R]: 'a c' } });
    expect(asked).toEqual(request({ identityScopes: ['openid'], resources: new Map([[R, ['b', 'a']]]), isOffline: true }));
  });

  test('tells what of it was allowed before', () => {
    const asked = request({ identityScopes: ['openid', 'email'], resources: new Map([[R, ['b', 'a']]]) });
    const grant = { openid: { scope: 'openid' }, resources: { [R]: 'a c', other: 'b' } };
    expect([...allowedBefore(asked, grant)]).toEqual(['openid', 'a']);
    expect([...allowedBefore(asked, undefined)]).toEqual([]);
  });

  test('includes claims asked for one by one and details', () => {
    const details = [call('pay')];
    const asked = consentRequestOf({ params: {}, prompt: { details: { missingOIDCClaims: ['email'], rar: details } } }, undefined);
    expect(asked).toEqual(request({ claims: ['email'], details }));
    expect(grantedOf(asked, { scopes: new Set(['claim:email']), details: new Set([0]) })).toEqual(asked);
    expect(isRefused(asked, grantedOf(asked, { scopes: new Set(['email']), details: new Set([7]) }))).toBe(true);
  });
});

describe('a decision', () => {
  test('for any grant, request and choice: asked and ticked is in, asked and unticked is out, the rest stays', () => {
    const scopes = fc.subarray(['a', 'b', 'c', 'd']);
    fc.assert(
      fc.property(scopes, scopes, scopes, (before, asked, ticked) => {
        const grant: GrantContent = { resources: { [R]: before.join(' ') } };
        decide(grant, request({ resources: new Map([[R, asked]]) }), { scopes: ticked });
        const expected = new Set([...before.filter((scope) => !asked.includes(scope)), ...asked.filter((scope) => ticked.includes(scope))]);
        expect(wordsOf(grant.resources?.[R])).toEqual(expected);
        expect(wordsOf(grant.rejected?.resources?.[R])).toEqual(new Set(asked.filter((scope) => !ticked.includes(scope))));
      }),
    );
  });

  test('takes identity scopes and claims away again', () => {
    const grant = decide(
      { openid: { scope: 'openid email', claims: ['email'] } },
      request({ identityScopes: ['openid', 'email'], claims: ['email'] }),
      { scopes: ['openid'] },
    );
    expect(grant.openid).toEqual({ scope: 'openid' });
  });

  test('refusing a detail refuses what lies inside it and around it, and leaves others alone', () => {
    const grant = { rar: [call('pay'), call('pay', 'list', 'void'), call('read')] };
    decide(grant, request({ details: [call('pay', 'list')] }), { details: [] });
    expect(grant.rar).toEqual([call('read')]);
  });

  test('allowing the same detail twice keeps one', () => {
    const grant: GrantContent = {};
    for (let times = 0; times < 2; times += 1) decide(grant, request({ details: [call('pay')] }), { details: [0] });
    expect(grant.rar).toEqual([call('pay')]);
  });
});
