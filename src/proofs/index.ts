/**
 * What the server says of the past, signed so that anybody can check it later and without it. Owns the keys for that, one for each
 * purpose and none of them a key for tokens (security rule R17), their yearly replacement, and the addresses of their public
 * parts, which are never taken back. What is said is the business of whoever signs; approvals do.
 */
import type { AuditRecorder } from '../audit/index.ts';
import type { Capability } from '../capability.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/db.ts';
import type { Vault } from '../platform/vault.ts';
import { proofRoutes } from './routes.ts';
import { createProofService, type Proofs as ProofService } from './service.ts';
import { createProofKeyStore } from './store.ts';

/** The service and its contribution. */
export interface Proofs extends Pick<ProofService, 'sign' | 'keySet' | 'rotate'> {
  readonly capability: Capability;
}

const HOUR_SECONDS = 3_600;

/** Builds the capability. */
export function createProofs(deps: { db: Db; vault: Vault; clock: Clock; audit: AuditRecorder }): Proofs {
  const { sign, keySet, rotate, reseal } = createProofService({ ...deps, store: createProofKeyStore(deps) });
  return {
    sign,
    keySet,
    rotate,
    capability: {
      name: 'proofs',
      routes: proofRoutes({ keySet }),
      jobs: [
        {
          name: 'proof-keys',
          everySeconds: HOUR_SECONDS,
          run: async () => {
            await rotate();
            if (deps.vault.previousKeyCheck !== undefined) await reseal();
          },
        },
      ],
    },
  };
}
