import type { Vault } from '../platform/vault.ts';

/** How the content of an artifact lies in the database: encrypted, and bound to its model and key, so that no row can be moved. */
export interface ArtifactSeal {
  seal(model: string, idHash: Buffer, payload: Readonly<Record<string, unknown>>): Buffer;
  /** @throws when it was altered or moved. */
  open(model: string, row: { readonly id_hash: Buffer; readonly payload: Buffer }): Record<string, unknown>;
}

const PURPOSE = 'artifacts';

/** The seal with a key of its own under the master key. */
export function createArtifactSeal({ vault }: { vault: Pick<Vault, 'seal' | 'open'> }): ArtifactSeal {
  const context = (model: string, idHash: Buffer) => `${model}:${idHash.toString('hex')}`;
  return {
    seal: (model, idHash, payload) => vault.seal(PURPOSE, JSON.stringify(payload), context(model, idHash)),
    open: (model, row) => JSON.parse(vault.open(PURPOSE, row.payload, context(model, row.id_hash)).toString()) as Record<string, unknown>,
  };
}
