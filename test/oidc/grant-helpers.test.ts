import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import * as grants from 'oidc-provider/lib/actions/grants/index.js';
import * as helpers from 'oidc-provider/lib/helpers/grants.js';

interface Grant {
  readonly grantType: string;
  readonly parameters: ReadonlySet<string>;
  readonly handler: { readonly length: number };
}

describe("the engine's inside that we build on", () => {
  test('is pinned to one version', () => {
    const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> };
    const { version } = JSON.parse(readFileSync('node_modules/oidc-provider/package.json', 'utf8')) as { version: string };
    expect([dependencies['oidc-provider'], version]).toEqual(['9.13.3', '9.13.3']);
  });

  test('has the helpers in the shape grant-helpers.ts binds', () => {
    const arities = Object.fromEntries(Object.entries(helpers).map(([name, helper]) => [name, (helper as { length: number }).length]));
    expect(arities).toEqual({
      applyAuthorizationDetails: 4,
      applyRefreshTokenBindings: 4,
      buildTokenResponse: 1,
      checkDpopReplay: 4,
      checkDpopRequired: 3,
      checkMtlsCert: 2,
      consumeGrantSource: 4,
      findAccount: 4,
      findGrantSource: 5,
      resolveAndApplyResource: 6,
      resolveRequestedResources: 2,
      shouldIssueRefreshToken: 3,
      validateClientScope: 2,
      validateDpop: 3,
      validateGrant: 3,
    });
  });

  test('has the grants in the shape grant-helpers.ts registers', () => {
    const shapes = Object.entries(grants as unknown as Record<string, Grant>).map(([name, grant]) => [
      name,
      grant.grantType,
      [...grant.parameters],
      grant.handler.length,
    ]);
    expect(shapes).toEqual([
      ['authorization_code', 'authorization_code', ['code', 'code_verifier', 'redirect_uri'], 3],
      ['ciba', 'urn:openid:params:grant-type:ciba', ['auth_req_id'], 3],
      ['client_credentials', 'client_credentials', ['scope'], 3],
      ['device_code', 'urn:ietf:params:oauth:grant-type:device_code', ['device_code'], 3],
      ['pre_authorized_code', expect.any(String), expect.any(Array), 3],
      ['refresh_token', 'refresh_token', ['refresh_token', 'scope'], 3],
    ]);
  });
});
