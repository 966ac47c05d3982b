import type { PublishedKey } from '../oidc/index.ts';
import { secondsAfter } from '../platform/clock.ts';
import { durationWords } from '../platform/http/moment.ts';
import type { AgeingToken, DatabaseFacts, Stranded } from './store.ts';

/** One thing the doctor looked at. A `failed` one makes the command end with 1. */
export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'failed' | 'not_tried';
  readonly words: string;
  /** What to do about it; set when something is not as it should be. */
  readonly next?: string;
  /** The recorded decision it speaks of. */
  readonly decisionId?: string;
}

/** All is well. */
export const fine = (check: string, words: string): Finding => ({ check, state: 'ok', words });
/** It works, but not as it should. */
export const warning = (check: string, words: string, next: string): Finding => ({ check, state: 'warning', words, next });
/** It does not work. */
export const failed = (check: string, words: string, next: string): Finding => ({ check, state: 'failed', words, next });
/** It was not looked at, and why. */
export const untried = (check: string, words: string): Finding => ({ check, state: 'not_tried', words });

const DAY = 86_400;
const OLDEST_POSTGRES = 15;
const SKEW_WARNING_SECONDS = 2;
const SKEW_FAILURE_SECONDS = 30;
const TAIL_SECONDS = 5;
const SECRET_DAYS = 90;
const ENDING_DAYS = 14;
const IDLE_DAYS = 90;

const secondsBetween = (from: Date, to: Date): number => (to.getTime() - from.getTime()) / 1000;

/** `18.4` of 180004. */
export function versionWords(versionNumber: number): string {
  return `${Math.floor(versionNumber / 10_000)}.${versionNumber % 10_000}`;
}

/** PostgreSQL 15 is the oldest that is tested. */
export function judgeDatabase({ versionNumber }: Pick<DatabaseFacts, 'versionNumber'>): Finding {
  const words = `PostgreSQL ${versionWords(versionNumber)} answers.`;
  if (versionNumber >= OLDEST_POSTGRES * 10_000) return fine('database', words);
  return failed('database', words, `Move to PostgreSQL ${OLDEST_POSTGRES} or newer.`);
}

/** Tokens carry the server's time, rows too; a database that lives in another time hides rows and confuses operators. */
export function judgeClock(databaseNow: Date, serverNow: Date): Finding {
  const seconds = Math.abs(secondsBetween(databaseNow, serverNow));
  if (seconds < SKEW_WARNING_SECONDS) return fine('clock', 'Server and database agree about the time.');
  const words = `The clocks of server and database differ by ${durationWords(seconds)}.`;
  const next = 'Synchronise both machines by NTP: tokens are refused when the clocks of their parties differ.';
  return seconds < SKEW_FAILURE_SECONDS ? warning('clock', words, next) : failed('clock', words, next);
}

/** Every algorithm has a key that signs, and none signs for longer than it should. */
export function judgeKeys(
  keys: readonly PublishedKey[],
  { algorithms, signsDays, now }: { algorithms: readonly string[]; signsDays: number; now: Date },
): Finding {
  const current = keys.filter(({ status }) => status === 'current');
  const missing = algorithms.filter((algorithm) => !current.some((key) => key.algorithm === algorithm));
  if (missing.length > 0) return failed('signing keys', `No key signs with ${missing.join(' or ')}.`, 'Start the server: it makes them.');
  const oldest = Math.max(...current.map(({ activatedAt }) => (activatedAt === undefined ? 0 : secondsBetween(activatedAt, now))));
  const words = `${current.map(({ algorithm }) => algorithm).join(', ')} sign; the oldest key since ${durationWords(oldest)}.`;
  if (oldest <= (signsDays + 1) * DAY) return fine('signing keys', words);
  return warning('signing keys', words, 'Keys are replaced by a running server; rotate now in /console/settings, and look at its log.');
}

/** Who administers, and whether a second factor stands behind each. */
export function judgeAdministrators(administrators: readonly { readonly email: string; readonly hasSecondFactor: boolean }[]): Finding {
  const check = 'administrators';
  if (administrators.length === 0)
    return failed(check, 'There is no administrator.', 'Open /setup with the code that the server prints at its start.');
  const bare = administrators.filter(({ hasSecondFactor }) => !hasSecondFactor);
  const count = administrators.length === 1 ? 'One administrator' : `${administrators.length} administrators`;
  if (bare.length === 0) return fine(check, `${count}, each with a second factor.`);
  const words = `${count}; without a second factor: ${bare.map(({ email }) => email).join(', ')}.`;
  const next = 'Sign in and add a passkey or an authenticator app on your own page, /me; until then the console opens on loopback only.';
  return warning(check, words, next);
}

/** The sealer is at most a second behind while a server runs. */
export function judgeTail({ events, oldestAt }: { events: number; oldestAt: Date | undefined }, now: Date): Finding {
  const seconds = oldestAt === undefined ? 0 : secondsBetween(oldestAt, now);
  if (seconds <= TAIL_SECONDS)
    return fine('audit', events === 0 ? 'Every event has its place in the chain.' : `${events} events wait to be sealed.`);
  const words = `${events} ${events === 1 ? 'event' : 'events'} without a place in the chain, the oldest for ${durationWords(seconds)}.`;
  return failed('audit', words, 'A running server seals within a second: start it, or look in its log for the job audit-sealer.');
}

/** The secret of the environment's client is a password that lies in a file. */
export function judgeBootstrapSecret(rotatedAt: Date | undefined, now: Date): Finding {
  if (rotatedAt === undefined) return fine('bootstrap client', 'There is none, or it has no secret.');
  const words = `Its secret is ${durationWords(Math.max(0, secondsBetween(rotatedAt, now)))} old.`;
  if (secondsAfter(rotatedAt, SECRET_DAYS * DAY) > now) return fine('bootstrap client', words);
  return warning(
    'bootstrap client',
    words,
    'Change BEHALF_BOOTSTRAP_CLIENT_SECRET and start again, or delete the client in /console/clients.',
  );
}

/** From when on a provisioning token is worth a warning. */
export function provisioningLimits(now: Date): { readonly now: Date; readonly endsBefore: Date; readonly idleSince: Date } {
  return { now, endsBefore: secondsAfter(now, ENDING_DAYS * DAY), idleSince: secondsAfter(now, -IDLE_DAYS * DAY) };
}

/** An identity provider whose token runs out stops without a word; a token that nobody shows is a secret too many. */
export function judgeProvisioningTokens(ageing: readonly AgeingToken[], now: Date): Finding {
  const check = 'provisioning tokens';
  if (ageing.length === 0) return fine(check, 'None ends within two weeks, and each is in use.');
  const { endsBefore } = provisioningLimits(now);
  const lines = ageing.map(({ name, endsIn, expiresAt, idleSince }) => {
    const ends = expiresAt <= endsBefore ? `ends in ${durationWords(secondsBetween(now, expiresAt))}` : undefined;
    return `${name} (…${endsIn}) ${ends ?? `was not used for ${durationWords(secondsBetween(idleSince, now))}`}`;
  });
  return warning(
    check,
    `${lines.join(', ')}.`,
    'Make a second token in /console/provisioning, paste it, end the first; end those that nobody uses.',
  );
}

/** Plain http never leaves the machine. */
export function judgeIssuer(issuer: URL, isLoopback: boolean): Finding {
  const href = issuer.href.replace(/\/$/, '');
  if (issuer.protocol === 'https:') return fine('issuer', `${href} is https.`);
  if (!isLoopback) return failed('issuer', `${href} is not https.`, 'Set BEHALF_ISSUER to an https address.');
  return warning('issuer', `${href} is reached from this machine only.`, 'For production set BEHALF_ISSUER to an https address.');
}

function judgeStranded({ ids, total }: Stranded, check: string, [words, next]: readonly [string, string]): Finding {
  if (total === 0) return fine(check, 'None.');
  const more = total > ids.length ? ` and ${total - ids.length} more` : '';
  return warning(check, `${words}: ${ids.join(', ')}${more}.`, next);
}

/** The administrators' policies: a server that cannot load them refuses everything they would judge. */
export function judgePolicies(loaded: { readonly version: number; readonly count: number } | undefined): Finding {
  if (loaded === undefined)
    return failed(
      'policies',
      'The policies in force cannot be loaded, so every token is refused.',
      'Put back a version that can, under /console/policies/versions.',
    );
  const { version, count } = loaded;
  if (count === 0) return fine('policies', 'None is in force.');
  return fine('policies', `${count === 1 ? 'One is' : `${count} are`} in force, version ${version}.`);
}

/** Agents that were let run and still get no token. */
export function judgeOwners(stranded: Stranded): Finding {
  return judgeStranded(stranded, 'agents without owner', [
    'Nobody alive answers for active agents, so they get no token',
    'Give each an owner, or suspend it, in /console/agents.',
  ]);
}

/** Software that registered as an agent's and stands for none. */
export function judgeClients(stranded: Stranded): Finding {
  return judgeStranded(stranded, 'clients without agent', [
    'Clients that stand for no agent get no token',
    'Link each to an agent, or delete it, in /console/clients.',
  ]);
}
