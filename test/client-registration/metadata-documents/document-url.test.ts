import { describe, expect, test } from '@jest/globals';
import { checkDocumentUrl } from '../../../src/client-registration/metadata-documents/document-url.ts';
import { isWelcome } from '../../../src/client-registration/metadata-documents/domain-policy.ts';

const reasonOf = (text: string, allowsLoopback = false): string => {
  const checked = checkDocumentUrl(text, { allowsLoopback });
  return checked.ok ? 'taken' : checked.reason;
};

describe('§3 a client_id that is the address of a document', () => {
  test.each([
    'https://claude.ai/oauth/claude-code-client-metadata',
    'https://vscode.dev/oauth/client-metadata.json',
    'https://chatgpt.com/oauth/codex/client.json',
    'https://client.example:8443/client.json',
    'https://client.example/a%20b/client.json',
    'https://xn--bcher-kva.example/client.json',
    'https://client.example/.well-known/oauth/',
    `https://client.example/${'a'.repeat(176)}`,
  ])('%s is taken', (text) => {
    expect(reasonOf(text)).toBe('taken');
  });

  test.each([
    ['http://client.example/client.json', 'https'],
    ['ftp://client.example/client.json', 'https'],
    ['https://client.example', 'plain form'],
    ['https://client.example/', 'no path'],
    ['https://client.example/a/../client.json', 'plain form'],
    ['https://client.example/./client.json', 'plain form'],
    ['https://client.example/a/%2e%2e/client.json', 'plain form'],
    ['https://client.example/%2E/client.json', 'plain form'],
    ['https://client.example/client.json#x', 'fragment'],
    ['https://client.example/client.json#', 'fragment'],
    ['https://client.example/client.json?v=1', 'query'],
    ['https://client.example/client.json?', 'query'],
    ['https://user@client.example/client.json', 'user information'],
    ['https://user:pw@client.example/client.json', 'user information'],
    ['https://@client.example/client.json', 'user information'],
    ['https://client.example:443/client.json', 'plain form'],
    ['HTTPS://client.example/client.json', 'plain form'],
    ['https://CLIENT.example/client.json', 'plain form'],
    ['https://client.example\\client.json', 'plain form'],
    ['https:///client.example/client.json', 'plain form'],
    ['https:client.example/client.json', 'plain form'],
    ['https://clаude.ai/client.json', 'not a valid address'],
    ['https://bücher.example/client.json', 'not a valid address'],
    ['https://client。example/client.json', 'not a valid address'],
    ['https://client.example/cli ent.json', 'not a valid address'],
    ['https://client.example/\u0000client.json', 'not a valid address'],
    ['https://client.example./client.json', 'in full'],
    ['https://intranet/client.json', 'in full'],
    ['https://localhost/client.json', 'in full'],
    ['https://127.0.0.1/client.json', 'number'],
    ['https://2130706433/client.json', 'plain form'],
    ['https://0x7f.1/client.json', 'plain form'],
    ['https://10.0.0.1/client.json', 'number'],
    ['https://93.184.216.34/client.json', 'number'],
    ['https://[::1]/client.json', 'number'],
    ['https://[::ffff:7f00:1]/client.json', 'number'],
    [`https://client.example/${'a'.repeat(200)}`, 'longer'],
  ])('%s is refused: %s', (text, reason) => {
    expect(reasonOf(text)).toContain(reason);
  });

  test('on loopback only with the development flag, and http nowhere else', () => {
    expect(reasonOf('http://localhost:4000/client.json', true)).toBe('taken');
    expect(reasonOf('http://127.0.0.1:4000/client.json', true)).toBe('taken');
    expect(reasonOf('https://localhost:4000/client.json', true)).toBe('taken');
    expect(reasonOf('http://localhost:4000/client.json')).not.toBe('taken');
    expect(reasonOf('http://client.example/client.json', true)).not.toBe('taken');
    expect(reasonOf('http://127.0.0.2/client.json', true)).not.toBe('taken');
  });
});

describe('which hosts are welcome', () => {
  const list = { mode: 'allow_list', domains: ['claude.ai', 'acme.example'] } as const;
  test.each([
    ['claude.ai', true],
    ['www.claude.ai', true],
    ['claude.ai.evil.example', false],
    ['notclaude.ai', false],
    ['a.acme.example', true],
    ['b.a.acme.example', true],
    ['acme.example', true],
    ['evilacme.example', false],
  ])('of a list, %s: %s', (host, expected) => {
    expect(isWelcome(host, list, { isApproved: false })).toBe(expected);
  });

  test('an address an administrator named counts like one of the list, and nothing counts while documents are off', () => {
    expect(isWelcome('other.example', list, { isApproved: true })).toBe(true);
    expect(isWelcome('other.example', { mode: 'open', domains: [] }, { isApproved: false })).toBe(true);
    expect(isWelcome('claude.ai', { mode: 'off', domains: ['claude.ai'] }, { isApproved: true })).toBe(false);
  });
});
