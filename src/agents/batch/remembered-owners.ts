import { LRUCache } from 'lru-cache';
import type { OwnerDirectory } from '../owners.ts';

/** What is asked about owners while many agents are written. */
export type Owners = Pick<OwnerDirectory, 'ownerLabel' | 'holdOwner' | 'groupsOf' | 'findByEmail'>;

const MOST = 10_000;

function remember<Value extends object | boolean>(
  ask: (key: string) => Promise<Value | undefined>,
): (key: string) => Promise<Value | undefined> {
  const known = new LRUCache<string, { readonly value: Promise<Value | undefined> }>({ max: MOST });
  return (key) => {
    const { value } = known.get(key) ?? { value: ask(key) };
    known.set(key, { value });
    return value;
  };
}

/** The same directory, which looks up each owner once: for as long as one batch takes, not longer. */
export function rememberOwners(owners: Owners): Owners {
  const ownerIn = (key: string) => JSON.parse(key) as Parameters<Owners['ownerLabel']>[0];
  const keyOf = ({ kind, id }: Parameters<Owners['ownerLabel']>[0]) => JSON.stringify({ kind, id });
  const label = remember((key) => owners.ownerLabel(ownerIn(key)));
  const held = remember((key) => owners.holdOwner(ownerIn(key)));
  const groups = remember(owners.groupsOf);
  return {
    ownerLabel: (owner) => label(keyOf(owner)),
    holdOwner: async (owner) => (await held(keyOf(owner))) === true,
    groupsOf: async (accountId) => (await groups(accountId)) ?? [],
    findByEmail: remember(owners.findByEmail),
  };
}
