import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { ConfigError, environmentExample, loadConfig } from '../../src/platform/config.ts';

const key = Buffer.alloc(32, 7).toString('base64');

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

describe('configuration', () => {
  test('works without any setting: an embedded database on a loopback issuer', () => {
    expect(loadConfig({})).toMatchObject({
      port: 3000,
      host: 'localhost',
      dataDir: './data',
      databaseUrl: undefined,
      masterKey: undefined,
    });
    expect(loadConfig({}).issuer.href).toBe('http://localhost:3000/');
    expect(loadConfig({ PORT: '4000' }).issuer.href).toBe('http://localhost:4000/');
  });

  test('an empty value counts as unset, as in a .env file', () => {
    expect(loadConfig({ DATABASE_URL: '', BEHALF_HOST: '' })).toMatchObject({ databaseUrl: undefined, host: 'localhost' });
  });

  test('tells every fault at once', () => {
    const faults = faultsOf({ PORT: 'many', BEHALF_ISSUER: 'http://as.example.com', BEHALF_MASTER_KEY: 'short', BEHALF_LOG_LEVEL: 'loud' });
    expect(faults).toHaveLength(4);
    for (const name of ['PORT', 'BEHALF_ISSUER', 'BEHALF_MASTER_KEY', 'BEHALF_LOG_LEVEL']) {
      expect(faults.some((fault) => fault.startsWith(name))).toBe(true);
    }
  });

  test.each([
    ['a public issuer without TLS', { BEHALF_ISSUER: 'http://as.example.com' }],
    ['an issuer with a query', { BEHALF_ISSUER: 'https://as.example.com?x=1' }],
    ['an issuer that ends with a slash', { BEHALF_ISSUER: 'https://as.example.com/' }],
    ['an issuer with credentials', { BEHALF_ISSUER: 'https://a:b@as.example.com' }],
    ['an issuer that is no URL', { BEHALF_ISSUER: 'as.example.com' }],
    ['an own database without a master key', { DATABASE_URL: 'postgresql://localhost/behalf' }],
    ['a bootstrap secret under 32 characters', { BEHALF_BOOTSTRAP_CLIENT_ID: 'setup', BEHALF_BOOTSTRAP_CLIENT_SECRET: 'x'.repeat(31) }],
    ['a bootstrap client without a secret', { BEHALF_BOOTSTRAP_CLIENT_ID: 'setup' }],
    ['an administrator without a password', { BEHALF_ADMIN_EMAIL: 'a@example.com' }],
    ['a draft that nobody knows', { BEHALF_DRAFTS: 'mcp-sep-1933,mcp-sep-9999' }],
    ['a proxy that is no range', { BEHALF_TRUSTED_PROXIES: '10.0.0.0/8,nonsense' }],
  ])('refuses %s', (_what, env) => {
    expect(faultsOf(env)).toHaveLength(1);
  });

  test('a public issuer listens on every address, a loopback one only on this machine', () => {
    expect(loadConfig({ BEHALF_ISSUER: 'https://as.example.com' }).host).toBeUndefined();
    expect(loadConfig({ BEHALF_ISSUER: 'http://127.0.0.1:3000' }).host).toBe('localhost');
  });

  test('a master key is 32 bytes', () => {
    expect(loadConfig({ BEHALF_MASTER_KEY: key }).masterKey).toHaveLength(32);
    expect(Object.isFrozen(loadConfig({}))).toBe(true);
  });

  test('no draft is on unless it is named', () => {
    expect(loadConfig({}).drafts).toEqual([]);
    expect(loadConfig({ BEHALF_DRAFTS: ' mcp-sep-1933, ' }).drafts).toEqual(['mcp-sep-1933']);
  });

  test('.env.example is printed from the same table', () => {
    expect(readFileSync('.env.example', 'utf8')).toBe(environmentExample());
  });
});
