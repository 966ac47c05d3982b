import { expect, test } from '@jest/globals';
import { matchesRedirectPattern } from '../../src/client-registration/redirect-pattern.ts';

test.each([
  ['https://a.example/cb', 'https://a.example/cb', true],
  ['https://a.example/cb/', 'https://a.example/cb', false],
  ['https://a.example/deep/cb?x=1', 'https://a.example/*', true],
  ['https://a.example', 'https://a.example/*', false],
  ['https://a.example.evil.example/cb', 'https://a.example/*', false],
  ['https://a.example/app/../evil', 'https://a.example/app/*', false],
  ['https://a.example/app/%2e%2e/evil', 'https://a.example/app/*', false],
  ['https://b.example/cb', 'https://a.example/*', false],
  ['http://127.0.0.1:51111/cb', 'http://127.0.0.1/*', true],
  ['http://127.0.0.1:51111/cb', 'http://127.0.0.1:1/cb', true],
  ['http://localhost/cb', 'http://127.0.0.1/*', false],
])('RFC 8252 §7.3: %s against %s', (uri, pattern, expected) => {
  expect(matchesRedirectPattern(uri, pattern)).toBe(expected);
});
