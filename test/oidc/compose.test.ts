import { describe, expect, test } from '@jest/globals';
import { CompositionError, compose } from '../../src/oidc/compose.ts';
import type { NamedContribution, OidcContribution } from '../../src/oidc/contribution.ts';

const part = (name: string, oidc: OidcContribution): NamedContribution => ({ name, oidc });
const findAccount = async () => undefined;
const grant = { parameters: [], handler: async () => undefined };
const adapter = {} as never;

describe('composing the engine', () => {
  const cases: [string, OidcContribution, string][] = [
    ['a feature', { features: { userinfo: { enabled: true } } }, 'features.userinfo'],
    ['findAccount', { findAccount }, 'findAccount'],
    ['a grant type', { grantTypes: { 'urn:x': grant } }, 'grant type urn:x'],
    ['an adapter', { adapters: { Client: adapter } }, 'adapters.Client'],
    ['a scope', { scopes: ['openid'] }, 'scope openid'],
    ['a claim of the token', { tokenClaims: { names: ['act'], claims: async () => ({}) } }, 'token claim act'],
    ['a lifetime', { ttl: { Grant: 1 } }, 'ttl.Grant'],
    ['client metadata', { clientMetadata: ['software_id'] }, 'client metadata software_id'],
    ['a parameter of every grant', { tokenParameters: ['x'] }, 'token parameter x'],
    ['a member of discovery', { discovery: { x: 1 } }, 'discovery.x'],
    ['a profile of grants', { grantProfiles: ['urn:x'] }, 'grant profile urn:x'],
    ['the comparison of client secrets', { compareClientSecret: async () => false }, 'compareClientSecret'],
  ];

  test.each(cases)('two owners of %s stop the start and are named', (_what, oidc, key) => {
    const start = () => compose([part('alpha', oidc), part('beta', oidc)]);
    expect(start).toThrow(CompositionError);
    expect(start).toThrow(`${key} is contributed by both alpha and beta`);
  });

  test('unites what may stand side by side', () => {
    const { configuration } = compose([
      part('alpha', {
        grantProfiles: ['urn:a'],
        scopes: ['openid'],
        features: { userinfo: { enabled: true } },
        claims: { openid: ['sub'] },
      }),
      part('beta', {
        grantProfiles: ['urn:b'],
        scopes: ['email'],
        features: { revocation: { enabled: true } },
        claims: { email: ['email'] },
      }),
    ]);
    expect(configuration).toMatchObject({
      discovery: { authorization_grant_profiles_supported: ['urn:a', 'urn:b'] },
      scopes: ['openid', 'email'],
      features: { userinfo: { enabled: true }, revocation: { enabled: true } },
      claims: { openid: ['sub'], email: ['email'] },
    });
  });

  test('chains policies and validators in the order given', async () => {
    const order: string[] = [];
    const note = (name: string): OidcContribution => ({
      tokenPolicy: async () => void order.push(`policy ${name}`),
      clientMetadataValidator: () => void order.push(`validator ${name}`),
    });
    const composition = compose([part('alpha', note('alpha')), part('beta', note('beta'))]);
    for (const policy of composition.tokenPolicies) await policy({} as never, {} as never, undefined);
    composition.configuration.extraClientMetadata?.validator?.({} as never, 'key', 'value', { client_id: 'c' });
    expect(order).toEqual(['policy alpha', 'policy beta', 'validator alpha', 'validator beta']);
  });
});
