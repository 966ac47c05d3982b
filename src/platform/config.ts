import ipaddr from 'ipaddr.js';
import { z } from 'zod';

/** What the server was told, checked and frozen. Everything else in the house receives its part of this by argument. */
export interface Config {
  readonly port: number;
  /** The address to listen on; undefined = all. */
  readonly host: string | undefined;
  readonly issuer: URL;
  readonly dataDir: string;
  /** Undefined: the server runs its own PostgreSQL in `dataDir`. */
  readonly databaseUrl: string | undefined;
  /** The role that owns the tables; the serving role then only inserts into and reads the audit trail. */
  readonly migrationDatabaseUrl: string | undefined;
  readonly firstAdministrator: { readonly email: string; readonly password: string } | undefined;
  readonly bootstrapClient: { readonly clientId: string; readonly secret: string } | undefined;
  /** 32 bytes; undefined: a file in `dataDir`. */
  readonly masterKey: Buffer | undefined;
  readonly previousMasterKey: Buffer | undefined;
  /** CIDR ranges whose forwarded headers are believed. */
  readonly trustedProxies: readonly string[];
  readonly metrics: { readonly token: string | undefined; readonly port: number | undefined };
  /** Drafts of standards that are switched on; without their name they are off. */
  readonly drafts: readonly Draft[];
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
}

/** Drafts this server knows, each named after the version it follows: a later version gets a name of its own. */
export const DRAFTS = ['mcp-sep-1933', 'oauth-ai-agents-obo-02'] as const;
export type Draft = (typeof DRAFTS)[number];

/** Raised once with every fault found, so that nobody starts five times to learn of five mistakes. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(
      `The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
    );
    this.faults = faults;
  }
}

const LOOPBACK_HOSTS = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Whether a URL's host is this machine, the only place where plain http is accepted (RFC 8252 §8.3). */
export function isLoopbackUrl(url: URL): boolean {
  return LOOPBACK_HOSTS.has(url.hostname);
}

const port = z.coerce.number().int('is not a whole number').min(0, 'is below 0').max(65_535, 'is above 65535');
const key = z.string().transform((value, ctx) => {
  const bytes = Buffer.from(value, 'base64');
  if (bytes.length === 32) return bytes;
  ctx.addIssue({ code: 'custom', message: 'is not 32 bytes of base64; make one with: openssl rand -base64 32' });
  return z.NEVER;
});
const postgresUrl = z.string().regex(/^postgres(ql)?:\/\//, 'does not begin with postgresql://');
const cidrList = z.string().transform((value, ctx) => {
  const ranges = value
    .split(',')
    .map((range) => range.trim())
    .filter((range) => range !== '');
  for (const range of ranges) {
    if (!ipaddr.isValidCIDR(range)) ctx.addIssue({ code: 'custom', message: `${range} is not a range such as 10.0.0.0/8` });
  }
  return ranges;
});

const draftList = z.string().transform((value, ctx) => {
  const names = value
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  for (const name of names) {
    if (!DRAFTS.some((known) => known === name))
      ctx.addIssue({ code: 'custom', message: `names ${name}, which is no draft this version knows: ${DRAFTS.join(', ')}` });
  }
  return DRAFTS.filter((known) => names.includes(known));
});

interface Variable {
  readonly name: string;
  readonly about: string;
  /** What holds when it is not set, in words or as a value. */
  readonly unset: string;
  readonly schema: z.ZodType;
}

/** Every variable the server reads, in the order in which `.env.example` prints them. */
export const VARIABLES = [
  { name: 'PORT', about: 'Port to listen on.', unset: '3000', schema: port },
  {
    name: 'BEHALF_HOST',
    about: 'Address to listen on.',
    unset: 'loopback when the issuer is loopback, else all',
    schema: z.string().min(1),
  },
  {
    name: 'BEHALF_ISSUER',
    about: 'The public address of this server, exactly as clients will see it; https unless loopback.',
    unset: 'http://localhost:PORT',
    schema: z.string(),
  },
  { name: 'BEHALF_DATA_DIR', about: 'Folder for the embedded database and the master key.', unset: './data', schema: z.string().min(1) },
  { name: 'DATABASE_URL', about: 'PostgreSQL 15 or newer.', unset: 'an embedded PostgreSQL in the data folder', schema: postgresUrl },
  {
    name: 'BEHALF_MIGRATION_DATABASE_URL',
    about: 'The role that owns the tables, used for migrations only; the serving role then cannot change audit rows.',
    unset: 'migrations run as DATABASE_URL',
    schema: postgresUrl,
  },
  {
    name: 'BEHALF_MASTER_KEY',
    about: 'Encrypts signing keys and secrets at rest: base64 of 32 bytes. Required with DATABASE_URL. Back it up.',
    unset: 'a file in the data folder',
    schema: key,
  },
  { name: 'BEHALF_MASTER_KEY_PREVIOUS', about: 'The master key before this one, while both are in use.', unset: 'none', schema: key },
  {
    name: 'BEHALF_ADMIN_EMAIL',
    about: 'Creates the first administrator when there is none.',
    unset: 'use /setup',
    schema: z.email('is not an e-mail address'),
  },
  {
    name: 'BEHALF_ADMIN_PASSWORD',
    about: 'Password of that administrator, at least 12 characters.',
    unset: 'use /setup',
    schema: z.string().min(12, 'has fewer than 12 characters').max(256, 'has more than 256 characters'),
  },
  {
    name: 'BEHALF_BOOTSTRAP_CLIENT_ID',
    about: 'Creates a confidential client for provisioning (client_credentials; scim:*, admin:*, access:*).',
    unset: 'none',
    schema: z.string().regex(/^[A-Za-z0-9._~-]{3,64}$/, 'is not 3 to 64 of A-Z a-z 0-9 . _ ~ -'),
  },
  {
    name: 'BEHALF_BOOTSTRAP_CLIENT_SECRET',
    about: 'Its secret, at least 32 characters; a changed value rotates it.',
    unset: 'none',
    schema: z.string().min(32, 'has fewer than 32 characters').max(256, 'has more than 256 characters'),
  },
  {
    name: 'BEHALF_TRUSTED_PROXIES',
    about: 'Comma-separated CIDR ranges whose X-Forwarded-For is believed.',
    unset: 'none',
    schema: cidrList,
  },
  {
    name: 'BEHALF_METRICS_TOKEN',
    about: 'Bearer token that opens /metrics, at least 32 characters.',
    unset: '/metrics is closed',
    schema: z.string().min(32, 'has fewer than 32 characters'),
  },
  { name: 'BEHALF_METRICS_PORT', about: 'Serves /metrics on a loopback port of its own.', unset: 'off', schema: port },
  {
    name: 'BEHALF_DRAFTS',
    about: `Comma-separated drafts of standards to switch on; they may change. Known: ${DRAFTS.join(', ')}.`,
    unset: 'none',
    schema: draftList,
  },
  {
    name: 'BEHALF_LOG_LEVEL',
    about: 'trace, debug, info, warn, error, fatal or silent.',
    unset: 'info',
    schema: z.enum(
      ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
      'is none of trace, debug, info, warn, error, fatal, silent',
    ),
  },
] as const satisfies readonly Variable[];

type Environment = Readonly<Record<string, string | undefined>>;
type Name = (typeof VARIABLES)[number]['name'];
type Values = { [V in (typeof VARIABLES)[number] as V['name']]?: z.output<V['schema']> };

/** Reads each variable on its own and collects what is wrong; an empty value counts as unset, as in a `.env` file. */
function readValues(env: Environment, faults: string[]): Values {
  const values: Record<string, unknown> = {};
  for (const variable of VARIABLES) {
    const raw = env[variable.name];
    if (raw === undefined || raw === '') continue;
    const result = variable.schema.safeParse(raw);
    if (result.success) values[variable.name] = result.data;
    else faults.push(...result.error.issues.map((issue) => `${variable.name} ${issue.message}.`));
  }
  return values as Values;
}

/** RFC 8414 §2: an issuer is https without query or fragment; plain http stays on this machine. */
function readIssuer(value: string, faults: string[]): URL {
  const fallback = new URL('http://localhost:3000');
  if (!URL.canParse(value)) {
    faults.push(`BEHALF_ISSUER is not a URL: ${value}.`);
    return fallback;
  }
  const issuer = new URL(value);
  if (issuer.protocol !== 'https:' && !(issuer.protocol === 'http:' && isLoopbackUrl(issuer)))
    faults.push('BEHALF_ISSUER must be https unless it is loopback.');
  if (issuer.search !== '' || issuer.hash !== '' || issuer.username !== '' || issuer.password !== '')
    faults.push('BEHALF_ISSUER has a query, a fragment or credentials.');
  if (value.endsWith('/')) faults.push('BEHALF_ISSUER ends with a slash; leave it out, clients compare issuers letter by letter.');
  return issuer;
}

interface Reading {
  readonly values: Values;
  readonly env: Environment;
  readonly faults: string[];
}

/** Two variables that mean nothing alone. One that was given but is faulty counts as given: its own fault is told already. */
function pairOf({ values, env, faults }: Reading, first: Name, second: Name): [string, string] | undefined {
  const [a, b] = [values[first], values[second]];
  if (typeof a === 'string' && typeof b === 'string') return [a, b];
  const missing = [first, second].filter((name) => (env[name] ?? '') === '');
  if (missing.length === 1) faults.push(`${first} and ${second} only work together; ${missing[0]} is missing.`);
  return undefined;
}

/**
 * Checks the environment and returns the frozen configuration.
 *
 * @throws {ConfigError} with all faults at once; the command line prints them and exits with 78 (EX_CONFIG).
 */
export function loadConfig(env: Environment = process.env): Config {
  const faults: string[] = [];
  const values = readValues(env, faults);
  const listenPort = values.PORT ?? 3000;
  const issuer = readIssuer(values.BEHALF_ISSUER ?? `http://localhost:${listenPort}`, faults);
  const administrator = pairOf({ values, env, faults }, 'BEHALF_ADMIN_EMAIL', 'BEHALF_ADMIN_PASSWORD');
  const bootstrap = pairOf({ values, env, faults }, 'BEHALF_BOOTSTRAP_CLIENT_ID', 'BEHALF_BOOTSTRAP_CLIENT_SECRET');
  if (values.DATABASE_URL !== undefined && values.BEHALF_MASTER_KEY === undefined && env['BEHALF_MASTER_KEY'] === undefined) {
    faults.push('BEHALF_MASTER_KEY is required with DATABASE_URL; make one with: openssl rand -base64 32.');
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return Object.freeze({
    port: listenPort,
    host: values.BEHALF_HOST ?? (isLoopbackUrl(issuer) ? 'localhost' : undefined),
    issuer,
    dataDir: values.BEHALF_DATA_DIR ?? './data',
    databaseUrl: values.DATABASE_URL,
    migrationDatabaseUrl: values.BEHALF_MIGRATION_DATABASE_URL,
    firstAdministrator: administrator && { email: administrator[0], password: administrator[1] },
    bootstrapClient: bootstrap && { clientId: bootstrap[0], secret: bootstrap[1] },
    masterKey: values.BEHALF_MASTER_KEY,
    previousMasterKey: values.BEHALF_MASTER_KEY_PREVIOUS,
    trustedProxies: values.BEHALF_TRUSTED_PROXIES ?? [],
    metrics: { token: values.BEHALF_METRICS_TOKEN, port: values.BEHALF_METRICS_PORT },
    drafts: values.BEHALF_DRAFTS ?? [],
    logLevel: values.BEHALF_LOG_LEVEL ?? 'info',
  });
}

/** The text of `.env.example`; a test keeps the file equal to it. */
export function environmentExample(): string {
  const blocks = VARIABLES.map(({ name, about, unset }) => `# ${about}\n# Unset: ${unset}.\n#${name}=\n`);
  return `# Every setting is optional for a first look: \`npm start\` works without this file.\n# Copy to .env and fill in what you need; all faults are printed at once at start.\n\n${blocks.join('\n')}`;
}
