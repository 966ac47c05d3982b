/** `npm run bench`: the figures of the README, measured side by side in one run. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ACCESS_TOKEN, assertionOf, basic, EXCHANGE, proofKey, type SeededClient } from '../test/support/seeding.ts';
import { type Figure, measure, type Shot } from './load.ts';
import { createPopulation, type Population } from './population.ts';
import { isPinned, pinSelf, start, type Started } from './processes.ts';
import { barsOf, type Figures, textOf } from './report.ts';

const HELP = `npm run bench [-- --seconds 4 --json]

Measures client_credentials, token exchange and introspection on a real PostgreSQL beside the bare engine and a bare signer.

  --seconds <n>  how long each load lasts (default 4)
  --json         prints one JSON object instead of the table
  --profile <folder>  writes CPU profiles of the server there
  --help         this text

Ends with 0 when every bar is held, with 1 when one is missed.
`;

/** As `npm start` runs it: a small young generation keeps memory down and costs no measurable time. */
const SERVER = ['--max-semi-space-size=2', 'dist/main.js', 'start'];
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

type Ours = Pick<Figures, 'clientCredentials' | 'exchange' | 'introspection'>;

async function measureOurs(population: Population, issuer: string, { seconds, profile }: Settings): Promise<Ours> {
  const loads = loadsOf(population, issuer);
  const program = {
    args: [...(profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]), ...SERVER],
    env: population.onRunningDatabase,
    says: 'Behalf serves',
  };
  return during(program, async ({ pid }) => {
    const load = (path: string, next: () => Shot) => measure({ url: `${issuer}${path}`, pid, next }, seconds);
    const clientCredentials = await load('/token', loads.credentials);
    const subjects = await loads.subjects();
    let turn = 0;
    const subject = () => subjects[turn++ % subjects.length] ?? '';
    const exchange = await load('/token', () => loads.exchange(subject()));
    const introspection = await load('/introspect', () => loads.introspection(subject()));
    return { clientCredentials, exchange, introspection };
  });
}

async function measureEngine(resource: string, seconds: number): Promise<Figure> {
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const client = { clientId: 'bench', key: proofKey() };
  const args = ['bench/bare-engine.ts', String(port), JSON.stringify(client.key.publicJwk)];
  const next = (): Shot => ({ form: { grant_type: 'client_credentials', scope: 'read', resource, ...assertionOf(client, issuer) } });
  return during({ args, says: 'serves' }, ({ pid }) => measure({ url: `${issuer}/token`, pid, next }, seconds));
}

async function measureSigner(seconds: number): Promise<Figure> {
  const port = await freePort();
  const next = (): Shot => ({ form: { grant_type: 'client_credentials' } });
  const program = { args: ['bench/bare-signer.ts', String(port)], says: 'serves' };
  return during(program, ({ pid }) => measure({ url: `http://localhost:${port}/token`, pid, next }, seconds));
}

/** From the start of the process until it serves, on a database that was stopped in good order; PostgreSQL's start is part of it. */
async function coldStart(population: Population): Promise<number> {
  const program = { args: SERVER, env: population.onStoppedDatabase, says: 'Behalf serves' };
  return during(program, async ({ startMs }) => startMs);
}

interface Settings {
  readonly seconds: number;
  readonly profile: string | undefined;
}

async function run(settings: Settings): Promise<Figures> {
  const { seconds } = settings;
  const folder = await mkdtemp(join(tmpdir(), 'behalf-bench-'));
  // the database's account must be able to pass through
  await chmod(folder, 0o711);
  try {
    const issuer = `http://localhost:${await freePort()}`;
    const population = await createPopulation(folder, issuer);
    let figures: Omit<Figures, 'coldStartMs'>;
    try {
      const engine = await measureEngine(population.resource, seconds);
      const ours = await measureOurs(population, issuer, settings);
      figures = { ...ours, engine, signer: await measureSigner(seconds) };
    } finally {
      await population.stopDatabase();
    }
    return { ...figures, coldStartMs: await coldStart(population) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    json: { type: 'boolean', default: false },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
if (values.help) {
  process.stdout.write(HELP);
} else if (!(seconds >= 1 && seconds <= 60)) {
  process.stderr.write('--seconds is a number from 1 to 60.\n');
  process.exitCode = 2;
} else {
  pinSelf(LOAD_CORE);
  const figures = await run({ seconds, profile: values.profile });
  const bars = barsOf(figures);
  process.stdout.write(
    values.json ? `${JSON.stringify({ figures, bars, isPinned }, null, 2)}\n` : `${textOf(figures, { seconds, isPinned })}\n`,
  );
  process.exitCode = bars.every(({ isHeld }) => isHeld) ? 0 : 1;
}
