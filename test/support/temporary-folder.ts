import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** An own empty folder inside the run's temporary folder, and a function that removes it. */
export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(process.env['BEHALF_TEST_FOLDER'] ?? '', 'folder-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
