/** `npm run demo`: one delegation from end to end on a server of its own, every step checked. */
import { parseArgs } from 'node:util';
import { approve } from './approval.ts';
import { askForDetails, consent, handOn, useTools } from './delegation.ts';
import { leave } from './leaving.ts';
import { startInvoicesServer } from './mcp-server.ts';
import { createNarrator, type Narrator } from './narrator.ts';
import { createPrinter } from './printing.ts';
import { freePort, startThrowawayServer, type ThrowawayServer } from './server.ts';
import { enrolAgents, inviteMira, openStage, registerResource } from './setting-up.ts';
import { suspend } from './suspension.ts';

const HELP = `Usage: npm run demo [-- --json]

Starts a server with an empty database in a temporary folder and plays one story on it: software
enrols, a person consents, agents act and hand on, an MCP server lets them in or not, a payment is
approved, an agent is stopped, a person leaves. Each step shows its requests, answers and decoded
tokens, and is checked.

  --json   print one JSON document with all steps instead
  --help   print this

Exits with 0 only if every check held. Secrets are shortened.
`;

async function play(throwaway: ThrowawayServer, narrator: Narrator): Promise<void> {
  const stage = await openStage(throwaway, narrator);
  const resource = await registerResource(stage, `http://127.0.0.1:${await freePort()}/mcp`);
  const people = await inviteMira(stage, throwaway.administrator);
  const agents = await enrolAgents(stage, people);
  const { assistant } = agents;
  const mcp = await startInvoicesServer({ issuer: stage.issuer, resource: resource.identifier, credentials: resource.credentials });
  try {
    const where = { assistant, resource: resource.identifier };
    const own = await consent(stage, people, where);
    const detailed = await askForDetails(stage, people, where);
    await useTools(stage, resource.identifier, { plain: own.token, detailed: detailed.token });
    const { first, second } = await handOn(stage, agents, { parent: own, resource: resource.identifier });
    await approve(stage, people, where);
    await suspend(stage, assistant, { resource, tokens: { own, firstHop: first, secondHop: second } });
    await leave(stage, people, resource);
  } finally {
    await mcp.close();
  }
}

function closingLine({ steps, failures }: Narrator): string {
  const checks = steps.flatMap(({ events }) => events).filter(({ kind }) => kind === 'check').length;
  if (failures.length === 0) return `All ${checks} checks of ${steps.length} steps held.`;
  return [`${failures.length} of ${checks} checks did not hold:`, ...failures.map(({ step, words }) => `  step ${step}: ${words}`)].join(
    '\n',
  );
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } });
  if (values.help === true) {
    process.stdout.write(HELP);
    return 0;
  }
  const isForMachines = values.json === true;
  const printer = createPrinter(process.stdout);
  const narrator = createNarrator(isForMachines ? { step: () => undefined, event: () => undefined } : printer);
  const throwaway = await startThrowawayServer();
  const stopOnSignal = () => void throwaway.stop().finally(() => process.exit(130));
  if (!isForMachines) printer.opening(throwaway.issuer);
  process.once('SIGINT', stopOnSignal);
  process.once('SIGTERM', stopOnSignal);
  try {
    // what went wrong is told in the story, where it belongs
    await play(throwaway, narrator).catch(() => undefined);
  } finally {
    await throwaway.stop();
  }
  const { steps, failures } = narrator;
  const held = failures.length === 0;
  if (isForMachines) process.stdout.write(`${JSON.stringify({ held, failures, steps }, null, 2)}\n`);
  else printer.closing(closingLine(narrator), held);
  return held ? 0 : 1;
}

process.exitCode = await main();
