import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalResourceUri, isLoopbackHost } from '../../src/resource-servers/resource-uri.ts';

describe('canonical form of a resource indicator (RFC 8707 §2)', () => {
  test.each([
    ['https://api.example.com', 'https://api.example.com'],
    ['HTTPS://API.Example.COM/Invoices', 'https://api.example.com/Invoices'],
    ['https://api.example.com/', 'https://api.example.com'],
    ['https://api.example.com:443/mcp', 'https://api.example.com/mcp'],
    ['https://api.example.com:8443/', 'https://api.example.com:8443'],
    ['https://api.example.com/mcp/', 'https://api.example.com/mcp/'],
    ['https://api.example.com/%7euser/%e2%82%ac', 'https://api.example.com/~user/%E2%82%AC'],
    ['https://api.example.com/a%2fb', 'https://api.example.com/a%2Fb'],
    ['https://api.example.com?tenant=7', 'https://api.example.com/?tenant=7'],
    ['https://api.example.com/?', 'https://api.example.com'],
    ['http://localhost:3000/scim/v2', 'http://localhost:3000/scim/v2'],
    ['http://127.0.0.1:80/x', 'http://127.0.0.1/x'],
    ['http://[::1]:9000', 'http://[::1]:9000'],
    ['URN:Example:Billing%2fapi', 'urn:example:Billing%2Fapi'],
  ])('%s becomes %s', (input, uri) => {
    expect(canonicalResourceUri(input)).toEqual({ ok: true, uri });
  });

  test.each([
    ['nothing', undefined],
    ['an array', ['https://a.example']],
    ['an empty string', ''],
    ['a relative reference', '/mcp'],
    ['a scheme without authority', 'https:api.example.com'],
    ['three slashes', 'https:///api.example.com'],
    ['a fragment', 'https://api.example.com/#x'],
    ['an empty fragment', 'https://api.example.com/#'],
    ['userinfo', 'https://user:pw@api.example.com'],
    ['userinfo that hides the host', 'https://api.example.com@evil.example'],
    ['a backslash', 'https://api.example.com\\@evil.example'],
    ['a leading space', ' https://api.example.com'],
    ['a tab inside', 'https://api.exa\tmple.com'],
    ['a line feed', 'https://api.example.com/\nx'],
    ['letters beyond ASCII', 'https://аpi.example.com'],
    ['plain http', 'http://api.example.com'],
    ['http on a name that begins like loopback', 'http://localhost.evil.example'],
    ['http on a number that is loopback to some', 'http://2130706433'],
    ['a hexadecimal host', 'https://0x7f.1'],
    ['an escaped host', 'https://%61pi.example.com'],
    ['a trailing dot in the host', 'https://api.example.com.'],
    ['a wildcard host', 'https://*.example.com'],
    ['a port out of range', 'https://api.example.com:99999'],
    ['dot segments', 'https://api.example.com/a/../admin'],
    ['escaped dot segments', 'https://api.example.com/a/%2e%2E/admin'],
    ['an escaped NUL', 'https://api.example.com/%00'],
    ['a broken escape', 'https://api.example.com/%zz'],
    ['javascript', 'javascript:alert(1)'],
    ['ftp', 'ftp://api.example.com'],
    ['a URN without namespace', 'urn::x'],
    ['a URN with a query', 'urn:example:x?+y'],
    ['more than 2,000 characters', `https://api.example.com/${'a'.repeat(2000)}`],
  ])('refuses %s', (_, input) => {
    expect(canonicalResourceUri(input)).toEqual({ ok: false, reason: expect.stringMatching(/./) });
  });

  test('applying it twice changes nothing', () => {
    const uri = fc.oneof(
      fc.webUrl({ withQueryParameters: true, validSchemes: ['https', 'HTTPS'] }),
      fc.string().map((text) => `https://a.example/${text}`),
      fc.string(),
    );
    fc.assert(
      fc.property(uri, (input) => {
        const once = canonicalResourceUri(input);
        if (once.ok) expect(canonicalResourceUri(once.uri)).toEqual(once);
      }),
    );
  });

  test.each([
    ['localhost', true],
    ['127.8.8.8', true],
    ['[::1]', true],
    ['127.0.0.1.evil.example', false],
    ['localhost.evil.example', false],
    ['10.0.0.1', false],
  ])('loopback: %s %s', (host, expected) => {
    expect(isLoopbackHost(host)).toBe(expected);
  });
});
