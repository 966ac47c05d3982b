#!/usr/bin/env node
/** The command `behalf`. Looks at the runtime before anything is loaded that an old one could not read. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 12)) {
  process.stderr.write(`Behalf needs Node 22.12 or newer; this is ${process.versions.node}. With npm start it brings its own.\n`);
  process.exit(1);
}
const { runCommandLine } = await import('./command-line.ts');
await runCommandLine(process.argv);
export {};
