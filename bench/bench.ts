/** `npm run bench`: the figures of the README, measured side by side in one run. */
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ACCESS_TOKEN, assertionOf, basic, EXCHANGE, proofKey, type SeededClient } from '../test/support/seeding.ts';
import { measureInTurn, type Shot, type Target } from './load.ts';
import { createPopulation, type Population } from './population.ts';
import { isPinned, pinSelf, start, type Started } from './processes.ts';
import { barsOf, type Figures, textOf } from './report.ts';

const HELP = `npm run bench [-- --seconds 2 --rounds 5 --json]

Measures client_credentials, token exchange and introspection on a real PostgreSQL beside the bare engine and a bare signer:
each in turn, several times over. The figures are the middle ones.

  --seconds <n>  how long each load lasts (default 2)
  --rounds <n>   how often each is loaded (default 5)
  --json         prints one JSON object instead of the table
  --profile <folder>  writes CPU profiles of the server there
  --help         this text

Ends with 0 when every bar is held, with 1 when one is missed.
`;

/** As `npm start` runs it, with its memory settings (docs/decisions/0011). */
const START = (JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: { start: string } }).scripts.start;
const SERVER = [...(START.match(/--(max-semi-space-size|heap-growing-percent)=\d+/g) ?? []), 'dist/main.js', 'start'];
const SUBJECTS = 40;
const LOAD_CORE = 1;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Starts a server for as long as `work` takes. */
async function during<T>(program: Parameters<typeof start>[0], work: (server: Started) => Promise<T>): Promise<T> {
  const server = await start(program);
  try {
    return await work(server);
  } finally {
    await server.end();
  }
}

async function tokenFrom(issuer: string, form: Record<string, string>): Promise<string> {
  const response = await fetch(`${issuer}/token`, { method: 'POST', body: new URLSearchParams(form) });
  const body = (await response.json()) as { access_token?: string };
  if (body.access_token === undefined) throw new Error(`No token for the bench: ${response.status} ${JSON.stringify(body)}`);
  return body.access_token;
}

/** The loads of one Behalf server. */
function loadsOf({ agents: [first, second, third], own, resource }: Population, issuer: string) {
  const wish = { scope: 'read', resource };
  const credentials = (): Record<string, string> => ({ grant_type: 'client_credentials', ...wish, ...assertionOf(first, issuer) });
  const exchangeOf = (subject: string, by: SeededClient): Record<string, string> => ({
    grant_type: EXCHANGE,
    subject_token: subject,
    subject_token_type: ACCESS_TOKEN,
    ...wish,
    ...assertionOf(by, issuer),
  });
  return {
    credentials: (): Shot => ({ form: credentials() }),
    /** Tokens after one hop, for the second hop and for introspection. */
    subjects: () =>
      Promise.all(
        Array.from({ length: SUBJECTS }, async () => tokenFrom(issuer, exchangeOf(await tokenFrom(issuer, credentials()), second))),
      ),
    exchange: (subject: string): Shot => ({ form: exchangeOf(subject, third) }),
    introspection: (token: string): Shot => ({ form: { token }, headers: basic(own) }),
  };
}

/** Everything that is measured, as long as `work` takes: three servers, of which one at a time is loaded. */
async function duringAll<T>(
  population: Population,
  issuer: string,
  settings: Settings,
  work: (targets: Targets) => Promise<T>,
): Promise<T> {
  const { profile } = settings;
  const args = [...(profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]), ...SERVER];
  const client = { clientId: 'bench', key: proofKey() };
  const [enginePort, signerPort] = [await freePort(), await freePort()];
  const engineIssuer = `http://localhost:${enginePort}`;
  const engineArgs = ['bench/bare-engine.ts', String(enginePort), JSON.stringify(client.key.publicJwk)];
  const engineForm = () => ({
    grant_type: 'client_credentials',
    scope: 'read',
    resource: population.resource,
    ...assertionOf(client, engineIssuer),
  });
  return during({ args: engineArgs, says: 'serves' }, (engine) =>
    during({ args: ['bench/bare-signer.ts', String(signerPort)], says: 'serves' }, (signer) =>
      during({ args, env: population.onRunningDatabase, says: 'Behalf serves' }, async ({ pid }) => {
        const loads = loadsOf(population, issuer);
        const subjects = await loads.subjects();
        let turn = 0;
        const subject = () => subjects[turn++ % subjects.length] ?? '';
        return work({
          engine: { url: `${engineIssuer}/token`, pid: engine.pid, next: () => ({ form: engineForm() }) },
          signer: {
            url: `http://localhost:${signerPort}/token`,
            pid: signer.pid,
            next: () => ({ form: { grant_type: 'client_credentials' } }),
          },
          clientCredentials: { url: `${issuer}/token`, pid, next: loads.credentials },
          exchange: { url: `${issuer}/token`, pid, next: () => loads.exchange(subject()) },
          introspection: { url: `${issuer}/introspect`, pid, next: () => loads.introspection(subject()) },
        });
      }),
    ),
  );
}

type Targets = Readonly<Record<keyof Omit<Figures, 'coldStartMs'>, Target>>;

/** From the start of the process until it serves, on a database that was stopped in good order; PostgreSQL's start is part of it. */
async function coldStart(population: Population): Promise<number> {
  const program = { args: SERVER, env: population.onStoppedDatabase, says: 'Behalf serves' };
  return during(program, async ({ startMs }) => startMs);
}

interface Settings {
  readonly seconds: number;
  readonly rounds: number;
  readonly profile: string | undefined;
}

/** Progress goes to the standard error, so that the standard output is the result alone. */
function say(what: string): void {
  process.stderr.write(`bench: ${what}\n`);
}

async function run(settings: Settings): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'behalf-bench-'));
  // the database's account must be able to pass through
  await chmod(folder, 0o711);
  try {
    const issuer = `http://localhost:${await freePort()}`;
    say('making a database');
    const population = await createPopulation(folder, issuer);
    let figures: Omit<Figures, 'coldStartMs'>;
    try {
      figures = await duringAll(population, issuer, settings, (targets) => measureInTurn(targets, settings, say));
    } finally {
      await population.stopDatabase();
    }
    say('cold start');
    return { ...figures, coldStartMs: await coldStart(population) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const [seconds, rounds] = [Number(values.seconds), Number(values.rounds)];
if (values.help) {
  process.stdout.write(HELP);
} else if (!(seconds >= 1 && seconds <= 60 && Number.isInteger(rounds) && rounds >= 1 && rounds <= 50)) {
  process.stderr.write('--seconds is a number from 1 to 60, --rounds one from 1 to 50.\n');
  process.exitCode = 2;
} else {
  pinSelf(LOAD_CORE);
  const figures = await run({ seconds, rounds, profile: values.profile });
  const bars = barsOf(figures);
  process.stdout.write(
    values.json ? `${JSON.stringify({ figures, bars, isPinned }, null, 2)}\n` : `${textOf(figures, { seconds, rounds, isPinned })}\n`,
  );
  process.exitCode = bars.every(({ isHeld }) => isHeld) ? 0 : 1;
}
