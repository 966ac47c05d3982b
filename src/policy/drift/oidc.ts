import type { KoaContextWithOIDC } from 'oidc-provider';
import { differenceOf, type DriftService, fingerprintOf, isAgreed, readRunning, type Running } from '../../agents/index.ts';
import type { AuditRecorder } from '../../audit/index.ts';
import { refuse } from '../../oidc/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import type { DriftInput } from '../decision.ts';
import type { AgentFacts, PrincipalFacts } from '../principal.ts';
import { risksUpTo } from './setting.ts';
import type { DriftSettingStore } from './store.ts';

/** What a token request says of the software, where the record of the agent does not say it. */
export interface SeenDrift extends DriftInput {
  /** Keeps it. Called only for a request that would have got a token: anybody can name a public client. */
  note(): Promise<'goes_on' | 'stopped'>;
}

/** What it stands on. */
export interface DriftWatchDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly audit: AuditRecorder;
  readonly drift: Pick<DriftService, 'note'>;
  readonly settings: Pick<DriftSettingStore, 'find' | 'hold'>;
}

/** Looks at a token request; undefined when there is nothing to note. Costs no statement unless something differs. */
export type DriftWatch = (ctx: KoaContextWithOIDC, facts: PrincipalFacts) => Promise<SeenDrift | undefined>;

const AGAIN_MS = 60_000;
const MOST_REMEMBERED = 10_000;

/** What was noted a moment ago by this server: an agent whose record says nothing must not write with every token. */
function createMemory(clock: Clock) {
  const noted = new Map<string, number>();
  return {
    has: (key: string) => clock.now().getTime() - (noted.get(key) ?? 0) < AGAIN_MS,
    add(key: string) {
      if (noted.size >= MOST_REMEMBERED) noted.clear();
      noted.set(key, clock.now().getTime());
    },
  };
}

const keyOf = (agent: AgentFacts, running: Running) => `${agent.id} ${fingerprintOf(running)}`;

/** Reads `agent_manifest_digest` and `agent_model` of every grant, and holds them against the record of the client's agent. */
export function createDriftWatch({ db, clock, audit, drift, settings }: DriftWatchDeps): DriftWatch {
  const memory = createMemory(clock);

  const read = (ctx: KoaContextWithOIDC, clientId: string): Running | undefined => {
    try {
      return readRunning(ctx.oidc.params as Record<string, unknown>);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const { message } = error;
      const event = { type: 'token.refused', actor: { kind: 'client', id: clientId }, clientId, outcome: 'refused' } as const;
      const record = () => audit.record({ ...event, cause: 'invalid_request', remedy: message });
      return refuse(db, { error: 'invalid_request', description: message, record });
    }
  };
  const noteOf = (agent: AgentFacts, clientId: string, running: Running) => async () => {
    const risksThatGoOn = async () => risksUpTo((await settings.hold()).choice);
    const outcome = await drift.note({ agentId: agent.id, clientId, running, risksThatGoOn });
    if (outcome === 'noted') memory.add(keyOf(agent, running));
    return outcome === 'stopped' ? 'stopped' : 'goes_on';
  };
  return async (ctx, { client, agent }) => {
    const clientId = client?.id ?? '';
    const running = read(ctx, clientId);
    if (running === undefined || agent === undefined) return undefined;
    if (agent.status !== 'active' && agent.status !== 'underReview') return undefined;
    const difference = differenceOf(agent, running);
    if (isAgreed(difference)) return undefined;
    const note = noteOf(agent, clientId, running);
    if (difference.contradicted.length === 0) {
      return memory.has(keyOf(agent, running)) ? undefined : { differs: false, goesOn: true, note };
    }
    const isCovered = risksUpTo((await settings.find()).choice).includes(agent.riskLevel);
    return { differs: true, goesOn: isCovered && (agent.status === 'active' || agent.actsUnderReview), note };
  };
}
