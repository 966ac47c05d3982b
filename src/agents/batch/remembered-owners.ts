import { LRUCache } from 'lru-cache';
import type { AgentOwner } from '../agent.ts';
import type { OwnerDirectory } from '../owners.ts';

/** What is asked about owners while many agents are written. */
export type Owners = Pick<OwnerDirectory, 'holdOwner' | 'groupsOf' | 'findByEmail'>;

const MOST = 10_000;

/** Asks once for each key, as long as it is among those used last. */
function remember<Value>(ask: (key: string) => Promise<Value>): (key: string) => Promise<Value> {
  const known = new LRUCache<string, { readonly value: Promise<Value> }>({ max: MOST });
  return (key) => {
    const { value } = known.get(key) ?? { value: ask(key) };
    known.set(key, { value });
    return value;
  };
}

/** Who has which address, asked once each. */
export function rememberAddresses(owners: Pick<Owners, 'findByEmail'>): Owners['findByEmail'] {
  return remember(owners.findByEmail);
}

/** The same directory, which looks up and holds each owner once: for one transaction, not longer. */
export function rememberOwners(owners: Owners): Owners {
  const held = remember((key) => owners.holdOwner(JSON.parse(key) as AgentOwner));
  return {
    holdOwner: ({ kind, id }) => held(JSON.stringify({ kind, id })),
    groupsOf: remember(owners.groupsOf),
    findByEmail: rememberAddresses(owners),
  };
}
