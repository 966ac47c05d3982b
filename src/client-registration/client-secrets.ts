import type { Clock } from '../platform/clock.ts';
import { constantTimeEqual, type Vault } from '../platform/vault.ts';

/** What stands where the engine keeps a secret; it opens nothing and never leaves the server. */
export const PLACEHOLDER = 'kept-as-a-hash';

const LONGEST_SECRET = 512;
const PURPOSE = 'client-secrets';

/** The hashes of a client's secrets: two work while one replaces the other. */
export interface SecretHashes {
  readonly current: Uint8Array | undefined;
  readonly previous: Uint8Array | undefined;
  readonly previousUntil: Date | undefined;
}

/** Hashes and compares client secrets (security rule R16: machines' secrets have a keyed hash). */
export interface ClientSecrets {
  hash(clientId: string, secret: string): Buffer;
  /** Whether `presented` is one of the secrets that work now. Takes as long for a wrong one as for a right one. */
  matches(clientId: string, presented: string, hashes: SecretHashes): boolean;
}

/** Secrets under this vault's keys; during a rotation of the master key hashes under the previous one still match. */
export function createClientSecrets({ vault, clock }: { vault: Vault; clock: Clock }): ClientSecrets {
  const bound = (clientId: string, secret: string) => `${clientId}\n${secret}`;
  return {
    hash: (clientId, secret) => vault.fingerprint(PURPOSE, bound(clientId, secret)),
    matches(clientId, presented, { current, previous, previousUntil }) {
      if (presented.length > LONGEST_SECRET) return false;
      const text = bound(clientId, presented);
      const candidates = [vault.fingerprint(PURPOSE, text), vault.previousFingerprint(PURPOSE, text)];
      const isPreviousAlive = previousUntil !== undefined && clock.now() < previousUntil;
      const hashes = [current, isPreviousAlive ? previous : undefined];
      const answers = candidates.flatMap((candidate) =>
        hashes.map((hash) => candidate !== undefined && hash !== undefined && constantTimeEqual(candidate, hash)),
      );
      return answers.includes(true);
    },
  };
}
