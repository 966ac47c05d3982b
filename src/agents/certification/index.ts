/**
 * Certification campaigns: whoever answers for agents says by a date that they are still needed, or the agents are suspended. Owns
 * the campaigns, who was asked and what they answered; suspends through the lifecycle like everybody else, so that tokens end in
 * the same transaction. Part of the registry: `src/agents/index.ts` puts it together.
 */
import type { Clock } from '../../platform/clock.ts';
import { basePathOf } from '../../platform/http/issuer-path.ts';
import type { Routes } from '../../platform/http/web.ts';
import type { Job } from '../../platform/jobs.ts';
import type { Agent } from '../agent.ts';
import type { OwnerDirectory } from '../owners.ts';
import type { AgentService } from '../service.ts';
import type { Surroundings } from '../surroundings.ts';
import { createCampaignConsole } from './console/routes.ts';
import type { ItemStore } from './items/store.ts';
import { type CertifiedFact, factsAbout } from './present.ts';
import { createOwnerRoutes } from './routes.ts';
import { type CertificationDeps, type CertificationService, createCertificationService } from './service.ts';

/** What certification stands on. */
export interface CertificationParts extends CertificationDeps {
  readonly issuer: URL;
  readonly clock: Clock;
  readonly owners: OwnerDirectory;
  readonly items: ItemStore;
  readonly surroundings: Pick<Surroundings, 'reachOf'>;
  readonly agents: Pick<AgentService, 'setStatus' | 'find'>;
}

/** Certification as the registry uses it. */
export interface Certification extends CertificationService {
  /** What the page of an agent says about it. */
  factsAbout(agent: Agent): Promise<readonly CertifiedFact[]>;
  readonly routes: Routes;
  readonly job: Job;
}

const EVERY_SECONDS = 60;

/** Puts it together. */
export function createCertification(parts: CertificationParts): Certification {
  const service = createCertificationService(parts);
  const nameOfAgent = async (id: string) => (await parts.agents.find(id))?.displayName;
  const edge = { ...parts, service, nameOfAgent, base: basePathOf(parts.issuer) };
  const [own, console] = [createOwnerRoutes(edge), createCampaignConsole(edge)];
  return {
    ...service,
    factsAbout: (agent) => factsAbout(agent, edge),
    routes: (router, web) => {
      own(router, web);
      console(router, web);
    },
    job: { name: 'agents-certification', everySeconds: EVERY_SECONDS, run: service.settle },
  };
}
