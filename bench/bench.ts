/** `npm run bench`: the figures of the README, measured side by side in one run. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ACCESS_TOKEN, assertionOf, basic, EXCHANGE, proofKey, type SeededClient } from '../test/support/seeding.ts';
import { measureInTurn, type Shot, type Target } from './load.ts';
import { measurePolicies } from './policies.ts';
import { createPopulation, DETAIL_TYPE, type Population } from './population.ts';
import { commandOf, during, freePort, isPinned, pinSelf } from './processes.ts';
import { barsOfRegistry, measureRegistry, REGISTRY_SIZE, textOfRegistry } from './registry.ts';
import { type Bar, barsOf, type Figures, textOf } from './report.ts';

const HELP = `npm run bench [-- --seconds 2 --rounds 5 --json]
npm run bench -- --registry [--agents ${REGISTRY_SIZE}] [--rows ${REGISTRY_SIZE}] [--seconds 2] [--json]

Measures client_credentials, token exchange (at the second hop, and at the third with 50 policies and a detail narrowed) introspection and access evaluation on a real PostgreSQL beside the bare engine and a bare signer:
each in turn, several times over. The figures are the middle ones.

With --registry: a million agents, and how long SCIM takes to find some of them, to create more and to import as many again. That
takes a quarter of an hour.

  --seconds <n>  how long each load lasts (default 2)
  --rounds <n>   how often each is loaded (default 5)
  --agents <n>   how many agents there are (with --registry)
  --rows <n>     how many are imported (with --registry)
  --json         prints one JSON object instead of the table
  --profile <folder>  writes CPU profiles of the server there
  --help         this text

Ends with 0 when every bar is held, with 1 when one is missed.
`;

const SERVER = commandOf('start');
const SUBJECTS = 40;
const LOAD_CORE = 1;
const RENEWAL_MS = 100_000;

async function tokenFrom(issuer: string, form: Record<string, string>, headers: Record<string, string> = {}): Promise<string> {
  const response = await fetch(`${issuer}/token`, { method: 'POST', headers, body: new URLSearchParams(form) });
  const body = (await response.json()) as { access_token?: string };
  if (body.access_token === undefined) throw new Error(`No token for the bench: ${response.status} ${JSON.stringify(body)}`);
  return body.access_token;
}

/** `authorization_details` of one API call with an amount. */
function detailOf(actions: readonly string[], amount: string): Record<string, string> {
  const detail = { type: DETAIL_TYPE, actions, max_amount: { amount, currency: 'EUR' } };
  return { authorization_details: JSON.stringify([detail]) };
}

/** The loads of one Behalf server. */
function loadsOf({ agents: [first, second, third, fourth], own, resource, ruled }: Population, issuer: string) {
  const wish = { scope: 'read', resource };
  const ruledWish = { scope: 'read', resource: ruled };
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
    /** Tokens after two hops, with a detail that the third narrows. */
    detailed: () =>
      Promise.all(
        Array.from({ length: SUBJECTS }, async () => {
          const root = await tokenFrom(issuer, { ...credentials(), ...ruledWish, ...detailOf(['GET', 'POST'], '100.00') });
          const once = await tokenFrom(issuer, { ...exchangeOf(root, second), ...ruledWish, ...detailOf(['GET', 'POST'], '50.00') });
          return tokenFrom(issuer, { ...exchangeOf(once, third), ...ruledWish, ...detailOf(['GET', 'POST'], '20.00') });
        }),
      ),
    exchangeHop3: (subject: string): Shot => ({ form: { ...exchangeOf(subject, fourth), ...ruledWish, ...detailOf(['GET'], '10.00') } }),
    introspection: (token: string): Shot => ({ form: { token }, headers: basic(own) }),
  };
}

/** One after the other, and again from the first. */
function inTurn(values: readonly string[]): () => string {
  let turn = 0;
  return () => values[turn++ % values.length] ?? '';
}

const claimsOf = (jwt: string) => JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as { sub: string; jti: string };

/** Questions of a resource server about the tokens it was shown; its own token is renewed long before its end. */
async function accessQuestions({ own, resource }: Pick<Population, 'own' | 'resource'>, issuer: string) {
  const wish = { grant_type: 'client_credentials', scope: 'access:evaluate', resource: `${issuer}/access/v1` };
  const fresh = () => tokenFrom(issuer, wish, basic(own));
  let token = await fresh();
  setInterval(async () => {
    token = await fresh().catch(() => token);
  }, RENEWAL_MS).unref();
  return (shown: string): Shot => {
    const { sub, jti } = claimsOf(shown);
    const subject = { type: 'identity', id: sub };
    const json = { subject, action: { name: 'read' }, resource: { type: 'record', id: resource }, context: { jti } };
    return { json, headers: { authorization: `Bearer ${token}` } };
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
        const subject = inTurn(await loads.subjects());
        const detailed = inTurn(await loads.detailed());
        const question = await accessQuestions(population, issuer);
        return work({
          engine: { url: `${engineIssuer}/token`, pid: engine.pid, next: () => ({ form: engineForm() }) },
          signer: {
            url: `http://localhost:${signerPort}/token`,
            pid: signer.pid,
            next: () => ({ form: { grant_type: 'client_credentials' } }),
          },
          clientCredentials: { url: `${issuer}/token`, pid, next: loads.credentials },
          exchange: { url: `${issuer}/token`, pid, next: () => loads.exchange(subject()) },
          exchangeHop3: { url: `${issuer}/token`, pid, next: () => loads.exchangeHop3(detailed()) },
          introspection: { url: `${issuer}/introspect`, pid, next: () => loads.introspection(subject()) },
          evaluation: { url: `${issuer}/access/v1/evaluation`, pid, next: () => question(subject()) },
        });
      }),
    ),
  );
}

type Targets = Readonly<Record<keyof Omit<Figures, 'coldStartMs' | 'policies'>, Target>>;

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

async function run(folder: string, settings: Settings): Promise<Figures> {
  const issuer = `http://localhost:${await freePort()}`;
  say('making a database');
  const population = await createPopulation(folder, issuer);
  let figures: Omit<Figures, 'coldStartMs' | 'policies'>;
  try {
    figures = await duringAll(population, issuer, settings, (targets) => measureInTurn(targets, settings, say));
  } finally {
    await population.stopDatabase();
  }
  say('policies');
  const policies = await measurePolicies();
  say('cold start');
  return { ...figures, policies, coldStartMs: await coldStart(population) };
}

/** A database of its own for as long as `work` takes. */
async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'behalf-bench-'));
  // the database's account must be able to pass through
  await chmod(folder, 0o711);
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Prints a result, and ends with 1 when a bar is missed. */
function finish({ figures, bars, text, isJson }: { figures: object; bars: readonly Bar[]; text: string; isJson: boolean }): void {
  process.stdout.write(isJson ? `${JSON.stringify({ figures, bars, isPinned }, null, 2)}\n` : `${text}\n`);
  process.exitCode = bars.every(({ isHeld }) => isHeld) ? 0 : 1;
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    profile: { type: 'string' },
    registry: { type: 'boolean', default: false },
    agents: { type: 'string', default: String(REGISTRY_SIZE) },
    rows: { type: 'string', default: String(REGISTRY_SIZE) },
    help: { type: 'boolean', default: false },
  },
});
const [seconds, rounds, agents, rows] = [values.seconds, values.rounds, values.agents, values.rows].map(Number) as [
  number,
  number,
  number,
  number,
];
const isCount = (value: number): boolean => Number.isInteger(value) && value >= 10_000 && value <= 10_000_000;
const isSane = seconds >= 1 && seconds <= 60 && Number.isInteger(rounds) && rounds >= 1 && rounds <= 50;
if (values.help) {
  process.stdout.write(HELP);
} else if (!isSane || !isCount(agents) || !isCount(rows)) {
  process.stderr.write('--seconds is a number from 1 to 60, --rounds one from 1 to 50, --agents and --rows from 10000 to 10000000.\n');
  process.exitCode = 2;
} else if (values.registry) {
  pinSelf(LOAD_CORE);
  const figures = await inFolder((folder) => measureRegistry({ folder, seconds, agents, rows, say }));
  finish({ figures, bars: barsOfRegistry(figures), text: textOfRegistry(figures), isJson: values.json });
} else {
  pinSelf(LOAD_CORE);
  const figures = await inFolder((folder) => run(folder, { seconds, rounds, profile: values.profile }));
  finish({ figures, bars: barsOf(figures), text: textOf(figures, { seconds, rounds, isPinned }), isJson: values.json });
}
