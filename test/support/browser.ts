import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type Browser, chromium } from 'playwright-core';

/** Makes the package add the libraries that a bare machine lacks. */
const UNPACK_ENVIRONMENT = { AWS_LAMBDA_JS_RUNTIME: 'nodejs24.x' };
const SYSTEM_NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/**
 * A Chromium without a window: the one from the npm package, or the machine's own where that one does not start. The caller closes
 * it. The package's own start arguments are not used: they switch off web security, which is what our tests are about.
 */
export async function openBrowser(): Promise<Browser> {
  const attempts = [unpackedBrowser, ...SYSTEM_NAMES.map((name) => () => systemBrowser(name))];
  const reasons: unknown[] = [];
  for (const attempt of attempts) {
    try {
      return await chromium.launch({ ...(await attempt()), args: ['--no-sandbox'] });
    } catch (reason) {
      reasons.push(reason);
    }
  }
  throw new AggregateError(reasons, `no Chromium starts here: ${reasons.map(String).join('\n')}`);
}

interface Program {
  readonly executablePath: string;
  readonly env?: Record<string, string>;
}

async function systemBrowser(name: string): Promise<Program> {
  const folder = (process.env['PATH'] ?? '').split(delimiter).find((entry) => existsSync(join(entry, name)));
  if (folder === undefined) throw new Error(`${name} is not installed`);
  return { executablePath: join(folder, name) };
}

async function unpackedBrowser(): Promise<Program> {
  const folder = await unpack();
  const environment = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return {
    executablePath: join(folder, 'chromium'),
    env: { ...Object.fromEntries(environment), LD_LIBRARY_PATH: join(folder, 'al2023', 'lib'), FONTCONFIG_PATH: join(folder, 'fonts') },
  };
}

/** The folder with the browser of the installed package, unpacked once an installation: it costs seconds. */
async function unpack(): Promise<string> {
  const { version } = JSON.parse(await readFile('node_modules/@sparticuz/chromium/package.json', 'utf8')) as { version: string };
  const parent = resolve('node_modules', '.behalf');
  const folder = join(parent, `chromium-${version}`);
  if (existsSync(folder)) return folder;
  await mkdir(parent, { recursive: true });
  // The package takes any chromium it finds in the temporary folder, whatever its version: give it one of its own.
  const unfinished = await mkdtemp(join(parent, 'chromium-'));
  try {
    await promisify(execFile)(process.execPath, ['test/support/unpack-chromium.mjs'], {
      env: { ...process.env, ...UNPACK_ENVIRONMENT, TMPDIR: unfinished },
    });
    await writeFile(join(unfinished, 'fonts', 'fonts.conf'), fontsConfiguration(folder));
    await rename(unfinished, folder);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (!existsSync(folder)) throw error; // another worker was faster
  }
  return folder;
}

/** The package's own configuration looks for its fonts in /tmp, and a page without fonts is measured as empty. */
function fontsConfiguration(folder: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${folder}/fonts/fonts</dir>
  <cachedir>${folder}/fonts-cache</cachedir>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
</fontconfig>
`;
}
