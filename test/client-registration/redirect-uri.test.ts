import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkRedirectUri, inferApplicationType } from '../../src/client-registration/redirect-uri.ts';

describe('redirect URIs (RFC 6749 §3.1.2, RFC 8252 §7, OAuth 2.1)', () => {
  test.each<[string, string]>([
    ['https://agent.example/cb', 'https'],
    ['https://agent.example:8443/cb?flow=1', 'https'],
    ['http://127.0.0.1/cb', 'loopback'],
    ['http://127.0.0.1:51004/cb', 'loopback'],
    ['http://[::1]:51004/cb', 'loopback'],
    ['http://localhost:6274/oauth/callback', 'loopback'],
    ['https://localhost:6274/cb', 'loopback'],
  ])('%s: %s, for web and native alike', (uri, kind) => {
    expect(checkRedirectUri(uri, 'web')).toEqual({ ok: true, kind });
    expect(checkRedirectUri(uri, 'native')).toEqual({ ok: true, kind });
  });

  test.each(['com.example.app:/cb', 'com.example.app://cb', 'COM.example.app:/oauth?x=1'])('RFC 8252 §7.1: %s for native only', (uri) => {
    expect(checkRedirectUri(uri, 'native')).toEqual({ ok: true, kind: 'private-scheme' });
    expect(checkRedirectUri(uri, 'web')).toMatchObject({ ok: false });
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['a list', ['https://agent.example/cb']],
    ['an empty text', ''],
    ['a relative reference', '/cb'],
    ['plain http', 'http://agent.example/cb'],
    ['a name that begins like loopback', 'http://localhost.evil.example/cb'],
    ['an address that begins like loopback', 'http://127.0.0.1.evil.example/cb'],
    ['another address of the loopback net', 'http://127.0.0.2/cb'],
    ['a short form of loopback', 'http://127.1/cb'],
    ['a decimal address', 'http://2130706433/cb'],
    ['an escaped host', 'https://%6cocalhost/cb'],
    ['all interfaces', 'http://0.0.0.0/cb'],
    ['userinfo', 'https://agent.example@evil.example/cb'],
    ['userinfo on loopback', 'http://localhost:80@evil.example/cb'],
    ['userinfo behind a private scheme', 'com.example.app://u:p@cb'],
    ['a backslash', 'https://agent.example\\@evil.example/cb'],
    ['a backslash in the path', 'https://agent.example/a\\b'],
    ['a quote', 'https://agent.example/"onload=x'],
    ['a fragment', 'https://agent.example/cb#x'],
    ['an empty fragment', 'https://agent.example/cb#'],
    ['a wildcard host', 'https://*.agent.example/cb'],
    ['a trailing dot', 'https://agent.example./cb'],
    ['no host', 'https:///cb'],
    ['no slashes', 'https:agent.example/cb'],
    ['a port out of range', 'http://localhost:70000/cb'],
    ['a line feed', 'https://agent.example/\ncb'],
    ['a leading space', ' https://agent.example/cb'],
    ['letters beyond ASCII', 'https://аgent.example/cb'],
    ['a broken escape', 'https://agent.example/%zz'],
    ['javascript', 'javascript:alert(1)'],
    ['javascript in capitals', 'JavaScript://agent.example/%0aalert(1)'],
    ['javascript split by a tab', 'java\tscript:alert(1)'],
    ['data', 'data:text/html,x'],
    ['ftp', 'ftp://agent.example/cb'],
    ['mailto', 'mailto:a@agent.example'],
    ['file', 'file:///etc/passwd'],
    ['vbscript', 'vbscript:x'],
    ['a private scheme without a dot', 'myapp://cb'],
    ['a private scheme with an empty label', 'com..app:/cb'],
    ['a private scheme that ends in a dot', 'javascript.:alert(1)'],
    ['the out-of-band address', 'urn:ietf:wg:oauth:2.0:oob'],
    ['more than 2,000 characters', `https://agent.example/${'a'.repeat(2000)}`],
  ])('refuses %s', (_, uri) => {
    expect(checkRedirectUri(uri, 'native')).toEqual({ ok: false, reason: expect.stringMatching(/./) });
    expect(checkRedirectUri(uri, 'web')).toMatchObject({ ok: false });
  });

  test('never throws, and what web may register native may too', () => {
    fc.assert(
      fc.property(fc.oneof(fc.webUrl(), fc.string(), fc.anything()), (uri) => {
        if (checkRedirectUri(uri, 'web').ok) expect(checkRedirectUri(uri, 'native').ok).toBe(true);
      }),
    );
  });
});

describe('inferApplicationType (OpenID Connect Registration §2)', () => {
  test.each<[string, readonly unknown[], string]>([
    ['loopback only', ['http://localhost:6274/cb', 'http://127.0.0.1/cb'], 'native'],
    ['a private scheme', ['com.example.app:/cb'], 'native'],
    ['both', ['com.example.app:/cb', 'http://[::1]/cb'], 'native'],
    ['https', ['https://agent.example/cb'], 'web'],
    ['https beside loopback', ['http://localhost/cb', 'https://agent.example/cb'], 'native'],
    ['https beside a private scheme', ['https://agent.example/cb', 'cursor://anysphere.cursor-mcp/oauth/callback'], 'native'],
    ['https on loopback', ['http://localhost/cb', 'https://localhost/cb'], 'web'],
    ['something invalid', ['http://localhost/cb', 'javascript:alert(1)'], 'web'],
    ['nothing', [], 'web'],
  ])('%s', (_, uris, expected) => {
    expect(inferApplicationType(uris)).toBe(expected);
  });
});
