import { KEY_TIMES, type PublishedKey, SIGNING_ALGORITHMS } from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import {
  failed,
  type Finding,
  judgeAdministrators,
  judgeBootstrapSecret,
  judgeClients,
  judgeClock,
  judgeDatabase,
  judgeIssuer,
  judgeKeys,
  judgeOwners,
  judgePolicies,
  judgeProvisioningTokens,
  judgeTail,
  provisioningLimits,
} from './finding.ts';
import type { OperationsStore } from './store.ts';

/** What the doctor asks the rest of the house. */
export interface DoctorDeps {
  readonly clock: Clock;
  readonly issuer: URL;
  readonly isLoopback: boolean;
  readonly store: OperationsStore;
  readonly keys: () => Promise<readonly PublishedKey[]>;
  /** Active administrators. */
  readonly administrators: () => Promise<readonly { readonly email: string; readonly hasSecondFactor: boolean }[]>;
  /** The administrators' policies as this server loads them; undefined: it cannot. */
  readonly policies: () => Promise<{ readonly version: number; readonly count: number } | undefined>;
}

/** Looks at everything that a running server can look at; a check that breaks off is a finding, not an error. */
export function createDoctor(deps: DoctorDeps): { examine(): Promise<readonly Finding[]> } {
  const { clock, issuer, isLoopback, store } = deps;
  const now = () => clock.now();
  const checks: Readonly<Record<string, () => Promise<Finding>>> = {
    issuer: async () => judgeIssuer(issuer, isLoopback),
    database: async () => judgeDatabase(await store.database()),
    clock: async () => judgeClock((await store.database()).now, now()),
    'signing keys': async () =>
      judgeKeys(await deps.keys(), { algorithms: SIGNING_ALGORITHMS, signsDays: KEY_TIMES.signsDays, now: now() }),
    administrators: async () => judgeAdministrators(await deps.administrators()),
    policies: async () => judgePolicies(await deps.policies()),
    audit: async () => judgeTail(await store.unsealedTail(), now()),
    'bootstrap client': async () => judgeBootstrapSecret(await store.bootstrapSecretSince(), now()),
    'provisioning tokens': async () => judgeProvisioningTokens(await store.ageingProvisioningTokens(provisioningLimits(now())), now()),
    'agents without owner': async () => judgeOwners(await store.agentsWithoutOwner()),
    'clients without agent': async () => judgeClients(await store.clientsWithoutAgent()),
  };
  const attempt = async (check: string, run: () => Promise<Finding>): Promise<Finding> => {
    try {
      return await run();
    } catch {
      return failed(check, 'This could not be looked at.', 'The log of the server says why.');
    }
  };
  return { examine: () => Promise.all(Object.entries(checks).map(([check, run]) => attempt(check, run))) };
}

const MARKS = { ok: 'ok     ', warning: 'warning', failed: 'FAILED ', not_tried: 'skipped' } as const satisfies Record<
  Finding['state'],
  string
>;

/** How findings are printed. `about`: what they are about, and what it was taken for. */
interface ReportOptions {
  readonly json: boolean;
  readonly out: (line: string) => void;
  readonly about?: { readonly subject: string; readonly kind: string; readonly words: string };
}

/** Prints findings in words, or as one JSON object. Returns the exit code: 1 when something does not work. */
export function report(findings: readonly Finding[], { json, out, about }: ReportOptions): number {
  const isHealthy = findings.every(({ state }) => state !== 'failed');
  if (json) {
    out(JSON.stringify({ ...(about === undefined ? {} : { subject: about.subject, kind: about.kind }), healthy: isHealthy, findings }));
    return isHealthy ? 0 : 1;
  }
  if (about !== undefined) out(`${about.subject}\n${about.words}`);
  for (const { check, state, words, next } of findings) {
    out(`${MARKS[state]}  ${check}: ${words}`);
    if (next !== undefined) out(`         → ${next}`);
  }
  const warnings = findings.filter(({ state }) => state === 'warning').length;
  const failures = findings.filter(({ state }) => state === 'failed').length;
  out(failures + warnings === 0 ? 'All is well.' : `${failures} failed, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}.`);
  return isHealthy ? 0 : 1;
}
