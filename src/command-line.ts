import { Command, CommanderError } from 'commander';
import { type Config, ConfigError, loadConfig } from './platform/config.ts';
import { failed, report } from './operations/index.ts';
import { isDatabaseUnavailable } from './platform/db/availability.ts';
import { createLogger } from './platform/log.ts';
import { migrateDatabase, runDoctor, runVerb, startServer } from './server.ts';

/** Exit codes of sysexits.h: what a supervisor may act upon. */
const EXIT_USAGE = 64;
const EXIT_CONFIG = 78;
const EXIT_UNAVAILABLE = 69;

const out = (line: string): void => void process.stdout.write(`${line}\n`);
const complain = (line: string): void => void process.stderr.write(`${line}\n`);

/** Reads the configuration or ends the process with every fault on standard error. */
function configuration(): Config {
  try {
    return loadConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    complain(error.message);
    complain('Every setting is explained in .env.example.');
    process.exit(EXIT_CONFIG);
  }
}

/** Ends the process with a sentence instead of a stack, unless more was asked for. */
async function guarded(work: () => Promise<number | undefined>): Promise<void> {
  try {
    const code = await work();
    if (code !== undefined) process.exitCode = code;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    complain(isDatabaseUnavailable(error) ? `The database cannot be reached: ${message}. behalf doctor tells more.` : message);
    process.exitCode = EXIT_UNAVAILABLE;
  }
}

async function start(): Promise<undefined> {
  const config = configuration();
  await startServer(config, { log: createLogger(config.logLevel), out });
  return undefined;
}

async function migrate(): Promise<number> {
  const config = configuration();
  const applied = await migrateDatabase(config, createLogger('warn'));
  out(applied.length === 0 ? 'The database is up to date.' : `Applied ${applied.join(', ')}.`);
  return 0;
}

/** Faults of the configuration are findings like any other. */
async function doctor({ json = false }: VerbOptions): Promise<number> {
  let config: Config;
  try {
    config = loadConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const findings = error.faults.map((fault) => failed('configuration', fault, 'Every setting is explained in .env.example.'));
    return report(findings, { json, out });
  }
  return runDoctor(config, { log: createLogger('fatal'), out, json });
}

interface VerbOptions {
  readonly json?: boolean;
  readonly dryRun?: boolean;
  /** What a verb asks of its own, as text. */
  readonly [name: string]: string | boolean | undefined;
}

/** A verb that a capability contributes: `behalf audit verify`, `behalf account reset-link …`. What the log tells from `level` on goes to standard error. */
function verb(words: readonly string[], level: Config['logLevel'] = 'warn') {
  return (args: readonly string[], options: VerbOptions) =>
    guarded(() => {
      const config = configuration();
      const texts = Object.entries(options).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
      const settings = Object.fromEntries(texts);
      const how = { args, json: options.json === true, dryRun: options.dryRun === true, settings, out };
      return runVerb(config, { name: words.join(' '), log: createLogger(level, process.stderr), tell: complain, options: how });
    });
}

const IMPORT_HELP = `
Columns are the SCIM attributes of an agent: externalId, name, displayName, description, purpose, riskLevel, autonomy,
environment, dataClasses (parted by ;), model.provider, model.name, validUntil, parent.value and so on; owner is the id or the
e-mail address of a person, or the id of a group. A column that is not there leaves what it describes as it is; an empty cell
clears it. A line of NDJSON is an object of the same names. What begins with _ is ignored.

A new agent is proposed, or active if its row says so in status or active and names an owner who is there. The status of an agent
that exists is never changed by an import. Rows that change nothing write nothing.

Exit code 0: all rows are in; 1: some were refused; 64: wrong options; 65: the file cannot be read as its format; 66: there is no
such file.
`;

const DOCTOR_HELP = `
subject is the address of an MCP server as clients call it, a client_id, or the address of a client's metadata document. The
doctor then walks from the resource metadata over this server's own to registration, authorization, token and call. It makes no
token and changes nothing; what it did not try it says. Without a subject it looks at this server alone.

Exit code 0: nothing is broken; 1: something is.
`;

/** Wrong words are an error of usage: 1 belongs to what a command itself finds. */
async function parsed(program: Command, argv: readonly string[]): Promise<void> {
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
  }
}

/** Parses the arguments and runs one command. */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  const program = new Command('behalf')
    .description('The authorization server for agents that act on behalf of people.')
    .showHelpAfterError()
    .exitOverride();
  program
    .command('start')
    .description('Serve; runs migrations first.')
    .action(() => guarded(start));
  program
    .command('migrate')
    .description('Bring the database to this version and stop.')
    .action(() => guarded(migrate));
  const withFlags = (command: Command) =>
    command.option('--json', 'print machine-readable output').option('--dry-run', 'say what would happen, change nothing');
  program
    .command('doctor [subject]')
    .description('Look for what is wrong with this installation, or with an MCP server or a client that does not connect.')
    .option('--json', 'print machine-readable output')
    .addHelpText('after', DOCTOR_HELP)
    .action((subject: string | undefined, options: VerbOptions) =>
      subject === undefined ? guarded(() => doctor(options)) : verb(['doctor'], 'fatal')([subject], options),
    );
  const audit = program.command('audit').description('The audit trail.');
  withFlags(audit.command('verify').description('Check that no event was changed, left out or invented.')).action((options: VerbOptions) =>
    verb(['audit', 'verify'])([], options),
  );
  const account = program.command('account').description('People who sign in here.');
  withFlags(account.command('reset-link <email>').description('Print a one-time link with which a person chooses a new password.')).action(
    (email: string, options: VerbOptions) => verb(['account', 'reset-link'])([email], options),
  );
  const imports = program.command('import').description('Bring agents in from elsewhere.');
  withFlags(
    imports
      .command('agents <file>')
      .description('Bring agents from a CSV or NDJSON file up to date, found by their externalId within a source.')
      .requiredOption('--source <name>', 'where the list comes from: the same name finds the same agents the next time')
      .option('--format <format>', 'csv or ndjson; left out: what the name of the file ends in')
      .option('--rejects <file>', 'write the rows that were refused there, with the reason'),
  )
    .addHelpText('after', IMPORT_HELP)
    .action((file: string, options: VerbOptions) => verb(['import', 'agents'])([file], options));
  withFlags(
    imports
      .command('agent-card <url>')
      .description('Make a proposed agent of an A2A agent card, or note what changed in it.')
      .option('--owner <id or e-mail>', 'the person or group who answers for it'),
  ).action((url: string, options: VerbOptions) => verb(['import', 'agent-card'])([url], options));
  await parsed(program, argv);
}
