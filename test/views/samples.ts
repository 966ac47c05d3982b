import { accessSamples } from './samples/access.ts';
import { agentSamples } from './samples/agents.ts';
import { applicationSamples } from './samples/applications.ts';
import { approvalSamples } from './samples/approvals.ts';
import { certificationSamples } from './samples/certifications.ts';
import { cardSamples } from './samples/cards.ts';
import { detailTypeSamples } from './samples/detail-types.ts';
import { documentSamples } from './samples/documents.ts';
import { delegationSamples } from './samples/delegations.ts';
import { driftSamples } from './samples/drift.ts';
import { groupSamples } from './samples/groups.ts';
import { lineageSamples } from './samples/lineage.ts';
import { overviewSamples } from './samples/overview.ts';
import { oversightSamples } from './samples/oversight.ts';
import { policySamples } from './samples/policies.ts';
import { signInSamples } from './samples/sign-in.ts';
import { softwareSamples } from './samples/software.ts';
import { toolSamples } from './samples/tools.ts';
import { trustSamples } from './samples/trust.ts';
import type { Sample } from './shapes.ts';

/** One sample or more for every page template: the gallery test renders them all, and fails for a template without one. */
export const samples: readonly Sample[] = [
  ...signInSamples,
  ...approvalSamples,
  ...overviewSamples,
  ...agentSamples,
  ...applicationSamples,
  ...accessSamples,
  ...certificationSamples,
  ...cardSamples,
  ...detailTypeSamples,
  ...delegationSamples,
  ...documentSamples,
  ...driftSamples,
  ...groupSamples,
  ...trustSamples,
  ...oversightSamples,
  ...lineageSamples,
  ...toolSamples,
  ...softwareSamples,
  ...policySamples,
];
