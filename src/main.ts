#!/usr/bin/env node
/** The command `behalf`. Looks at the runtime before anything is loaded that an old one could not read. */
import { setFlagsFromString } from 'node:v8';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 12)) {
  process.stderr.write(`Behalf needs Node 22.12 or newer; this is ${process.versions.node}. With npm start it brings its own.\n`);
  process.exit(1);
}
// A server gets its heap from whoever starts it. A verb that reads a long list would fill 400 MB before it cleans up.
if (process.argv[2] !== 'start') for (const flag of ['--semi-space-growth-factor=1', '--heap-growing-percent=30']) setFlagsFromString(flag);
const { runCommandLine } = await import('./command-line.ts');
await runCommandLine(process.argv);
