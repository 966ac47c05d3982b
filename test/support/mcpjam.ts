import { jest } from '@jest/globals';

/**
 * The runner of `@mcpjam/sdk`, with its telemetry off. It imports a transport from the main entry of
 * `@modelcontextprotocol/client`, which moved to an entry of its own since: it is handed both as one.
 */
export async function loadMcpJam(): Promise<typeof import('@mcpjam/sdk')> {
  process.env['DO_NOT_TRACK'] = '1';
  const [client, stdio] = await Promise.all([import('@modelcontextprotocol/client'), import('@modelcontextprotocol/client/stdio')]);
  jest.unstable_mockModule('@modelcontextprotocol/client', () => ({ ...client, ...stdio }));
  return import('@mcpjam/sdk');
}
