import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Files of npm packages that pages use, by the name they are served under. */
const PACKAGE_FILES = {
  'webauthn.js': '@simplewebauthn/browser/dist/bundle/index.umd.min.js',
  'inter-latin.woff2': '@fontsource-variable/inter/files/inter-latin-wght-normal.woff2',
  'inter-latin-ext.woff2': '@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2',
} as const;

/** Finds a file of an installed package in this or an outer `node_modules`: not every package exports its browser files. */
function locate(file: string): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const candidate = join(folder, 'node_modules', file);
    if (existsSync(candidate)) return candidate;
    const outer = dirname(folder);
    if (outer === folder) throw new Error(`The package file ${file} is not installed.`);
    folder = outer;
  }
}

/** Served name → absolute path of each package file. Throws `Error` naming one that is not installed. */
export function packageFiles(): ReadonlyMap<string, string> {
  return new Map(Object.entries(PACKAGE_FILES).map(([name, file]) => [name, locate(file)]));
}
