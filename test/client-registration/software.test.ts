import { describe, expect, test } from '@jest/globals';
import { identityOf } from '../../src/client-registration/software/software.ts';

const key = (more: object) => identityOf({ client_name: 'Claude', ...more }, 'cli_1').key;

describe('what registrations of the same software have in common', () => {
  test('neither port, path, spelling nor a name in brackets count on loopback', () => {
    const loopback = key({ redirect_uris: ['http://127.0.0.1:4711/cb'] });
    for (const same of [
      { client_name: ' claude ', redirect_uris: ['http://localhost:9/other', 'http://127.0.0.1/cb'] },
      { client_name: 'Claude (my server)', redirect_uris: ['http://[::1]/cb'] },
    ])
      expect(key(same)).toBe(loopback);
    expect(key({ client_name: 'Codex', redirect_uris: ['http://127.0.0.1/cb'] })).not.toBe(loopback);
  });

  test('where all answers go to one https host, the host says who it is, whatever it calls itself', () => {
    const hosted = identityOf({ client_name: 'Claude', redirect_uris: ['https://claude.ai/api/mcp/auth_callback'] }, 'cli_1');
    expect(hosted).toMatchObject({ proof: 'redirect_host', name: 'Claude' });
    expect(key({ client_name: 'Other', software_id: 'x', redirect_uris: ['https://claude.ai/other'] })).toBe(hosted.key);
    expect(key({ redirect_uris: ['https://claude.ai/cb', 'https://evil.example/cb'] })).not.toBe(hosted.key);
    expect(key({ redirect_uris: ['https://claude.ai:8443/cb'] })).not.toBe(hosted.key);
  });

  test('a software_id comes before the name, and is no name', () => {
    const on = { redirect_uris: ['http://127.0.0.1/cb'] };
    expect(key({ ...on, software_id: 'x' })).toBe(key({ ...on, client_name: 'Other', software_id: 'x' }));
    expect(key({ ...on, software_id: 'claude' })).not.toBe(key(on));
  });

  test.each([
    [{}],
    [{ redirect_uris: ['no address', 7] }],
    [{ client_name: '()', redirect_uris: [] }],
    [{ client_name: 'x'.repeat(10_000) }],
  ])('anything has a bounded key: %#', (metadata) => {
    const { key: made, name } = identityOf(metadata, 'cli_1');
    expect(made.startsWith('claimed ')).toBe(true);
    expect(made.length).toBeLessThanOrEqual(1_000);
    expect(name).not.toBe('');
  });
});
