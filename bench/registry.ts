/** The registry with a million agents: how long SCIM takes to find some, to create more, and to import as many again. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import autocannon from 'autocannon';
import pg from 'pg';
import { createPopulation } from './population.ts';
import { commandOf, during, freePort, isPinned, runToEnd } from './processes.ts';
import type { Bar } from './report.ts';

export const REGISTRY_SIZE = 1_000_000;

/** One question, asked again and again. Milliseconds. */
interface Question {
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
}

/** What importing a file took. */
interface Imported {
  readonly rowsPerSecond: number;
  readonly peakMb: number | undefined;
}

/** Everything one run measured. */
export interface RegistryFigures {
  readonly agents: number;
  readonly questions: Readonly<Record<string, Question>>;
  readonly createdPerSecond: number;
  readonly firstImport: Imported;
  readonly secondImport: Imported;
}

/** What is measured, and where. */
export interface RegistrySettings {
  readonly folder: string;
  readonly seconds: number;
  readonly agents: number;
  /** How many rows are imported. */
  readonly rows: number;
  readonly say: (what: string) => void;
}

const OWNERS = 2_000;
const CONNECTIONS = 4;
const PAGE = 200;
const BULK = { requests: 30, operations: 1_000, atOnce: 2 };
const MOST = { p99: 50, importMb: 300 };
const LEAST = { createdPerSecond: 1_000 };
const CLIENT = { id: 'bench-scim', secret: randomBytes(24).toString('hex') };
const AGENT = 'urn:ietf:params:scim:schemas:core:2.0:Agent';
const EXTENSION = 'urn:ietf:params:scim:schemas:extension:behalf:2.0:Agent';

const SEED = `INSERT INTO agents (id, name, display_name, status, status_changed_at, owner_kind, owner_id, purpose, risk_level, autonomy, data_classes,
    source, external_id, provisioned, version, created_at, updated_at)
  SELECT 'agt_' || lpad(n::text, 32, '0'), 'seed-' || n, (ARRAY['Invoice','Travel','Support','Build','Sales'])[1 + n % 5] || ' bot ' || n,
    CASE WHEN n % 5 = 0 THEN 'suspended' WHEN n % 7 = 0 THEN 'proposed' ELSE 'active' END, now(), 'user', 'usr_bench' || n % ${OWNERS},
    'Does work ' || n % 100, (ARRAY['low','medium','high'])[1 + n % 3], 'background', '{}', 'scim:seed', 'seed-' || n, '{}', 1, now(), now()
  FROM generate_series($1::int, $2::int) AS n`;
const SEED_STEP = 50_000;

async function seed(url: string, { agents, say }: RegistrySettings): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(
      `INSERT INTO accounts (id, email, name, role, status, created_at)
       SELECT 'usr_bench' || n, 'owner' || n || '@example.com', 'Owner ' || n, 'user', 'active', now() FROM generate_series(0, $1::int - 1) AS n`,
      [OWNERS],
    );
    for (let from = 1; from <= agents; from += SEED_STEP) await client.query(SEED, [from, Math.min(from + SEED_STEP - 1, agents)]);
    say('letting the database look at them');
    await client.query('VACUUM ANALYZE agents');
  } finally {
    await client.end();
  }
}

/** Speaks SCIM with a token that is fresh enough. */
function createScimClient(issuer: string) {
  const basic = `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')}`;
  let held: { readonly token: string; readonly until: number } | undefined;
  const token = async (): Promise<string> => {
    if (held !== undefined && held.until > performance.now()) return held.token;
    const form = { grant_type: 'client_credentials', resource: `${issuer}/scim/v2`, scope: 'scim:read scim:write' };
    const response = await fetch(`${issuer}/token`, { method: 'POST', headers: { authorization: basic }, body: new URLSearchParams(form) });
    const { access_token } = (await response.json()) as { access_token?: string };
    if (access_token === undefined) throw new Error(`No token for the bench: ${response.status}`);
    held = { token: access_token, until: performance.now() + 120_000 };
    return access_token;
  };
  const send = async (path: string, body?: object): Promise<Record<string, unknown>> => {
    const headers = { authorization: `Bearer ${await token()}`, 'content-type': 'application/scim+json' };
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const response = await fetch(`${issuer}/scim/v2${path}`, { headers, ...init });
    const answer = (await response.json()) as Record<string, unknown>;
    if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(answer)}`);
    return answer;
  };
  return { token, send };
}

type ScimClient = ReturnType<typeof createScimClient>;

/** Asks for paths in turn. Throws when an answer was no success: such a figure means nothing. */
async function ask(origin: string, { token }: ScimClient, question: { paths: readonly string[]; seconds: number }): Promise<Question> {
  const headers = { authorization: `Bearer ${await token()}` };
  let turn = 0;
  const path = () => `/scim/v2${question.paths[turn++ % question.paths.length] ?? ''}`;
  const requests = [{ method: 'GET' as const, setupRequest: (request: autocannon.Request) => ({ ...request, path: path() }) }];
  const settings = { url: origin, connections: CONNECTIONS, duration: question.seconds, headers, requests };
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    autocannon(settings, (error, found) => (error === null || error === undefined ? resolve(found) : reject(error as Error)));
  });
  if (result.non2xx + result.errors > 0 || result['2xx'] === 0)
    throw new Error(`${question.paths[0]}: ${result['2xx']} successes, ${result.non2xx} refusals, ${result.errors} errors.`);
  return { p50: result.latency.p50, p99: result.latency.p99, perSecond: result['2xx'] / result.duration };
}

/** The cursor of the page that begins in the middle, found as a client finds it: page by page. */
async function cursorInTheMiddle({ send }: ScimClient, agents: number): Promise<string> {
  let cursor = '';
  for (let depth = 0; depth < agents / 2; depth += PAGE) {
    const page = await send(`/Agents?attributes=id&count=${PAGE}&cursor=${cursor}`);
    cursor = String(page['nextCursor']);
  }
  return cursor;
}

const filtered = (filter: string): string => `/Agents?count=20&filter=${encodeURIComponent(filter)}`;
const spread = (count: number, of: (at: number) => string): string[] => Array.from({ length: count }, (_, at) => of(at));

async function askAll(issuer: string, client: ScimClient, { agents, seconds, say }: RegistrySettings) {
  say(`paging to number ${agents / 2}`);
  const deep = await cursorInTheMiddle(client, agents);
  const names = ['Invoice', 'Travel', 'Support', 'Build', 'Sales'];
  const number = (at: number) => 1 + ((at * 7_919) % agents);
  const owned = (at: number) => filtered(`owners.value eq "usr_bench${(at * 37) % OWNERS}" and ${EXTENSION}:status eq "active"`);
  const paths = {
    'externalId eq': spread(500, (at) => filtered(`externalId eq "seed-${number(at)}"`)),
    'displayName sw': spread(500, (at) => filtered(`displayName sw "${names[number(at) % 5]} bot ${number(at)}"`)),
    'owners.value eq and status eq': spread(500, owned),
    [`a page at cursor depth ${agents / 2}`]: [`/Agents?count=20&cursor=${deep}`],
  };
  const questions: Record<string, Question> = {};
  for (const [name, each] of Object.entries(paths)) {
    say(name);
    await ask(issuer, client, { paths: each, seconds: 1 });
    questions[name] = await ask(issuer, client, { paths: each, seconds });
  }
  return questions;
}

function bulkBody(request: number): object {
  const operations = Array.from({ length: BULK.operations }, (_, at) => ({
    method: 'POST',
    path: '/Agents',
    bulkId: `b${at}`,
    data: {
      schemas: [AGENT, EXTENSION],
      externalId: `bulk-${request}-${at}`,
      name: `bulk-${request}-${at}`,
      displayName: `Bulk bot ${at}`,
      owners: [{ value: `usr_bench${at % 50}` }],
      [EXTENSION]: { status: 'active', purpose: 'Pays approved supplier invoices', riskLevel: 'low', environment: 'production' },
    },
  }));
  return { schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'], Operations: operations };
}

/** Agents per second over /Bulk, two requests at once. */
async function createMany({ send }: ScimClient): Promise<number> {
  const one = async (request: number): Promise<void> => {
    const { Operations: answers } = (await send('/Bulk', bulkBody(request))) as { Operations: readonly { status: string }[] };
    const failed = answers.find(({ status }) => status !== '201');
    if (failed !== undefined) throw new Error(`A bulk creation failed: ${JSON.stringify(failed)}`);
  };
  await one(0);
  const from = performance.now();
  let next = 1;
  const worker = async (): Promise<void> => {
    while (next <= BULK.requests) await one(next++);
  };
  await Promise.all(Array.from({ length: BULK.atOnce }, worker));
  return (BULK.requests * BULK.operations) / ((performance.now() - from) / 1000);
}

async function writeList(file: string, rows: number): Promise<void> {
  const stream = createWriteStream(file);
  stream.write('externalId,name,displayName,owner,status,purpose,riskLevel,environment\n');
  for (let row = 1; row <= rows; row += 1) {
    const line = `list-${row},list-${row},List bot ${row},owner${row % OWNERS}@example.com,active,Does work ${row % 100},low,production\n`;
    if (!stream.write(line)) await once(stream, 'drain');
  }
  stream.end();
  await finished(stream);
}

/** Runs `behalf import agents` in a process of its own and watches its memory. */
async function importList(file: string, env: Readonly<Record<string, string>>, rows: number): Promise<Imported> {
  const program = { args: commandOf('import', 'agents', file, '--source', 'bench', '--json'), env };
  const { code, text, lifeMs, peakMb } = await runToEnd(program);
  if (code !== 0) throw new Error(`The import ended with ${code}:\n${text.slice(-2_000)}`);
  return { rowsPerSecond: rows / (lifeMs / 1000), peakMb };
}

/** Fills a database of its own, asks, creates and imports. */
export async function measureRegistry(settings: RegistrySettings): Promise<RegistryFigures> {
  const { folder, agents, rows, say } = settings;
  const issuer = `http://localhost:${await freePort()}`;
  say('making a database');
  const population = await createPopulation(folder, issuer);
  try {
    const url = population.onRunningDatabase['DATABASE_URL'] ?? '';
    say(`filling it with ${agents} agents`);
    await seed(url, settings);
    const env = { ...population.onRunningDatabase, BEHALF_BOOTSTRAP_CLIENT_ID: CLIENT.id, BEHALF_BOOTSTRAP_CLIENT_SECRET: CLIENT.secret };
    const asked = await during({ args: commandOf('start'), env, says: 'Behalf serves' }, async () => {
      const client = createScimClient(issuer);
      const questions = await askAll(issuer, client, settings);
      say('creating in bulk');
      return { questions, createdPerSecond: await createMany(client) };
    });
    const file = join(folder, 'agents.csv');
    await writeList(file, rows);
    say('importing');
    const firstImport = await importList(file, population.onRunningDatabase, rows);
    say('importing the same again');
    const secondImport = await importList(file, population.onRunningDatabase, rows);
    return { agents, ...asked, firstImport, secondImport };
  } finally {
    await population.stopDatabase();
  }
}

/** The bars of this run. */
export function barsOfRegistry({ questions, createdPerSecond, firstImport, secondImport }: RegistryFigures): readonly Bar[] {
  const atMost = (name: string, value: number, most: number): Bar => ({ name, value, bar: `<= ${most}`, isHeld: value <= most });
  return [
    ...Object.entries(questions).map(([name, { p99 }]) => atMost(`${name}, p99 ms`, p99, MOST.p99)),
    {
      name: 'bulk creation, agents/s',
      value: createdPerSecond,
      bar: `>= ${LEAST.createdPerSecond}`,
      isHeld: createdPerSecond >= LEAST.createdPerSecond,
    },
    ...[firstImport, secondImport].flatMap(({ peakMb }) =>
      peakMb === undefined ? [] : [atMost('import, peak RSS MB', peakMb, MOST.importMb)],
    ),
  ];
}

/** The figures as lines of text for a terminal. */
export function textOfRegistry(figures: RegistryFigures): string {
  const { agents, questions, createdPerSecond, firstImport, secondImport } = figures;
  const where = isPinned ? 'server on core 0, PostgreSQL and load on core 1' : 'not pinned to cores: taskset is not here';
  const asked = Object.entries(questions).map(
    ([name, { p50, p99, perSecond }]) => `${name.padEnd(34)}  p50 ${p50} ms  p99 ${p99} ms  ${perSecond.toFixed(0)} req/s`,
  );
  const imported = ({ rowsPerSecond, peakMb }: Imported) => `${rowsPerSecond.toFixed(0)} rows/s, peak ${peakMb?.toFixed(0) ?? '-'} MB`;
  const bars = barsOfRegistry(figures).map(
    ({ name, value, bar, isHeld }) => `${isHeld ? 'held  ' : 'MISSED'}  ${name}: ${value.toFixed(0)} (bar ${bar})`,
  );
  return [
    `${agents} agents; ${CONNECTIONS} connections; ${where}.`,
    '',
    ...asked,
    `bulk creation: ${createdPerSecond.toFixed(0)} agents/s`,
    `import of ${agents} rows: ${imported(firstImport)}; of the same again: ${imported(secondImport)}`,
    '',
    ...bars,
  ].join('\n');
}
