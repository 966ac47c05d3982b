import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { DatabaseConnection } from '../../src/platform/db/embedded-postgres.ts';

const PROGRAM = `
  import { sqlToSchema } from './scripts/schema-engine.mjs';
  const [connection, folder] = process.argv.slice(1);
  process.stdout.write(await sqlToSchema(JSON.parse(connection), folder));
  process.exit(0);
`;

/**
 * The SQL that a migrated database lacks to equal the schema files: empty when they agree. In a process of its own, because the
 * schema engine is WebAssembly that keeps its state in globals.
 */
export async function schemaDrift(connection: DatabaseConnection, folder = 'prisma/schema'): Promise<string> {
  const args = ['--no-warnings', '--input-type=module', '-e', PROGRAM, JSON.stringify(connection), folder];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return stdout;
}
