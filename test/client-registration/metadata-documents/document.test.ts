import { describe, expect, test } from '@jest/globals';
import { decisiveChange } from '../../../src/client-registration/metadata-documents/change.ts';
import { readDocument } from '../../../src/client-registration/metadata-documents/document.ts';
import { DocumentFault } from '../../../src/client-registration/metadata-documents/document-fault.ts';
import { freshSecondsOf } from '../../../src/client-registration/metadata-documents/freshness.ts';

const URL_OF = new URL('https://client.example/client.json');
const PLAIN = {
  client_id: URL_OF.href,
  client_name: 'Notes',
  redirect_uris: ['https://client.example/cb'],
  grant_types: ['authorization_code', 'refresh_token'],
  token_endpoint_auth_method: 'none',
};
const KEY = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' };

const read = (change: object) => readDocument(URL_OF, JSON.stringify({ ...PLAIN, ...change })).metadata;
function faultOf(body: string): string {
  try {
    readDocument(URL_OF, body);
    return 'taken';
  } catch (error) {
    expect(error).toBeInstanceOf(DocumentFault);
    return (error as Error).message;
  }
}
const faultWith = (change: object) => faultOf(JSON.stringify({ ...PLAIN, ...change }));

describe('§4 a document that lies, or says too much', () => {
  test.each([
    ['another client_id', { client_id: 'https://client.example/other.json' }, 'client_id'],
    ['the same but for a slash', { client_id: `${URL_OF.href}/` }, 'client_id'],
    ['the same but for letters', { client_id: 'https://CLIENT.example/client.json' }, 'client_id'],
    ['no client_id', { client_id: undefined }, 'client_id'],
    ['a secret', { client_secret: 'x' }, 'client_secret'],
    ['an end of a secret', { client_secret_expires_at: 0 }, 'client_secret_expires_at'],
    ['client_secret_basic', { token_endpoint_auth_method: 'client_secret_basic' }, 'shared secret'],
    ['client_secret_post', { token_endpoint_auth_method: 'client_secret_post' }, 'shared secret'],
    ['client_secret_jwt', { token_endpoint_auth_method: 'client_secret_jwt' }, 'shared secret'],
    ['a method unknown here', { token_endpoint_auth_method: 'tls_client_auth' }, 'none that this server has'],
    ['a private key', { jwks: { keys: [{ ...KEY, d: 'secret' }] } }, 'private key'],
    ['a symmetric key', { jwks: { keys: [{ kty: 'oct', k: 'secret' }] } }, 'private key'],
    ['no redirect', { redirect_uris: [] }, 'redirect_uris'],
    ['redirects that are no list', { redirect_uris: 'https://client.example/cb' }, 'redirect_uris'],
    ['redirects that are no text', { redirect_uris: ['https://client.example/cb', 1] }, 'redirect_uris'],
    ['no code grant', { grant_types: ['client_credentials'] }, 'authorization_code'],
  ])('%s is refused', (_what, change, words) => {
    expect(faultWith(change)).toContain(words);
    expect(faultWith(change)).not.toContain('secret"');
  });

  test.each(['', 'null', '[]', '"text"', '{', '<html>'])('%j is no document', (body) => {
    expect(faultOf(body)).toContain('not ');
  });
});

describe('what documents in use say', () => {
  test('Claude Code: portless loopback, no type, no further word', () => {
    const claude = read({ redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/callback'] });
    expect(claude).toMatchObject({ application_type: 'native', token_endpoint_auth_method: 'none', response_types: ['code'] });
  });

  test('VS Code: a local and a hosted redirect, and a grant it does not have here', () => {
    const grants = ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'];
    const code = read({ redirect_uris: ['http://127.0.0.1:33418/', 'https://vscode.dev/redirect'], grant_types: grants });
    expect(code).toMatchObject({ application_type: 'native', grant_types: ['authorization_code', 'refresh_token'] });
  });

  test('ChatGPT: keys, and a choice of methods', () => {
    const choices = { jwks_uri: 'https://client.example/jwks.json', token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'] };
    expect(read({ ...choices, token_endpoint_auth_method: 'private_key_jwt' })).toMatchObject({
      token_endpoint_auth_method: 'private_key_jwt',
    });
    expect(read({ ...choices, token_endpoint_auth_method: 'tls_client_auth' })).toMatchObject({
      token_endpoint_auth_method: 'private_key_jwt',
    });
  });

  test('whoever publishes keys and names no method is held to them', () => {
    expect(read({ token_endpoint_auth_method: undefined, jwks: { keys: [KEY] } })).toMatchObject({
      token_endpoint_auth_method: 'private_key_jwt',
    });
    expect(read({ token_endpoint_auth_method: undefined })).toMatchObject({ token_endpoint_auth_method: 'none' });
  });

  test('members of ours and unknown ones are as if they were not there', () => {
    const metadata = read({
      behalf: { isManagement: true },
      resource_scope: 'admin:write',
      initiate_login_uri: 'https://x.example',
      subject_type: 'pairwise',
    });
    for (const name of ['behalf', 'resource_scope', 'initiate_login_uri', 'subject_type', 'client_id'])
      expect(metadata).not.toHaveProperty(name);
  });

  test('without a name it is called by its host', () => {
    expect(read({ client_name: undefined })).toMatchObject({ client_name: 'client.example' });
  });
});

describe('what people have to look at again', () => {
  const changeOf = (change: object) => decisiveChange(read({}), read(change))?.members ?? [];
  test.each([
    ['another name', { client_name: 'Other' }, ['name']],
    ['other keys', { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [KEY] } }, ['keys']],
    ['keys from elsewhere', { jwks_uri: 'https://client.example/jwks.json' }, ['keys']],
    ['another host', { redirect_uris: ['https://evil.example/cb'] }, ['redirect_hosts']],
    ['one more host', { redirect_uris: ['https://client.example/cb', 'https://evil.example/cb'] }, ['redirect_hosts']],
    ['this computer', { redirect_uris: ['https://client.example/cb', 'http://127.0.0.1/cb'] }, ['redirect_hosts']],
    ['a private scheme', { redirect_uris: ['https://client.example/cb', 'com.evil.app:/cb'] }, ['redirect_hosts']],
    ['all at once', { client_name: 'Other', redirect_uris: ['https://evil.example/cb'] }, ['name', 'redirect_hosts']],
    ['another path on the same host', { redirect_uris: ['https://client.example/other'] }, []],
    ['another logo', { logo_uri: 'https://client.example/logo.png' }, []],
    ['other scopes', { scope: 'notes:read' }, []],
    ['nothing', {}, []],
  ])('%s', (_what, change, members) => {
    expect(changeOf(change)).toEqual(members);
  });

  test('a host that is gone just applies, and another local port is this computer still', () => {
    const before = read({ redirect_uris: ['https://client.example/cb', 'http://127.0.0.1:1/cb', 'https://old.example/cb'] });
    const after = read({ redirect_uris: ['https://client.example/cb', 'http://localhost:2/cb'] });
    expect(decisiveChange(before, after)).toBeUndefined();
  });

  test('the words say what changed', () => {
    const change = decisiveChange(read({}), read({ client_name: 'Other', redirect_uris: ['https://evil.example/cb'] }));
    expect(change?.words).toBe('Its name was Notes and is Other now. Its answers may go to evil.example now.');
  });
});

describe('RFC 9111 §4.2 how long it is fresh', () => {
  const NOW = new Date('2026-12-01T10:00:00Z');
  test.each([
    [{}, 600],
    [{ 'cache-control': 'max-age=3600' }, 3_600],
    [{ 'cache-control': 'public, MAX-AGE="120"' }, 120],
    [{ 'cache-control': 'max-age=5' }, 60],
    [{ 'cache-control': 'max-age=0' }, 60],
    [{ 'cache-control': 'no-store' }, 60],
    [{ 'cache-control': 'no-cache, max-age=9000' }, 60],
    [{ 'cache-control': 'max-age=31536000' }, 86_400],
    [{ 'cache-control': 'max-age=99999999999999999999' }, 600],
    [{ 'cache-control': 's-maxage=9' }, 600],
    [{ 'cache-control': 'max-age=3600', age: '3000' }, 600],
    [{ expires: 'Tue, 01 Dec 2026 11:00:00 GMT' }, 3_600],
    [{ expires: 'Tue, 01 Dec 2026 12:00:00 GMT', date: 'Tue, 01 Dec 2026 11:00:00 GMT' }, 3_600],
    [{ expires: '0' }, 60],
    [{ expires: 'Tue, 01 Dec 2026 09:00:00 GMT' }, 60],
  ])('%j: %d s', (headers, seconds) => {
    expect(freshSecondsOf(new Headers(headers as Record<string, string>), NOW)).toBe(seconds);
  });
});
